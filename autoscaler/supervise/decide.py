"""What to do about an application whose clusters may be under their minimums. Pure; the clock is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from autoscaler.observe.members import NOTHING, SeenCluster
from autoscaler.supervise.memory import FIRST_PAUSE, FORGET, LASTING, Memory
from blueprints.plan import Plan, PlannedCluster
from blueprints.scale import RestartState
from policies.termination import Restart, restart

Seen = Mapping[str, SeenCluster]


@dataclass(frozen=True, slots=True)
class View:
    """An application at one moment, `now` in seconds since the epoch.

    plan: at its scale, as if no restart were under way. restart: the one that the config says is under way.
    seen: its clusters by Kubernetes name; None while the API server is away. updating: who updates its
    stack now; empty when nobody does. resting: why it is to be left alone, such as maintenance; or empty.
    """

    now: float
    plan: Plan
    seen: Seen | None
    restart: RestartState | None = None
    updating: str = ""
    resting: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do; look again at `until` at the latest (None: when something changes).

    `retry`: what is waited for is the next attempt of a restart that did not help.
    """

    reason: str
    until: float | None = None
    retry: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin a restart: it ends what `restart.stop` says and starts it again. Also to begin one anew."""

    restart: Restart
    reason: str


@dataclass(frozen=True, slots=True)
class GoOn:
    """Go on with a restart that was under way: end what is left to end, or only start."""

    restart: Restart
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """All that was restarted serves again: take the note of the restart away."""

    reason: str


Decision = Wait | Begin | GoOn | Finish


def decide(view: View, memory: Memory) -> tuple[Decision, Memory]:
    """What to do now, and what to remember."""
    if view.resting:
        return Wait(view.resting), replace(memory, below={}, looked=view.now)
    if view.seen is None:
        return Wait("the API server is away"), replace(memory, below={}, looked=view.now)
    memory = _remembered(view, memory)
    if view.updating:
        return Wait(f"being updated by {view.updating}"), memory
    if view.restart is not None:
        return _about_the_restart_under_way(view, view.restart, memory), memory
    return _about_failures(view, memory), memory


def _remembered(view: View, memory: Memory) -> Memory:
    """Since when each cluster is under its minimum; during an update nothing new counts."""
    before = memory.below if view.now - memory.looked <= FORGET else {}
    below = {
        cluster.id: min(before.get(cluster.id, view.now), view.now)
        for cluster in view.plan.clusters.values()
        if is_below(cluster, view.seen or {}) and (cluster.id in before or not view.updating)
    }
    lasting = not below and view.restart is None and view.now - memory.ended > LASTING
    if lasting:
        return replace(memory, below=below, looked=view.now, attempts=0, trouble="")
    return replace(memory, below=below, looked=view.now)


def is_below(cluster: PlannedCluster, seen: Seen) -> bool:
    """Whether a cluster has fewer ready members than its minimum though Kubernetes was told to keep them.

    A cluster that was never made, or that a person has set lower by hand, has not failed.
    """
    return _is_told(cluster, seen) and seen[cluster.name].ready < _least(cluster)


def serves(cluster: PlannedCluster, seen: Seen) -> bool:
    """Whether a cluster is kept at, and has, at least its minimum of ready members."""
    return _is_told(cluster, seen) and seen[cluster.name].ready >= _least(cluster)


def _is_told(cluster: PlannedCluster, seen: Seen) -> bool:
    wanted = seen.get(cluster.name, NOTHING).wanted
    return wanted is not None and wanted >= _least(cluster)


def _least(cluster: PlannedCluster) -> int:
    return min(cluster.bounds.min, cluster.members)


def _about_failures(view: View, memory: Memory) -> Decision:
    if not memory.below:
        return Wait("all clusters have their members")
    due = {id: since + _grace(view.plan, id) for id, since in memory.below.items()}
    failed = [id for id in memory.below if due[id] <= view.now]
    answer = restart(view.plan, *failed)
    if not answer.clusters:
        later = [at for at in due.values() if at > view.now]
        under = f"under its minimum: {', '.join(memory.below)}"
        if failed:
            under += f"; {answer.reason}"
        return Wait(under, min(later, default=None))
    if view.now < memory.next_attempt and memory.knows(failed):
        return Wait(f"{answer.reason}; the restart before did not help", memory.next_attempt, True)
    return Begin(answer, answer.reason)


def _about_the_restart_under_way(view: View, state: RestartState, memory: Memory) -> Decision:
    failed = [id for id in state.failed if id in view.plan.clusters]
    answer = restart(view.plan, *failed)
    why = f"{answer.reason}; it did not come back: {memory.trouble}"
    if state.stopped:
        if memory.trouble and view.now < memory.next_attempt:
            return Wait(why, memory.next_attempt, retry=True)
        return GoOn(answer, f"{answer.reason}: goes on where it was left")
    seen = view.seen or {}
    if all(serves(view.plan.clusters[id], seen) for id in answer.clusters):
        return Finish("all that was restarted serves again")
    if not memory.trouble:
        return GoOn(answer, f"{answer.reason}: what waits is started")
    until = memory.next_attempt
    waits = [c for c in answer.clusters if not _is_told(view.plan.clusters[c], seen)]
    if waits and all(serves(view.plan.clusters[id], seen) for id in failed):
        # Kubernetes has healed what failed; those who waited for it were not even told to start.
        until = min(until, memory.ended + FIRST_PAUSE)
        if view.now >= until:
            return GoOn(answer, f"{answer.reason}: it is back, and what waits is started")
    if view.now < until:
        return Wait(why, until, retry=True)
    return Begin(answer, f"{answer.reason}: attempt {memory.attempts + 1}")


def _grace(plan: Plan, id: str) -> float:
    return float(plan.clusters[id].use.healing.grace.seconds)

"""A restart, step by step. Each step is in the stack's config before it is done, so that whoever comes
after a killed supervisor sees how far it was, and so does a person."""

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from autoscaler.act.update_errors import UpdateError
from autoscaler.observe.members import NOTHING, SeenCluster
from autoscaler.supervise.decide import Seen, serves
from autoscaler.supervise.updates import Updates
from blueprints.plan import Plan, PlannedCluster
from blueprints.scale import RestartState
from policies.termination import Restart

LEAVING_SECONDS = 5.0
"""How long a member that leaves goes on serving before it is asked to end."""
ENDING_SLACK = 30.0
ENDING_UPDATE_SECONDS = 120.0
USUAL_START_SECONDS = 60.0
START_SLACK = 60.0
LOOK_SECONDS = 0.25

Look = Callable[[], Seen | None]
Tell = Callable[[str], None]


class Interrupted(Exception):
    """The supervisor was asked to end. What was done so far is in the config; the next start goes on."""


class RestartFailed(Exception):
    """The clusters did not come back; the message says which, and why, in words."""

    exit_code = 1


@dataclass(frozen=True)
class Restarter:
    """Carries out restarts of one stack's application.

    look: what the API server says of its clusters now, None while it is away. tell: takes what happens,
    for people. stopped: set when the supervisor ends. clock: seconds, any origin; pause: waits some seconds.
    """

    stack: str
    plan: Plan
    updates: Updates
    look: Look
    tell: Tell
    stopped: threading.Event
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], object] = time.sleep

    def begin(self, restart: Restart) -> None:
        """End those who restart and start them. Raises RestartFailed, and what updates raise."""
        self._end(restart, frozenset())
        self._start(restart)

    def go_on(self, restart: Restart, state: RestartState) -> None:
        """Go on with a restart that was left at `state`. Raises as `begin`."""
        if state.stopped:
            self._end(restart, frozenset(state.stopped))
        self._start(restart)

    def finish(self) -> None:
        """Take the note of the restart away."""
        self.updates.note(self.stack, lambda scale: scale.with_restart(None))

    def _end(self, restart: Restart, stopped: frozenset[str]) -> None:
        """Hold each stage at no members, those that wait for others first, until its members are gone."""
        for stage in restart.stop:
            stopped |= set(stage)
            if self._are_gone(stage) and stage is not restart.stop[-1]:
                continue  # the update of the next stage holds these, too
            state = RestartState(failed=restart.failed, stopped=tuple(c for c in self._order if c in stopped))
            self.tell(f"ending {', '.join(stage)}")
            self._apply(state, f"{restart.reason}: ending", self._after(ENDING_UPDATE_SECONDS))
            self._await_end(stage)

    def _after(self, seconds: float) -> Callable[[], bool]:
        deadline = self.clock() + seconds
        return lambda: self.clock() > deadline

    @property
    def _order(self) -> Iterable[str]:
        return (cluster for stage in self.plan.stages for cluster in stage)

    def _are_gone(self, stage: Iterable[str]) -> bool:
        seen = self.look()
        return seen is not None and not any(
            (found := self._found(cluster, seen)).members or found.wanted for cluster in stage
        )

    def _found(self, cluster: str, seen: Seen) -> SeenCluster:
        return seen.get(self.plan.clusters[cluster].name, NOTHING)

    def _await_end(self, stage: Iterable[str]) -> None:
        """Return when no member of the stage is left, or when they had all the time they may take."""
        limit = max(_ending_seconds(self.plan.clusters[cluster]) for cluster in stage)
        deadline = self.clock() + limit
        while not self._are_gone(stage):
            if self.clock() >= deadline:
                # Members of a host that died stay in sight until it is replaced: that must not end all.
                self.tell(f"{', '.join(stage)}: members are still ending after {limit:.0f} s; going on")
                return
            self.pause(LOOK_SECONDS)
        self.tell(f"{', '.join(stage)}: no members left")

    def _start(self, restart: Restart) -> None:
        """Let all of them start, in startup order, until each has its minimum. Raises RestartFailed."""
        self.tell(f"starting {' then '.join(', '.join(stage) for stage in restart.start)}")
        progress = _Progress([self.plan.clusters[cluster] for cluster in restart.clusters], self.clock)
        started = RestartState(failed=restart.failed)
        try:
            self._apply(started, f"{restart.reason}: starting", lambda: progress.is_in_vain(self.look()))
        except UpdateError as error:
            if progress.trouble:
                raise RestartFailed(progress.trouble) from error
            raise
        self.finish()
        self.tell(f"{', '.join(c for c in self._order if c in restart.clusters)}: ready again")

    def _apply(self, state: RestartState, reason: str, is_in_vain: Callable[[], bool]) -> None:
        """One edit and its update, given up where it is in vain. Raises Interrupted when asked to end."""
        if self.stopped.is_set():
            raise Interrupted("the supervisor ends; the next start goes on")
        give_up, over = threading.Event(), threading.Event()

        def watch_over() -> None:
            while not over.wait(LOOK_SECONDS):
                if self.stopped.is_set() or is_in_vain():
                    give_up.set()
                    return

        guard = threading.Thread(target=watch_over, daemon=True)
        guard.start()
        try:
            self.updates.apply(self.stack, lambda scale: scale.with_restart(state), reason, give_up)
        except UpdateError as error:
            if self.stopped.is_set():
                raise Interrupted("the supervisor ends; the next start goes on") from error
            raise
        finally:
            over.set()
            guard.join()


def _ending_seconds(cluster: PlannedCluster) -> float:
    return LEAVING_SECONDS + math.ceil(cluster.cartridge.draining.grace.seconds) + ENDING_SLACK


def start_seconds(cluster: PlannedCluster) -> float:
    """How long a cluster may take to its next ready member: its startup probe's patience, and some more.

    An update waits far longer, as images may have to be pulled; here they are on the hosts already.
    """
    probe = cluster.cartridge.probes.startup
    if probe is None:
        return USUAL_START_SECONDS + START_SLACK
    return float(probe.delay.seconds + probe.period.seconds * probe.failures) + START_SLACK


class _Progress:
    """Tells when waiting on is in vain: a member in a crash loop, or no progress for too long."""

    def __init__(self, clusters: Iterable[PlannedCluster], clock: Callable[[], float]) -> None:
        self._clusters = {cluster.id: cluster for cluster in clusters}
        self._clock = clock
        self._before: Mapping[str, int] = {}
        self._since = clock()
        self.trouble = ""

    def is_in_vain(self, seen: Seen | None) -> bool:
        """Judge by what is seen now; `trouble` says why, in words."""
        if seen is None:
            self._since = self._clock()
            return False
        ready = {id: seen.get(c.name, NOTHING).ready for id, c in self._clusters.items()}
        if ready != self._before:
            self._before, self._since = ready, self._clock()
        waiting = [c for c in self._clusters.values() if not serves(c, seen)]
        for cluster in waiting:
            for member in seen.get(cluster.name, NOTHING).crashing:
                self.trouble = f"{cluster.id} does not start: {member.name}: {member.state}"
                return True
        limit = max((start_seconds(cluster) for cluster in waiting), default=math.inf)
        if self._clock() - self._since > limit:
            self.trouble = "; ".join(
                _why(cluster, seen, limit) for cluster in waiting if _is_due(cluster, seen)
            )
            return True
        return False


def _is_due(cluster: PlannedCluster, seen: Seen) -> bool:
    """Whether Kubernetes was told to start it: what still waits for others is not to blame."""
    return bool(seen.get(cluster.name, NOTHING).wanted)


def _why(cluster: PlannedCluster, seen: Seen, limit: float) -> str:
    found = seen.get(cluster.name, NOTHING)
    states = dict.fromkeys(member.state for member in found.members if not member.ready)
    told = "; ".join(states) or "Kubernetes makes no members (a quota?)"
    return f"{cluster.id} has {found.ready} of {cluster.members} members after {limit:.0f} s: {told}"

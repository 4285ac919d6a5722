"""Termination behaviour: what restarts when a cluster stays under its minimum. Pure.

At each level from the failed cluster upwards the level's own behaviour applies to its failed
child:

- `none`: nothing at this level; the cluster is healed in place.
- `dependents`: everything that waited for the child, directly or through others, and the
  child itself where it is a cluster. With nothing waiting for it, it is healed in place. A
  child that is a group is not restarted as a whole: its own level has dealt with it.
- `all`: everything in this level.
"""

from dataclasses import dataclass

from blueprints.kinds.level import Termination
from blueprints.order import stages, transitive_successors
from blueprints.plan import Plan, PlannedLevel


@dataclass(frozen=True, slots=True)
class Step:
    """What one level had to say."""

    level: str
    """The level's id; empty for the application."""
    child: str
    """The alias of the child that failed in it."""
    behaviour: Termination
    clusters: tuple[str, ...]
    """The ids of the clusters it restarts."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Which clusters end and start again, in stages; nothing where the cluster is healed in place."""

    failed: tuple[str, ...]
    stop: tuple[tuple[str, ...], ...]
    """Cluster ids in the order of ending: those that wait for others first."""
    start: tuple[tuple[str, ...], ...]
    """Cluster ids in the order of starting."""
    steps: tuple[Step, ...]
    """What each level said, from the innermost, one failed cluster after the other."""

    @property
    def clusters(self) -> frozenset[str]:
        """All clusters that restart."""
        return frozenset(c for stage in self.start for c in stage)

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        said = [
            f"{f'group {s.level}' if s.level else 'the application'} restarts "
            f"{'all' if s.behaviour == 'all' else f'what waited for {s.child}'}"
            for s in self.steps
            if s.clusters
        ]
        told = "; ".join(dict.fromkeys(said))
        healed = "it is healed in place" if len(self.failed) == 1 else "they are healed in place"
        return f"{', '.join(self.failed)} failed: {told or healed}"


def restart(plan: Plan, *failed: str) -> Restart:
    """What restarts after `failed` (cluster ids) have stayed under their minimums. Raises KeyError.

    Several failures are answered by one restart of all that any of them asks for.
    """
    steps = tuple(step for identity in failed for step in _steps(plan, identity))
    start = _restricted(plan, {cluster for step in steps for cluster in step.clusters})
    return Restart(failed, tuple(reversed(start)), start, steps)


def _steps(plan: Plan, failed: str) -> list[Step]:
    level_id: str | None = plan.clusters[failed].level
    child = plan.clusters[failed].alias
    steps: list[Step] = []
    while level_id is not None:
        level = plan.levels[level_id]
        found = _affected(level, child)
        steps.append(Step(level_id, child, level.termination, tuple(c for c in plan.clusters if c in found)))
        child, level_id = level.alias, level.parent
    return steps


def _affected(level: PlannedLevel, child: str) -> set[str]:
    if level.termination == "all":
        return {c for other in level.children.values() for c in other.clusters}
    if level.termination == "dependents":
        after = transitive_successors(level.waits_for, child)
        if after:
            again = after | ({child} if level.children[child].kind == "cluster" else set())
            return {c for alias in again for c in level.children[alias].clusters}
    return set()


def _restricted(plan: Plan, clusters: set[str]) -> tuple[tuple[str, ...], ...]:
    """The startup order among some of the clusters, keeping order through those left out."""
    reach: dict[str, tuple[str, ...]] = {}
    for stage in plan.stages:
        for identity in stage:
            waits = plan.clusters[identity].waits_for
            found = dict.fromkeys(w for w in waits if w in clusters)
            for wait in waits:
                if wait not in clusters:
                    found.update(dict.fromkeys(reach[wait]))
            reach[identity] = tuple(found)
    return stages({identity: reach[identity] for identity in plan.clusters if identity in clusters})

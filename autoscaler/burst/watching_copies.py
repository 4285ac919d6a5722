"""The stacks of one application together: its copies, what their load asks for, what they have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.watched import ScaledCluster, View
from autoscaler.observe.members import NOTHING
from blueprints.kinds.application_policy import ApplicationPolicy


@dataclass(frozen=True)
class Copies:
    """The stacks of one application that are looked at: its home, and all in the policy's order."""

    application: str
    home: ApplicationLoop
    all: tuple[ApplicationLoop, ...]
    policy: ApplicationPolicy | None

    @property
    def home_view(self) -> View:
        """The home's; it is always there."""
        assert self.home.view is not None
        return self.home.view

    def settled(self) -> list[ApplicationLoop]:
        """Whole copies that answer and that no move has to itself."""
        return [
            each
            for each in self.all
            if each.considered is not None
            and not each.moving
            and not each.considered.view.resting
            and not each.considered.view.beside
        ]

    def beside(self) -> dict[str, ApplicationLoop]:
        """Stacks with members beside the home, by cloud."""
        return {each.view.cloud: each for each in self.all if each.view is not None and each.view.beside}

    @property
    def overflows(self) -> bool:
        """Whether a policy lets single clusters have members in further clouds, or did and some are there."""
        placing = self.home_view.placing
        return placing is not None and (bool(self.beside()) or bool(placing.overflowing.clusters))


def applications(loops: Mapping[str, ApplicationLoop]) -> Iterator[Copies]:
    """Applications whose home is readable, with a policy about places or without."""
    by_name: dict[str, list[ApplicationLoop]] = {}
    for stack, loop in loops.items():
        by_name.setdefault(stack.removeprefix("app-").partition("--")[0], []).append(loop)
    for name, found in by_name.items():
        home = next((each for each in found if each.stack == f"app-{name}"), None)
        if home is None or home.view is None:
            continue
        placing = home.view.placing
        order = [home.view.cloud, *(placing.clouds.values() if placing is not None else ())]

        def rank(loop: ApplicationLoop, home: ApplicationLoop = home, order: list[str] = order) -> int:
            cloud = loop.view.cloud if loop.view is not None else ""
            return -1 if loop is home else order.index(cloud) if cloud in order else len(order)

        yield Copies(name, home, tuple(sorted(found, key=rank)), placing.policy if placing else None)


def by_load(loop: ApplicationLoop) -> list[str]:
    """The clusters that load decides about; those that people have pinned stay as they are."""
    found = loop.considered
    if found is None:
        return []
    clusters = found.view.clusters
    return [
        path
        for path in found.decisions
        if (policy := clusters[path].policy) is not None and policy.pinned is None and not policy.paused
    ]


@dataclass(frozen=True, slots=True)
class Need:
    """What the load asks for in members, by path, as far as it is known. whole: nothing of it is unknown."""

    members: Mapping[str, float]
    whole: bool


def need_over(copies: Copies, policy: ApplicationPolicy) -> Need:
    """What the load asks for over the copies that answer.

    Clusters with data do not count unless they are replicated: another copy is no help for them.
    """
    data = policy.burst.data if policy.burst is not None else "replicate"
    found: dict[str, float] = {}
    answering = copies.settled()
    whole = bool(answering)
    for path in sorted({path for each in answering for path in by_load(each)}):
        having = [each for each in answering if path in by_load(each)]
        views = [each.considered.view for each in having if each.considered is not None]
        if data != "replicate" and any(c.persistence for view in views for c in view.clusters[path].copies):
            continue
        whole = whole and need_of(having, path) is not None
        if known := _known(having, path):
            found[path] = sum(known)
    return Need(found, whole)


def need_of(having: Sequence[ApplicationLoop], path: str) -> float | None:
    """What the load asks for over copies that have the cluster; None while it is not wholly known of all."""
    decisions = [each.considered.decisions[path] for each in having if each.considered is not None]
    return sum(_known(having, path)) if all(each.whole for each in decisions) else None


def _known(having: Sequence[ApplicationLoop], path: str) -> list[float]:
    needs = [each.considered.decisions[path].need for each in having if each.considered is not None]
    return [need for need in needs if need is not None]


def lead(loop: ApplicationLoop) -> float:
    """How far ahead its decisions look already."""
    assert loop.considered is not None
    return max((each.lead_seconds for each in loop.considered.decisions.values()), default=0.0)


def ready(loop: ApplicationLoop, cluster: ScaledCluster) -> int:
    return sum(loop.seen.get(copy.name, NOTHING).ready for copy in cluster.copies)

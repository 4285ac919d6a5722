"""A quota over all applications of a deployment policy, shared out among them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.placement.filling import lowered, raised

Key = tuple[str, str]
"""An application, and one of its clusters."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one cluster wants of a quota, over all its copies and clouds.

    least: what it may always have; now: what it is asked to have; wanted: what it would have without a
    quota.
    """

    application: str
    cluster: str
    least: int
    now: int
    wanted: int

    @property
    def key(self) -> Key:
        return self.application, self.cluster


def shared_out(quota: int, wishes: Sequence[Wish]) -> dict[Key, int]:
    """The members that each cluster may have.

    Minimums come first and are never touched, whatever the quota says. What runs and is still wanted stays
    next, and where it does not fit any more, the largest give back. What is left goes to the application with
    the fewest members, one after another, and in it to the cluster with the fewest: so who came first takes
    nothing that others wait for.
    """
    least = {each.key: each.least for each in wishes}
    kept = {each.key: max(each.least, min(each.now, each.wanted)) for each in wishes}
    over = sum(kept.values()) - quota
    if over > 0:
        return _by_application(kept, least, -over)
    most = {each.key: max(each.wanted, kept[each.key]) for each in wishes}
    return _by_application(kept, most, -over)


def _by_application(now: Mapping[Key, int], bound: Mapping[Key, int], change: int) -> dict[Key, int]:
    """`change` members more or fewer, up or down to the bounds: evenly over applications, then in each."""
    names = list(dict.fromkeys(application for application, _ in now))
    keys = {name: [key for key in now if key[0] == name] for name in names}
    sums = [sum(now[key] for key in keys[name]) for name in names]
    bounds = [sum(bound[key] for key in keys[name]) for name in names]
    found: dict[Key, int] = {}
    for name, before, after in zip(names, sums, _evenly(sums, bounds, change), strict=True):
        inner = keys[name]
        given = _evenly([now[key] for key in inner], [bound[key] for key in inner], after - before)
        found |= dict(zip(inner, given, strict=True))
    return found


def _evenly(now: Sequence[int], bound: Sequence[int], change: int) -> list[int]:
    weights, ties = [1] * len(now), [(0.0, index) for index in range(len(now))]
    if change < 0:
        return lowered(now, bound, weights, ties, -change)
    return raised(now, bound, weights, ties, change)

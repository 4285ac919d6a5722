"""Which members go when a cluster shrinks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Member:
    """A running or starting member; ``load`` in any unit (requests in flight, say), ``age`` in seconds."""

    name: str
    ready: bool = True
    load: float = 0.0
    age: float = 0.0
    zone: str = ""


def choose_victims(members: Iterable[Member], count: int) -> tuple[str, ...]:
    """Names of ``count`` members in the order they should go; all of them when there are fewer.

    Members that do not serve yet go first: nobody misses them. Then one at a time from the zone that has
    most left, so that zones stay within one of each other; there the least loaded, and among equals the
    youngest, whose caches are coldest. Names break ties, so that the answer never depends on the order given.
    """
    remaining = sorted(members, key=lambda member: (member.load, member.age, member.name))
    chosen: list[str] = []
    for member in sorted((one for one in remaining if not one.ready), key=lambda one: (one.age, one.name)):
        if len(chosen) >= count:
            return tuple(chosen)
        chosen.append(member.name)
        remaining.remove(member)
    by_zone = Counter(member.zone for member in remaining)
    while remaining and len(chosen) < count:
        fullest = max(by_zone.values())
        victim = next(member for member in remaining if by_zone[member.zone] == fullest)
        chosen.append(victim.name)
        remaining.remove(victim)
        by_zone[victim.zone] -= 1
    return tuple(chosen)


def deletion_costs(members: Iterable[Member]) -> dict[str, int]:
    """A cost by member for ``controller.kubernetes.io/pod-deletion-cost``: the lowest goes first."""
    known = list(members)
    return {name: place for place, name in enumerate(choose_victims(known, len(known)))}

"""One decision for a whole application: ratios between its parts, group instances, overflow.

Clusters are decided singly first. Here their wishes meet: parts bound by a ratio follow the most demanding
one, a group whose clusters are full gets another instance, and what fits nowhere is named as overflow, the
reason to burst. The outcome is one edit of the application's scale.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

# A group instance goes only when the rest would be this full at most: instances are costly to make again.
FULL_AFTER_SHRINKING = 0.8


class ApplicationShapeError(ValueError):
    """Parts that do not fit together; the message names them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A cluster or a group by its path of aliases (``search/engine``); bounds are for each copy of it.

    ``most``: how many members all copies may have together, by the room there is; None without a bound.
    It makes no group grow, as another instance would find no more.
    """

    path: str
    minimum: int
    maximum: int
    most: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ApplicationShapeError(f"{self.path}: {self.minimum} to {self.maximum} is not a range")


@dataclass(frozen=True, slots=True)
class Proportion:
    """Parts that keep a ratio: ``parts[i]`` copies of ``members[i]``; members are paths."""

    members: tuple[str, ...]
    parts: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.members) != len(self.parts) or len(self.members) < 2 or min(self.parts) < 1:
            raise ApplicationShapeError(
                f"ratio {':'.join(map(str, self.parts))} does not fit {', '.join(self.members)}"
            )


@dataclass(frozen=True, slots=True)
class Shape:
    """An application's clusters, groups and ratios."""

    clusters: Mapping[str, Part]
    groups: Mapping[str, Part] = field(default_factory=dict)
    proportions: tuple[Proportion, ...] = ()

    def __post_init__(self) -> None:
        known = set(self.clusters) | set(self.groups)
        for proportion in self.proportions:
            for member in proportion.members:
                if member not in known:
                    raise ApplicationShapeError(
                        f"ratio names {member!r}; known are {', '.join(sorted(known))}"
                    )

    def around(self, path: str) -> tuple[str, ...]:
        """Groups a part is in, innermost first."""
        aliases = path.split("/")[:-1]
        return tuple("/".join(aliases[:end]) for end in range(len(aliases), 0, -1))


@dataclass(frozen=True, slots=True)
class ApplicationDecision:
    """Members for each copy of a cluster, instances for each copy of a group, and why.

    ``overflow`` is how many members of a cluster, over all copies, found no place within the bounds.
    """

    clusters: Mapping[str, int]
    groups: Mapping[str, int]
    overflow: Mapping[str, int]
    reasons: tuple[str, ...]


def decide_application(
    shape: Shape, wanted: Mapping[str, int], instances: Mapping[str, int]
) -> ApplicationDecision:
    """Join the clusters' wishes.

    ``wanted`` is by cluster path the members wanted over all its copies, not cut at the maximum (a cluster
    left out wants its minimum); ``instances`` is by group path what runs now for each copy of the group
    around it. Raises `ApplicationShapeError` for a path that the shape does not know.
    """
    for path in (*wanted, *instances):
        if path not in shape.clusters and path not in shape.groups:
            raise ApplicationShapeError(f"{path!r} is not a part of the application")
    groups = {
        path: min(group.maximum, max(group.minimum, instances.get(path, group.minimum)))
        for path, group in shape.groups.items()
    }
    reasons: list[str] = []
    totals = {
        path: wanted.get(path, part.minimum * _copies(shape, groups, path))
        for path, part in shape.clusters.items()
    }
    # Ratios raise wishes, full clusters raise groups, groups in a ratio raise others: all only upwards and
    # bounded, so that the rounds end.
    floors = _shrunk(shape, totals, groups, reasons)
    followers: dict[tuple[int, str], tuple[int, Fraction]] = {}
    while True:
        before = (dict(totals), dict(floors))
        _apply_proportions(shape, totals, floors, followers, reasons)
        _grow_groups(shape, totals, floors, reasons)
        if (totals, floors) == before:
            break
    clusters: dict[str, int] = {}
    overflow: dict[str, int] = {}
    for path, part in shape.clusters.items():
        copies = _copies(shape, floors, path)
        each = math.ceil(totals[path] / copies) if copies else 0
        room = part.maximum * copies
        if part.most is not None and each * copies > part.most:
            each = part.most // copies
            room = min(room, part.most)
        clusters[path] = min(part.maximum, max(part.minimum, each))
        if totals[path] > room:
            overflow[path] = totals[path] - room
            reasons.append(f"{overflow[path]} members of {path} fit nowhere within the maximum.")
    return ApplicationDecision(clusters, floors, overflow, tuple(dict.fromkeys(reasons)))


def _copies(shape: Shape, groups: Mapping[str, int], path: str) -> int:
    return math.prod(groups[group] for group in shape.around(path) if group in groups)


def _most_copies(shape: Shape, path: str) -> int:
    return math.prod(shape.groups[group].maximum for group in shape.around(path) if group in shape.groups)


def _inside(shape: Shape, group: str) -> Iterable[str]:
    return (path for path in shape.clusters if group in shape.around(path))


def _shrunk(
    shape: Shape, totals: Mapping[str, int], groups: Mapping[str, int], reasons: list[str]
) -> dict[str, int]:
    """Group instances after taking away those that are not needed by far; innermost groups first."""
    shrunk = dict(groups)
    for group in sorted(groups, key=lambda path: -path.count("/")):
        while shrunk[group] > shape.groups[group].minimum:
            fewer = {**shrunk, group: shrunk[group] - 1}
            fits = all(
                totals[path]
                <= FULL_AFTER_SHRINKING * shape.clusters[path].maximum * _copies(shape, fewer, path)
                for path in _inside(shape, group)
            )
            if not fits:
                break
            shrunk = fewer
        if shrunk[group] < groups[group]:
            reasons.append(f"Group {group} needs {shrunk[group]} instances, not {groups[group]}.")
    return shrunk


def _apply_proportions(
    shape: Shape,
    totals: dict[str, int],
    groups: dict[str, int],
    followers: dict[tuple[int, str], tuple[int, Fraction]],
    reasons: list[str],
) -> None:
    """Raise what is under its share. ``followers``: count and exact factor that a proportion gave a part; as
    long as it stands there, its rounding up makes nobody else follow."""
    for number, proportion in enumerate(shape.proportions):
        have = {
            path: totals[path] if path in totals else groups[path] * _copies(shape, groups, path)
            for path in proportion.members
        }
        factors = {}
        for path, part in zip(proportion.members, proportion.parts, strict=True):
            put, factor = followers.get((number, path), (None, Fraction(0)))
            factors[path] = factor if put == have[path] else Fraction(have[path], part)
        leader = max(factors, key=lambda path: factors[path])
        parts = dict(zip(proportion.members, proportion.parts, strict=True))
        for path, share in parts.items():
            due = math.ceil(factors[leader] * share)
            reason = f"follows {leader} at {share}:{parts[leader]}."
            if path in totals:
                # A follower is never asked for more than it may have at most: only wishes of its own can
                # overflow, and ratios that contradict each other come to rest at the bounds.
                due = min(due, shape.clusters[path].maximum * _most_copies(shape, path))
                if due > totals[path]:
                    totals[path] = due
                    followers[number, path] = (due, factors[leader])
                    reasons.append(f"{path} {reason}")
                continue
            copies = _copies(shape, groups, path)
            each = min(shape.groups[path].maximum, -(-due // copies) if copies else 0)
            if each > groups[path]:
                groups[path] = each
                followers[number, path] = (each * copies, factors[leader])
                reasons.append(f"Group {path} {reason}")


def _grow_groups(shape: Shape, totals: dict[str, int], groups: dict[str, int], reasons: list[str]) -> None:
    for group in sorted(groups, key=lambda path: -path.count("/")):
        for path in _inside(shape, group):
            part = shape.clusters[path]
            room = part.maximum * _copies(shape, groups, path)
            total = totals[path] if part.most is None else min(totals[path], part.most)
            if groups[group] and total > room > 0:
                needed = min(shape.groups[group].maximum, math.ceil(total * groups[group] / room))
                if needed > groups[group]:
                    groups[group] = needed
                    reasons.append(f"Group {group} grows to {needed} instances: {path} is full.")

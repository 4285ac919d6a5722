"""How places are filled and emptied: a tree of places, in sequence or in balance. Pure.

Adding n members and then one more gives the same as adding n + 1, and taking away undoes adding:
so no place has fewer members because more are wanted.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import lcm

from policies.placement.problem import Share

_SCALE = 20  # binary digits of the level's fraction: finer than the nearest two steps of weights up to 1000
_FEW = 12  # so few steps are walked sooner than the level is found


@dataclass(slots=True)
class Leaf:
    """A place being filled: `members` between `floor` and `ceiling`."""

    share: Share
    tie: tuple[float, int]
    weight: int = 1
    members: int = 0
    floor: int = 0
    ceiling: int = 0

    @property
    def least(self) -> int:
        return min(self.floor, self.members)

    @property
    def most(self) -> int:
        return max(self.ceiling, self.members)

    def grow(self, members: int) -> int:
        """Add at most so many; returns how many."""
        added = min(members, self.most - self.members)
        self.members += added
        return added

    def shrink(self, members: int) -> int:
        """Take away at most so many; returns how many."""
        taken = min(members, self.members - self.least)
        self.members -= taken
        return taken

    def leaves(self) -> "Iterator[Leaf]":
        yield self


@dataclass(slots=True)
class _Branch:
    children: "Sequence[Node]"
    weight: int = 1
    tie: tuple[float, int] = field(default=(0.0, 0))

    @property
    def members(self) -> int:
        return sum(child.members for child in self.children)

    @property
    def least(self) -> int:
        return sum(child.least for child in self.children)

    @property
    def most(self) -> int:
        return sum(child.most for child in self.children)

    def leaves(self) -> Iterator[Leaf]:
        for child in self.children:
            yield from child.leaves()


class InSequence(_Branch):
    """The next one only when those before are full; emptied from the last."""

    __slots__ = ()

    def grow(self, members: int) -> int:
        left = members
        for child in self.children:
            left -= child.grow(left) if left else 0
        return members - left

    def shrink(self, members: int) -> int:
        left = members
        for child in reversed(self.children):
            left -= child.shrink(left) if left else 0
        return members - left


class InBalance(_Branch):
    """Always the one with the fewest members for its weight; emptied from the one with the most.

    Equals are told apart by `tie`: the lower one is filled first and emptied last.
    """

    __slots__ = ()

    def grow(self, members: int) -> int:
        before = [child.members for child in self.children]
        after = raised(
            before,
            [child.most for child in self.children],
            [child.weight for child in self.children],
            [child.tie for child in self.children],
            members,
        )
        return sum(
            child.grow(wanted - had) for child, had, wanted in zip(self.children, before, after, strict=True)
        )

    def shrink(self, members: int) -> int:
        before = [child.members for child in self.children]
        after = lowered(
            before,
            [child.least for child in self.children],
            [child.weight for child in self.children],
            [child.tie for child in self.children],
            members,
        )
        return sum(
            child.shrink(had - wanted)
            for child, had, wanted in zip(self.children, before, after, strict=True)
        )


Node = Leaf | InSequence | InBalance


def raised(
    counts: Sequence[int],
    ceilings: Sequence[int],
    weights: Sequence[int],
    ties: Sequence[tuple[float, int]],
    members: int,
) -> list[int]:
    """Counts after `members` steps that each raise the one with the lowest (count + 1) / weight.

    Steps are not walked one by one: at level t every count has reached ⌊t · weight⌋, so the last whole
    level is searched and only what is over it is walked.
    """
    now = list(counts)
    left = min(members, sum(ceilings) - sum(counts))
    if left <= 0:
        return now
    if len(now) == 1:
        return [now[0] + left]

    def at(level: int) -> list[int]:
        return [
            max(count, min(ceiling, level * weight >> _SCALE))
            for count, ceiling, weight in zip(counts, ceilings, weights, strict=True)
        ]

    start = sum(counts)
    if left > _FEW:
        top = max((ceiling << _SCALE) // weight for ceiling, weight in zip(ceilings, weights, strict=True))
        now = at(_last(top + 1, lambda level: sum(at(level)) - start <= left))
    step = [lcm(*weights) // weight for weight in weights]
    for _ in range(left - (sum(now) - start)):
        free = [i for i, count in enumerate(now) if count < ceilings[i]]
        now[min(free, key=lambda i: ((now[i] + 1) * step[i], ties[i]))] += 1
    return now


def lowered(
    counts: Sequence[int],
    floors: Sequence[int],
    weights: Sequence[int],
    ties: Sequence[tuple[float, int]],
    members: int,
) -> list[int]:
    """Counts after `members` steps that each lower the one with the highest count / weight."""
    left = min(members, sum(counts) - sum(floors))
    if left <= 0:
        return list(counts)

    def at(level: int) -> list[int]:
        return [
            max(floor, min(count, level * weight >> _SCALE))
            for count, floor, weight in zip(counts, floors, weights, strict=True)
        ]

    now, start = list(counts), sum(counts)
    if left > _FEW:
        top = max((count << _SCALE) // weight for count, weight in zip(counts, weights, strict=True))
        # One above the last level that would take too many.
        now = at(_last(top + 1, lambda level: start - sum(at(level)) > left) + 1)
    step = [lcm(*weights) // weight for weight in weights]
    for _ in range(left - (start - sum(now))):
        free = [i for i, count in enumerate(now) if count > floors[i]]
        now[max(free, key=lambda i: (now[i] * step[i], ties[i]))] -= 1
    return now


def _last(top: int, holds: Callable[[int], bool]) -> int:
    """The last number up to `top` for which `holds`, which it does from the start up to there; -1 if none."""
    low, high = -1, top
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low

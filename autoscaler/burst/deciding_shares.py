"""How an application's copies share its members and its requests. Pure.

Members: the home is filled first, what does not fit there goes to the next copy. The front door shares
requests by ready members, so that a member is as busy here as there: the sum of what the copies ask for is
what the application needs, wherever it is put. Were each copy left to scale by itself, the overflow would
reach the next cloud only by and by, and after a peak every copy would keep a part of the load; the last one
could then not go before the others had grown again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.placement.copies import shares

WEIGHTS = 1000
"""What all weights sum up to."""


@dataclass(frozen=True, slots=True)
class Portion:
    """One cluster in one copy: what its own load asks for, and between what it may be.

    now: the members asked for now; ready: how many are, None where that makes no difference.
    """

    cloud: str
    wanted: int
    least: int
    most: int
    now: int = 0
    ready: int | None = None


def total(portions: Sequence[Portion], asked: int, need: float | None) -> int:
    """Members over all copies, from what each asks for.

    Each copy rounds up, and right after shares have changed a part of the load is counted in two of them:
    what is over the sum of the `asked` now is bounded by the need itself, where that is known.
    """
    wanted = sum(each.wanted for each in portions)
    if need is None or wanted <= asked:
        return wanted
    return max(asked, min(wanted, math.ceil(need - 1e-9)))


def spread(portions: Sequence[Portion], left: int, evenly: bool = False) -> dict[str, int]:
    """`left` members by cloud; `portions` in the order of the policy, home first.

    Members move home only when they are ready there: until then the copy that has them keeps them.
    What fits nowhere is added to the first, over its `most`: that is overflow, and it is for the caller to
    say so. `evenly`: all places are used by their size, as for copies that are there from the beginning.
    """
    if evenly:
        by_size = shares(left, {each.cloud: each.most for each in portions})
        given = {each.cloud: max(each.least, min(each.most, by_size[each.cloud])) for each in portions}
        left -= sum(given.values())
    else:
        given, unserved = {}, left
        for each in portions:
            kept = min(each.now, unserved)
            given[each.cloud] = max(each.least, min(each.most, max(left, kept)))
            left -= min(left, given[each.cloud])
            ready = given[each.cloud] if each.ready is None else min(each.ready, given[each.cloud])
            unserved = max(0, unserved - ready)
    if left > 0 and portions:
        for each in portions:
            more = min(left, max(0, each.most - given[each.cloud]))
            given[each.cloud] += more
            left -= more
        given[portions[0].cloud] += left
    return given


@dataclass(frozen=True, slots=True)
class Entrance:
    """A copy as the front door sees it: ready members of the clusters that requests come in by."""

    cloud: str
    ready: Mapping[str, int]


def weights(entrances: Sequence[Entrance]) -> dict[str, int]:
    """The front door's weights by cloud: whole numbers that sum up to `WEIGHTS`, by ready capacity.

    A copy's capacity is that of its scarcest entry cluster, as a share of that cluster over all copies;
    clusters that not every copy has do not count. Empty where nobody serves anything: nothing better is
    known then than what is.
    """
    first, *others = [set(each.ready) for each in entrances] or [set()]
    paths = sorted(first.intersection(*others))
    totals = {path: sum(each.ready.get(path, 0) for each in entrances) for path in paths}
    paths = [path for path in paths if totals[path]]
    capacity = {
        each.cloud: min((each.ready.get(path, 0) * 1_000_000 // totals[path] for path in paths), default=0)
        for each in entrances
    }
    if not any(capacity.values()):
        return {}
    return _nobody_left_out(shares(WEIGHTS, capacity), capacity)


def _nobody_left_out(given: dict[str, int], capacity: Mapping[str, int]) -> dict[str, int]:
    """Who can serve gets something, however small next to the others."""
    return {cloud: max(1, each) if capacity[cloud] else 0 for cloud, each in given.items()}

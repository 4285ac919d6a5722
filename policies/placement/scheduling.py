"""What Kubernetes' scheduler is told of a cluster's places in one cloud. Pure.

All members of a cluster are alike to the scheduler, so it can be told where they may run, which places it
shall prefer, and what it shall keep them apart by; docs/decisions/0053-zones.md says what that leaves open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from policies.placement.observed import REGION, ZONE
from policies.placement.problem import Demand, Place, Rules, Share

HOST = "kubernetes.io/hostname"

EVENLY = 1
LOOSELY = 100
"""The skew of a spread over hosts that yields to an order: what it adds to a score is small beside that."""

_LARGEST_BOUND = 10_000
_FIRST = 100  # Kubernetes' highest weight of a preference

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Spread:
    """Members are kept apart by a label of hosts; `skew` 1: as evenly as can be.

    `strict`: rather none than a member more; else as far as there is room.
    """

    key: str
    skew: int = EVENLY
    strict: bool = False


@dataclass(frozen=True)
class Scheduling:
    """Where the members of one cluster may run in a cloud.

    `allowed`: labels of hosts, any of which will do; empty: every host. `preferred`: labels by weight (1 to
    100). `near`: ids of clusters, and `together`: a group instance, whose members are to be in the same
    `near_key`.
    """

    allowed: tuple[Labels, ...] = ()
    preferred: tuple[tuple[int, Labels], ...] = ()
    spread: tuple[Spread, ...] = (Spread(HOST), Spread(ZONE))
    near: tuple[str, ...] = ()
    together: str = ""
    near_key: str = ZONE


WITHOUT = Scheduling()
"""Without a deployment policy: any host, spread over hosts and zones."""


def scheduling(demand: Demand, cloud: str) -> Scheduling | None:
    """How a cluster's policy is told to the scheduler of a cloud; None where it does not name that cloud."""
    levels = _levels(demand.rules, cloud)
    places = [share.place for level in levels for share in level]
    if not places:
        return None
    ordered = len(levels) > 1
    drawn = bool(demand.near or demand.together)
    key = _key(places)
    return Scheduling(
        allowed=_allowed(places),
        # Two wishes would be added up: being near comes before the order.
        preferred=() if drawn or not ordered else _preferred(levels),
        spread=(
            *_spread(demand.rules, key, ordered=ordered, drawn=drawn),
            *(() if drawn else _bound([share for level in levels for share in level], key)),
        ),
        near=demand.near,
        together=demand.together,
        near_key=key or ZONE,
    )


def labels_of(place: Place) -> dict[str, str]:
    """The labels that a host of a place has."""
    found = dict(place.labels)
    if place.region:
        found[REGION] = place.region
    if place.zone:
        found[ZONE] = place.zone
    return found


def _levels(rules: Rules, cloud: str) -> list[list[Share]]:
    """The places of a cloud, those that are filled together in one list, in order."""
    levels = []
    for group in rules.groups:
        here = [
            (network, [share for share in network.shares if share.place.cloud == cloud]) for network in group
        ]
        here = [(network, shares) for network, shares in here if shares]
        if len(here) == 1 and here[0][0].order == "one-after-another":
            levels += [[share] for share in here[0][1]]
        elif here:
            levels.append([share for _, shares in here for share in shares])
    return levels


def _allowed(places: Sequence[Place]) -> tuple[Labels, ...]:
    wanted = [labels_of(place) for place in places]
    if not all(wanted):
        return ()
    return tuple(each for number, each in enumerate(wanted) if each not in wanted[:number])


def _preferred(levels: Sequence[Sequence[Share]]) -> tuple[tuple[int, Labels], ...]:
    steps = len(levels) - 1
    return tuple(
        (max(_FIRST * (steps - number) // steps, 1), labels)
        for number, level in enumerate(levels)
        for labels in (labels_of(share.place) for share in level)
        if labels
    )


def _spread(rules: Rules, key: str, *, ordered: bool, drawn: bool) -> tuple[Spread, ...]:
    if rules.spread == "none" and (ordered or drawn or not key):
        return ()
    hosts = () if rules.spread == "none" else (Spread(HOST, LOOSELY if ordered or drawn else EVENLY),)
    if ordered or drawn:
        return hosts
    if key:
        return (*hosts, Spread(key))
    return (*hosts, Spread(ZONE)) if rules.spread == "zones" else hosts


def _bound(shares: Sequence[Share], key: str) -> tuple[Spread, ...]:
    """No place has the largest max more than the emptiest one: what no right placement ever has."""
    most = max(share.max for share in shares)
    return (Spread(key, most, strict=True),) if key and most <= _LARGEST_BOUND else ()


def _key(places: Sequence[Place]) -> str:
    """The label of hosts that tells the places apart; empty where none does, or there is only one."""
    if len(places) < 2:
        return ""
    every = [labels_of(place) for place in places]
    shared = [name for name in every[0] if all(name in each for each in every)]
    distinct = [name for name in shared if len({each[name] for each in every}) == len(every)]
    return ZONE if ZONE in distinct else next(iter(distinct), "")

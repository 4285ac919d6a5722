"""From signals to members: what each factor of a policy asks for, as a band."""

from __future__ import annotations

import math
from typing import NamedTuple

from autoscaler.decide.decision import Want
from autoscaler.decide.price import Price
from autoscaler.decide.signal import Outlooks
from autoscaler.predict.outlook import Outlook

# Who is ordered serves after a lead. Of the noise of the next sample alone, which is over by then, so much is
# worth an order: most of what is left of it were orders that came too late and went again at once.
LATE = 0.5
# With a threshold the user has chosen the head-room; half a standard deviation centres the band on it.
THRESHOLD_HEADROOM = 0.5
# A queue should be gone within this time: while it lasts, those who join it are late too.
DRAIN_SECONDS = 8.0
# A long one takes longer: no more members work it off than serve what arrives, unless it then takes so long.
LONGEST_DRAIN_SECONDS = 60.0
# Absurd inputs must not overflow on their way to the policy's maximum.
MOST_MEMBERS = 1_000_000


class Ask(NamedTuple):
    """A factor's want with what it was derived from; ``headroom`` in standard deviations at the lead.

    ``need`` is the target before rounding.
    """

    want: Want
    outlook: Outlook
    headroom: float
    need: float


def by_objective(outlooks: Outlooks, price: Price, member_rate: float, backlog: float, width: float) -> Ask:
    """Members so that misses stay worth their price, at the next tick and at the lead.

    ``member_rate`` is the rate one member serves within the objective, ``backlog`` the requests waiting,
    ``width`` the band's: too few is what would be too few at a price e^width lower, too many what would be
    too many at one so much higher.
    """
    near, lead = outlooks.near, outlooks.lead
    waiting = near.value + min(backlog / DRAIN_SECONDS, max(near.value, backlog / LONGEST_DRAIN_SECONDS))
    noise = price.headroom(near.value, near.sigma) * near.sigma
    less, room, more = price.headrooms(lead.value, lead.sigma, width)
    few = lead.value + less * lead.sigma
    many = lead.value + more * lead.sigma
    need = max(waiting + noise, lead.value + room * lead.sigma)
    return Ask(
        Want(
            members_for(max(waiting + LATE * noise, few), member_rate),
            members_for(need, member_rate),
            members_for(max(need, many), member_rate),
        ),
        lead,
        room,
        need / member_rate,
    )


def by_threshold(outlooks: Outlooks, threshold: float) -> Ask:
    """Members so that the expected mean by member stays at the threshold the user chose."""
    lead = outlooks.lead
    value = max(lead.value, outlooks.near.value)
    half = THRESHOLD_HEADROOM * lead.sigma
    return Ask(
        Want(
            members_for(value, threshold),
            members_for(value + half, threshold),
            members_for(value + 3 * half, threshold),
        ),
        lead,
        THRESHOLD_HEADROOM,
        (value + half) / threshold,
    )


def by_memory(
    outlook: Outlook, threshold: float, bounds: tuple[int, int], ready: int, spec: int, added: bool
) -> Ask:
    """Members that memory asks for: none under the threshold, then in a line up to the maximum at 100 %.

    Stratos' line without its defects: memory may not fall when members are added, so it only ever adds,
    bounded by how far it is over. Where it has ``added``, those are kept that it takes to hold what the
    ``ready`` ones hold together, or members would go only to be asked for again; whoever of ``spec`` is not
    ready counts as full. ``bounds`` are the fewest and the most members.
    """
    half = THRESHOLD_HEADROOM * outlook.sigma
    low = target = 0.0
    if outlook.value > threshold:
        low = _on_line(outlook.value, threshold, bounds)
        target = _on_line(outlook.value + half, threshold, bounds)
    shared = (outlook.value + 3 * half) * ready / threshold if added else 0.0
    kept = min(spec, shared + max(0, spec - ready)) if added else 0.0
    most = _whole(max(target, kept))
    return Ask(Want(_whole(low), most, most), outlook, THRESHOLD_HEADROOM, max(target, shared))


def _on_line(percent: float, threshold: float, bounds: tuple[int, int]) -> float:
    minimum, maximum = bounds
    share = min(1.0, (percent - threshold) / max(100.0 - threshold, 1e-6))
    return minimum + share * (maximum - minimum)


def with_absent(want: Want, absent: int, spec: int) -> Want:
    """What a mean of the ready members asks for while ``absent`` of ``spec`` are not ready.

    What those would carry is not known. More members are asked for as if they were idle, fewer as if they
    were full; where they are most, what is seen is too little to go by at once.
    """
    return Want(
        want.low,
        max(want.target, min(spec, want.target + absent)),
        max(want.high, spec if mostly(absent, spec) else min(spec, want.high + absent)),
    )


def mostly(absent: int, spec: int) -> bool:
    """Whether most members are not ready."""
    return 2 * absent > spec


def members_for(value: float, by_member: float) -> int:
    """Fewest members that share ``value`` with at most ``by_member`` each."""
    return _whole(value / by_member)


def _whole(members: float) -> int:
    return math.ceil(members - 1e-9) if members < MOST_MEMBERS else MOST_MEMBERS

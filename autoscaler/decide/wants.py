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
    waiting = near.value + backlog / DRAIN_SECONDS
    noise = price.headroom(near.value, near.sigma) * near.sigma
    room = price.headroom(lead.value, lead.sigma)
    few = lead.value + price.headroom(lead.value, lead.sigma, -width) * lead.sigma
    many = lead.value + price.headroom(lead.value, lead.sigma, width) * lead.sigma
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


def by_memory(percent: float, threshold: float, minimum: int, maximum: int) -> int:
    """Members that memory asks for: none under the threshold, then in a line up to ``maximum`` at 100 %.

    Stratos' line without its defects: memory does not fall when members are added, so it is a floor that
    may only add, bounded by how far it is over, and never a reason to take members away.
    """
    if percent <= threshold:
        return 0
    share = min(1.0, (percent - threshold) / max(100.0 - threshold, 1e-6))
    return math.ceil(minimum + share * (maximum - minimum) - 1e-9)


def members_for(value: float, by_member: float) -> int:
    """Fewest members that share ``value`` with at most ``by_member`` each."""
    share = value / by_member
    return math.ceil(share - 1e-9) if share < MOST_MEMBERS else MOST_MEMBERS

"""From signals to members: what each factor of a policy asks for, as a band."""

from __future__ import annotations

import math
from typing import NamedTuple

from autoscaler.decide.decision import Want
from autoscaler.decide.price import Price
from autoscaler.decide.signal import Outlooks
from autoscaler.predict.outlook import Outlook

# The band around the target in shares of the head-room: fewer than the first is worth an action up, more
# than the second one down. Ordering costs a start-up that serves nobody, releasing loses the option to
# keep, so that a band about a third to each side costs next to nothing and halves the actions.
TOO_FEW, TOO_MANY = 0.55, 1.7
# With a threshold the user has chosen the head-room; half a standard deviation centres the band on it.
THRESHOLD_HEADROOM = 0.5
# A queue should be gone within this time, or its requests are late anyway.
DRAIN_SECONDS = 15.0
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


def by_objective(outlooks: Outlooks, price: Price, member_rate: float, backlog: float) -> Ask:
    """Members so that misses stay worth their price, at the next tick and at the lead.

    ``member_rate`` is the rate one member serves within the objective, ``backlog`` the requests waiting.
    """
    near, lead = outlooks.near, outlooks.lead
    room = price.headroom(lead.value, lead.sigma)
    now = near.value + price.headroom(near.value, near.sigma) * near.sigma + backlog / DRAIN_SECONDS
    reserve = room * lead.sigma
    return Ask(
        Want(
            members_for(max(now, lead.value + TOO_FEW * reserve), member_rate),
            members_for(max(now, lead.value + reserve), member_rate),
            members_for(max(now, lead.value + TOO_MANY * reserve), member_rate),
        ),
        lead,
        room,
        max(now, lead.value + reserve) / member_rate,
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

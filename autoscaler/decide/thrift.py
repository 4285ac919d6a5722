"""How wide the band has to be so that few actions do: learnt beside a follower that has none.

The follower is what a user would have without this controller: the last minute's mean shared by members that
are four fifths full. How often it would act says how lively a load is, whatever its size. Who acts half as
often as it must leave out the moves that pay least, and a wider band does just that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MEAN_SECONDS = 60.0
FULL = 0.8
# Under half of the follower's actions, with some distance.
SHARE = 0.46
# Logarithm of a price: at the narrowest an action is worth a member whose misses are off its cost by two
# thirds, at the widest by a factor of fifty. In between, the cost at equal misses changes by about 3 %.
NARROWEST, FIRST, WIDEST = 0.5, 1.5, 4.0
# A hundred actions too many make the band wider by half; the first ones, of which little is known, by more.
GAIN = 0.005
EARLY_ACTIONS = 50.0


@dataclass(slots=True)
class Thrift:
    """Width of the band in the logarithm of the price; ``members`` is the follower's count, -1 at first."""

    width: float = FIRST
    members: int = -1
    followed: int = 0

    def learn(self, mean: float, member_rate: float, minimum: int, maximum: int, acted: bool) -> None:
        """Take a step at which the last minute's ``mean`` rate was seen and we ``acted`` or did not."""
        if member_rate <= 0.0:
            return
        wanted = mean / (FULL * member_rate)
        members = maximum if wanted >= maximum else max(minimum, math.ceil(wanted))
        moved = self.members not in (-1, members)
        self.members = members
        if not moved and not acted:
            return
        self.followed += moved
        gain = max(GAIN, 1.0 / (EARLY_ACTIONS + self.followed))
        width = self.width * math.exp(gain * (acted - SHARE * moved))
        self.width = min(WIDEST, max(NARROWEST, width))

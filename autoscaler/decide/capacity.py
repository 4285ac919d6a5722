"""The rate at which one member still meets the objective, learnt from what was served and missed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# Bins are 2 % apart: finer than head-room ever matters, coarse enough to fill within minutes.
RATIO = math.log(1.02)
OFFSET = 1000
SETTLE_SECONDS = 60.0
FORGET_SECONDS = 2 * 86_400.0
# Before the first miss the limit is unknown: a little more than what was seen to go well.
EXPLORE = 1.1
UTILISATION = 0.8
# Misses that come at any rate are a fault, not a lack of members: the limit is never put below this share of
# the rate from which on most requests miss.
LEAST_SHARE = 1 / 3
# A told rate is believed unless misses show that it is off by more than this.
TOLERANCE = 0.9


@dataclass(slots=True)
class MemberRate:
    """Histogram of requests and misses over the offered rate (backlog included) by ready member.

    ``estimate`` is the rate (requests a second) up to which misses stay within the budget; ``limit`` the same
    when misses have shown it, 0.0 while they have not.
    """

    served: dict[int, float] = field(default_factory=dict)
    missed: dict[int, float] = field(default_factory=dict)
    highest_good: float = 0.0
    by_utilisation: float = 0.0
    estimate: float = 0.0
    limit: float = 0.0
    unsettled: float = 0.0

    def learn(
        self,
        by_member: float,
        requests: float,
        missed: float,
        busy: float | None,
        seconds: float,
        budget: float,
    ) -> None:
        """Add one tick: offered rate by member, counts, busy share (0..1, None when unknown)."""
        if by_member <= 0.0 or requests <= 0.0:
            return
        if missed <= budget * requests:
            self.highest_good = max(self.highest_good * 0.5 ** (seconds / FORGET_SECONDS), by_member)
        if busy is not None and 0.05 < busy < 0.95:
            full = by_member / busy
            self.by_utilisation += (full - self.by_utilisation) * (0.02 if self.by_utilisation else 1.0)
        place = OFFSET + math.floor(math.log(by_member) / RATIO)
        self.served[place] = self.served.get(place, 0.0) + requests
        self.missed[place] = self.missed.get(place, 0.0) + missed
        self.unsettled += seconds
        if self.unsettled >= SETTLE_SECONDS or not self.estimate:
            self._settle(budget)

    def _settle(self, budget: float) -> None:
        """Fade old evidence and estimate anew."""
        keep = 0.5 ** (self.unsettled / FORGET_SECONDS)
        self.unsettled = 0.0
        for table in (self.served, self.missed):
            for place in table:
                table[place] *= keep
        within = self._border(budget)
        if within is None:
            self.limit = 0.0
            self.estimate = max(self.highest_good * EXPLORE, self.by_utilisation * UTILISATION)
            return
        most = self._border(0.5)
        self.limit = within if most is None else max(within, LEAST_SHARE * most)
        self.estimate = self.limit

    def _border(self, share: float) -> float | None:
        """Rate from which on more than ``share`` of the requests miss; None when that was not seen.

        The border that leaves the fewest misses beyond that share below it, so that single bins with little
        evidence do not decide.
        """
        total = best = 0.0
        good = 0
        places = sorted(self.served)
        for count, place in enumerate(places, 1):
            total += self.missed[place] - share * self.served[place]
            if total <= best:
                best, good = total, count
        if good == len(places):
            return None
        # Between the last good and the first bad bin nothing was seen: half way, until more is.
        bad = places[good]
        edge = 0.5 * (places[good - 1] + 1 + bad) if good else bad
        return math.exp((edge - OFFSET) * RATIO)


def trusted_rate(told: float | None, learnt: MemberRate) -> float:
    """The rate to plan with: what was told, unless misses contradict it; 0.0 when nothing is known."""
    if told is None:
        return learnt.estimate
    return learnt.limit if 0.0 < learnt.limit < TOLERANCE * told else told

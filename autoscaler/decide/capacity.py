"""The rate at which one member still meets the objective, learnt from what was served and missed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

# Bins are 4 % apart: finer than head-room ever matters, coarse enough to fill within minutes.
RATIO = math.log(1.04)
BINS = 512
OFFSET = 256
SETTLE_SECONDS = 60.0
FORGET_SECONDS = 2 * 86_400.0
# Before the first miss the limit is unknown: a little more than what was seen to go well.
EXPLORE = 1.1
UTILISATION = 0.8


@dataclass(slots=True)
class MemberRate:
    """Histogram of requests and misses over the offered rate (backlog included) by ready member."""

    served: dict[int, float] = field(default_factory=dict)
    missed: dict[int, float] = field(default_factory=dict)
    highest_good: float = 0.0
    by_utilisation: float = 0.0
    estimate: float = 0.0
    unsettled: float = 0.0

    def learn(
        self, by_member: float, requests: float, missed: float, busy: float | None, seconds: float
    ) -> None:
        """Add one tick: offered rate by member, counts, busy share (0..1, None when unknown)."""
        if by_member <= 0.0 or requests <= 0.0:
            return
        if missed < 0.5 * requests:
            self.highest_good = max(self.highest_good * 0.5 ** (seconds / FORGET_SECONDS), by_member)
        if busy is not None and 0.05 < busy < 0.95:
            full = by_member / busy
            self.by_utilisation += (full - self.by_utilisation) * (0.02 if self.by_utilisation else 1.0)
        place = _bin(by_member)
        self.served[place] = self.served.get(place, 0.0) + requests
        self.missed[place] = self.missed.get(place, 0.0) + missed
        self.unsettled += seconds
        if self.unsettled >= SETTLE_SECONDS or not self.estimate:
            self._settle()

    def _settle(self) -> None:
        """Fade old evidence and estimate anew: the border with the fewest requests on the wrong side."""
        keep = 0.5 ** (self.unsettled / FORGET_SECONDS)
        self.unsettled = 0.0
        for table in (self.served, self.missed):
            for place in table:
                table[place] *= keep
        if any(2.0 * count > self.served[place] for place, count in self.missed.items()):
            self.estimate = math.exp((_border(self.served, self.missed) - OFFSET) * RATIO)
        else:
            self.estimate = max(self.highest_good * EXPLORE, self.by_utilisation * UTILISATION)


def _bin(rate: float) -> int:
    return max(0, min(BINS - 1, OFFSET + math.floor(math.log(rate) / RATIO)))


def _border(served: dict[int, float], missed: dict[int, float]) -> int:
    """Bin from which on most requests miss: fewest misses below it plus successes from it on."""
    places = sorted(served)
    wrong = sum(served[place] - missed.get(place, 0.0) for place in places)
    best, edge = wrong, places[0]
    for place in places:
        wrong += missed.get(place, 0.0) - (served[place] - missed.get(place, 0.0))
        if wrong < best:
            best, edge = wrong, place + 1
    return edge

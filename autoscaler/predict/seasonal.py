"""What the same time of day brought on earlier days."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Floats = array[float]
else:
    Floats = array

DAY = 86_400.0
SLOT = 300.0
SLOTS = int(DAY / SLOT)
DAYS = 7
UNKNOWN = -1.0


@dataclass(slots=True)
class Season:
    """Mean and peak of a signal in five-minute slots over the last week.

    `growth` is the ratio to expect between now and the horizon: the median over up to three earlier days.
    `peak` is a high level that earlier days had around the horizon, scaled to today's level.
    """

    horizon_seconds: float
    means: Floats = field(default_factory=lambda: array("d", [UNKNOWN]) * (SLOTS * DAYS))
    peaks: Floats = field(default_factory=lambda: array("d", [UNKNOWN]) * (SLOTS * DAYS))
    slot: int = -1
    total: float = 0.0
    count: int = 0
    highest: float = 0.0
    growth: float = 1.0
    peak: float = 0.0

    def learn(self, now: float, value: float, smooth: float) -> None:
        """Add a sample taken at ``now`` (seconds since the epoch); ``smooth`` is its local mean."""
        slot = int(now // SLOT)
        if slot != self.slot:
            self._close(slot)
        self.total += value
        self.count += 1
        if smooth > self.highest:
            self.highest = smooth
        if self.count == 1 or self.count % 12 == 0:
            self._look_ahead(now, smooth)

    def _close(self, slot: int) -> None:
        size = SLOTS * DAYS
        if self.count:
            self.means[self.slot % size] = self.total / self.count
            self.peaks[self.slot % size] = self.highest
        if self.slot >= 0:
            # Slots passed over without data must not keep last week's values.
            for missed in range(max(self.slot + 1, slot - size), slot):
                self.means[missed % size] = self.peaks[missed % size] = UNKNOWN
        self.slot = slot
        self.total = self.highest = 0.0
        self.count = 0

    def _look_ahead(self, now: float, level: float) -> None:
        ratios: list[float] = []
        peaks: list[float] = []
        for day in range(1, DAYS):
            then = now - day * DAY
            before = self._mean_at(then)
            after = self._mean_at(then + self.horizon_seconds)
            if before <= 0.0 or after < 0.0:
                continue
            if len(ratios) < 3:
                ratios.append(after / before)
            high = self._peak_around(then + self.horizon_seconds)
            peaks.append(high * min(2.0, max(0.5, level / before)))
        self.growth = median(ratios) if ratios else 1.0
        peaks.sort()
        self.peak = peaks[min(len(peaks) - 1, int(0.8 * len(peaks)))] if peaks else 0.0

    def _mean_at(self, moment: float) -> float:
        """Straight line between the middles of slots; UNKNOWN where a side is."""
        place = moment / SLOT - 0.5
        left = int(place // 1)
        share = place - left
        size = SLOTS * DAYS
        a, b = self.means[left % size], self.means[(left + 1) % size]
        return UNKNOWN if a < 0.0 or b < 0.0 else a + share * (b - a)

    def _peak_around(self, moment: float) -> float:
        slot = int(moment // SLOT)
        size = SLOTS * DAYS
        return max(self.peaks[(slot + offset) % size] for offset in (-1, 0, 1))

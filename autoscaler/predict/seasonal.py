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
DAYS = 4
SIZE = SLOTS * DAYS
UNKNOWN = -1.0
REVIEW_SECONDS = 60.0


@dataclass(slots=True)
class Season:
    """Means of a signal in five-minute slots over the last days.

    `growth` is the ratio to expect between now and the horizon: the median of what the three days before
    brought at this time, 1.0 while nothing is known.
    """

    horizon_seconds: float
    means: Floats = field(default_factory=lambda: array("d", [UNKNOWN]) * SIZE)
    slot: int = -1
    total: float = 0.0
    count: int = 0
    reviewed: float = -1.0
    growth: float = 1.0

    def learn(self, now: float, value: float) -> None:
        """Add a sample taken at ``now`` (seconds since the epoch)."""
        slot = int(now // SLOT)
        if slot != self.slot:
            self._close(slot)
        self.total += value
        self.count += 1
        if abs(now - self.reviewed) >= REVIEW_SECONDS:
            self.reviewed = now
            self._look_ahead(now)

    def _close(self, slot: int) -> None:
        if self.count:
            self.means[self.slot % SIZE] = self.total / self.count
        if self.slot >= 0:
            # Slots passed over without data must not keep what was there days ago.
            for missed in range(max(self.slot + 1, slot - SIZE), slot):
                self.means[missed % SIZE] = UNKNOWN
        self.slot = slot
        self.total = 0.0
        self.count = 0

    def _look_ahead(self, now: float) -> None:
        ratios: list[float] = []
        for day in range(1, DAYS):
            before = self._mean_at(now - day * DAY)
            after = self._mean_at(now - day * DAY + self.horizon_seconds)
            if before > 0.0 and after >= 0.0:
                ratios.append(after / before)
        self.growth = median(ratios) if ratios else 1.0

    def _mean_at(self, moment: float) -> float:
        """Straight line between the middles of slots; UNKNOWN where a side is."""
        place = moment / SLOT - 0.5
        left = int(place // 1)
        share = place - left
        a, b = self.means[left % SIZE], self.means[(left + 1) % SIZE]
        return UNKNOWN if a < 0.0 or b < 0.0 else a + share * (b - a)

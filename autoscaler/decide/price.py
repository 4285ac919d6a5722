"""How much head-room an error budget buys: a price for a missed request, set by measured misses.

One member more is worth its cost while ``price · rate · P(miss) falls by more than that member``. For errors
with standard deviation σ around a forecast f this is met where the normal density at z, the head-room in
units of σ, equals ``σ / (f · price)``, so ``z = sqrt(2·(k + ln(f/σ)))`` with ``k`` the logarithm of the price
up to a constant. Calm times, where head-room is cheap, get more of it than wild ones. ``k`` itself follows
the misses: integral control, so that the long-run share of misses meets the budget whatever the errors'
distribution. Misses that no price would have saved use budget up, but do not move ``k``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAY = 86_400.0
# Normal errors of 8 % with a 1 % tail want z = 2.3; from there the misses take over.
FIRST = 0.0
LOWEST, HIGHEST = -2.5, 4.0
# Head-room has to keep to what the misses out of reach leave of the budget, and to this share of it at least:
# for less, head-room grows without bound and saves next to nothing.
LEAST_SHARE = 0.1
# A minute of full misses at the mean rate moves z by 0.03 at z = 2, and a 1 % budget wins that back in 100
# minutes. Twice as fast or slow costs the same at equal misses; slower takes a week to find the budget.
GAIN_PER_SECOND = 0.001
# Early on the share of misses is known badly and moved fast (a Robbins-Monro gain, bounded).
EARLY_GAIN = 4.0
EARLY_SECONDS = DAY
MEAN_RATE_SECONDS = DAY


@dataclass(slots=True)
class Price:
    """Logarithmic price of a miss; `learn` once a tick, `headroom` as often as needed."""

    budget: float
    log_price: float = FIRST
    mean_rate: float = 0.0
    seconds: float = 0.0
    # Share of all requests that missed out of reach, over a day.
    beyond: float = 0.0

    def learn(
        self, rate: float, missed_share: float, seconds: float, at_limit: bool, in_reach: bool = True
    ) -> None:
        """Account for ``seconds`` at ``rate`` of which ``missed_share`` missed.

        Misses while no more members are allowed (``at_limit``) say nothing about head-room and are left out.
        Those that not even the highest price would have saved (not ``in_reach``) only use budget up.
        """
        self.seconds += seconds
        self.mean_rate += (rate - self.mean_rate) * min(1.0, seconds / min(self.seconds, MEAN_RATE_SECONDS))
        if self.mean_rate <= 0.0 or (at_limit and missed_share > 0.0):
            return
        gain = GAIN_PER_SECOND * max(1.0, min(EARLY_GAIN, EARLY_SECONDS / self.seconds))
        # A burst weighs by its requests, but no more than ten times the usual.
        weight = min(rate / self.mean_rate, 10.0)
        lost = 0.0 if in_reach else missed_share
        self.beyond += (lost * weight - self.beyond) * min(1.0, seconds / min(self.seconds, DAY))
        budget = max(LEAST_SHARE * self.budget, self.budget - self.beyond)
        moved = self.log_price + gain * seconds * (missed_share - lost - budget) * weight
        self.log_price = min(HIGHEST, max(LOWEST, moved))

    def headroom(self, value: float, sigma: float) -> float:
        """Head-room in units of ``sigma`` that the price pays for at forecast ``value``."""
        return headroom_at(self.log_price, value, sigma)

    def headrooms(self, value: float, sigma: float, width: float) -> tuple[float, float, float]:
        """`headroom` at a price e^``width`` lower, at the price, and at one so much higher."""
        if value <= 0.0 or sigma <= 0.0:
            return 0.0, 0.0, 0.0
        square = 2.0 * (self.log_price + math.log(value / sigma))
        less, more = square - 2.0 * width, square + 2.0 * width
        return (
            math.sqrt(less) if less > 0.0 else 0.0,
            math.sqrt(square) if square > 0.0 else 0.0,
            math.sqrt(more) if more > 0.0 else 0.0,
        )


def headroom_at(log_price: float, value: float, sigma: float) -> float:
    """Head-room in units of ``sigma`` that a price pays for at forecast ``value``."""
    if value <= 0.0 or sigma <= 0.0:
        return 0.0
    return math.sqrt(max(0.0, 2.0 * (log_price + math.log(value / sigma))))


def within_reach(rate: float, forecast: float, sigma: float) -> bool:
    """Whether head-room on the ``forecast`` made for now could have covered ``rate``.

    Twice what the highest price buys is near enough: errors come in spells, and within one ``sigma`` grows.
    """
    return rate <= forecast + 2.0 * headroom_at(HIGHEST, forecast, sigma) * sigma

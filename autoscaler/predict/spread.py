"""How far a forecast is off: noise of counts, plus measured relative error at the horizon."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Volatility comes in spells; half an hour is long enough for a stable estimate (some tens of independent
# errors at a one-minute lead) and short enough to follow the day. Results do not hang on it: a factor of
# three either way changes cost by well under 1 %.
SPELL_SECONDS = 1800.0
NOISE_SPELL_SECONDS = 3600.0
RATE = math.log(2) / SPELL_SECONDS
NOISE_RATE = math.log(2) / NOISE_SPELL_SECONDS
LEAST = 1e-3**2
# An error beyond this many standard deviations counts as this many: a lone step, which no affordable
# head-room covers, must not make the hour after it dear. Of normal errors this cuts off two in a hundred;
# what it hides of heavier tails the price of a miss makes up for.
OUTLIER = 2.25**2
FIRST_RELATIVE_VARIANCE = 0.05**2


@dataclass(slots=True)
class Spread:
    """Decayed relative variance of a forecast's errors, counting noise taken out."""

    step: float
    relative: float = FIRST_RELATIVE_VARIANCE

    def learn(self, forecast: float, value: float, noise: float) -> None:
        """Compare a forecast with what came; ``noise`` is the dispersion from `Noise`."""
        if forecast <= 0.0:
            return
        # Comparisons instead of min and max: this runs several times for each cluster and step.
        relative, step = self.relative, self.step
        error = (value - forecast) / forecast
        counting = noise / (step * forecast)
        most = OUTLIER * (relative + counting)
        # A forecast of nearly nothing is off by any factor, so that one doubling is the most that counts.
        squared = error * error if error < 1.0 else 1.0
        squared = (squared if squared < most else most) - counting
        rate = step * RATE
        moved = relative + (squared - relative) * (rate if rate < 1.0 else 1.0)
        self.relative = moved if moved > 0.0 else 0.0

    def sigma(self, forecast: float, noise: float) -> float:
        """Standard deviation of one grid sample around the forecast, in the signal's unit."""
        relative = self.relative if self.relative > LEAST else LEAST
        return math.sqrt(noise * forecast / self.step + relative * forecast * forecast)


@dataclass(slots=True)
class Noise:
    """Dispersion of a signal's grid samples: variance x step / mean, 1 for Poisson counts a second."""

    step: float
    dispersion: float = 1.0
    last: float = -1.0

    def learn(self, value: float) -> None:
        """Use the difference of neighbours: half its square is the variance free of slow movement."""
        last, step = self.last, self.step
        self.last = value
        mean = 0.5 * (value + last)
        if last < 0.0 or mean <= 0.0:
            return
        change = value - last
        measured = 0.5 * change * change * step / mean
        # A jump is news about the load, not about its noise; its weight is bounded.
        most = min(10.0 * self.dispersion + 1.0, 100.0)
        if measured > most:
            measured = most
        self.dispersion += (measured - self.dispersion) * (
            step * NOISE_RATE if step * NOISE_RATE < 1.0 else 1.0
        )

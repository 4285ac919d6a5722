"""Forecasts of one signal at one horizon: experts that earn their weight, and the error to expect."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from autoscaler.predict.history import History
from autoscaler.predict.regression import Regression
from autoscaler.predict.seasonal import Season
from autoscaler.predict.spread import Noise, Spread

Expert = Literal["level", "trend", "regression", "seasonal"]
EXPERTS: tuple[Expert, ...] = ("level", "trend", "regression", "seasonal")
LOSS_SPELL_SECONDS = 3600.0
# Softness of the choice between experts, in shares of the best one's loss: a twentieth worse has 60 % of
# the best one's weight, a third worse next to none.
SOFTNESS = 0.1
SOLVE_SECONDS = 60.0
# A slope is trusted by its signal-to-noise ratio t: t²/(t² + 4) is one half at two standard errors.
TRUST = 4.0


class Outlook(NamedTuple):
    """A forecast: value and standard deviation of one grid sample at the horizon, in the signal's unit."""

    value: float
    sigma: float


@dataclass(slots=True)
class Forecaster:
    """Experts for one horizon (grid steps) over a shared history, mixed by their decayed errors."""

    horizon: int
    span: int
    step: float
    regression: Regression
    spread: Spread
    losses: list[float] = field(default_factory=lambda: [0.0] * len(EXPERTS))
    weights: list[float] = field(default_factory=lambda: [1.0, 0.0, 0.0, 0.0])
    pending: deque[tuple[float, ...]] = field(default_factory=deque)
    age: int = 0

    @classmethod
    def new(cls, horizon: int, span: int, step: float) -> Forecaster:
        """A forecaster that knows nothing yet; ``span`` is the longest horizon of the same signal."""
        return cls(horizon, span, step, Regression(horizon, span, step), Spread(step))

    def restart(self) -> None:
        """Forget open forecasts after a gap in the signal; what was learnt stays."""
        self.pending.clear()

    def update(
        self,
        history: History,
        value: float,
        noise: Noise,
        season: Season | None,
        only: Expert | None = None,
    ) -> Outlook:
        """Learn from the newest sample (already in the history) and look ahead; ``only`` names one expert."""
        self.age += 1
        if len(self.pending) >= self.horizon:
            self._score(self.pending.popleft(), value, noise.dispersion)
            every = max(1, self.horizon // 4)
            if self.age % every == 0 and len(history) > self.horizon:
                self.regression.learn(history, value, every)
            if self.age % max(1, round(SOLVE_SECONDS / self.step)) == 0:
                self.regression.solve()
        guesses = self._guesses(history, noise.dispersion, season)
        if only is None:
            mixed = 0.0
            for weight, guess in zip(self.weights, guesses, strict=True):
                mixed += weight * guess
        else:
            mixed = guesses[EXPERTS.index(only)]
        self.pending.append((*guesses, mixed))
        return Outlook(mixed, self.spread.sigma(mixed, noise.dispersion))

    def _guesses(
        self, history: History, noise: float, season: Season | None
    ) -> tuple[float, float, float, float]:
        features, base = self.regression.features(history)
        learnt = self.regression.predict(features, base)
        borders = self.regression.borders
        level = (features[0] * borders[1] + features[1] * (borders[2] - borders[1])) / borders[2] * base
        recent, before = features[0] * base, features[2] * base
        apart = 0.5 * (borders[2] + borders[3]) - 0.5 * borders[1]
        slope = (recent - before) / apart
        variance = noise * level / self.step * (1 / borders[1] + 1 / (borders[3] - borders[2])) / apart**2
        square = slope * slope
        trust = square / (square + TRUST * variance) if square else 0.0
        trend = max(0.0, level + trust * slope * self.horizon)
        seasonal = level * season.growth if season is not None else level
        return level, trend, learnt, seasonal

    def _score(self, guesses: tuple[float, ...], value: float, noise: float) -> None:
        self.spread.learn(guesses[-1], value, noise)
        scale = max(value, guesses[-1], 1e-9)
        rate = max(self.step * math.log(2) / LOSS_SPELL_SECONDS, 1.0 / self.age)
        losses = self.losses
        for index in range(len(EXPERTS)):
            losses[index] += (abs(value - guesses[index]) / scale - losses[index]) * rate
        best = max(min(losses), 1e-6)
        raw = [math.exp((best - loss) / (SOFTNESS * best)) for loss in losses]
        total = sum(raw)
        self.weights = [part / total for part in raw]

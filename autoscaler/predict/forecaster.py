"""Forecasts of one signal at one horizon: experts that earn their place, and the error to expect."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from autoscaler.predict.history import History
from autoscaler.predict.motion import Motion
from autoscaler.predict.outlook import Outlook
from autoscaler.predict.regression import NOTHING, Regression, Windows, window_borders
from autoscaler.predict.seasonal import Season
from autoscaler.predict.spread import Noise, Spread

Expert = Literal["level", "trend", "regression", "seasonal"]
EXPERTS: tuple[Expert, ...] = ("level", "trend", "regression", "seasonal")
REGRESSION = EXPERTS.index("regression")
LOSS_SPELL_SECONDS = 3600.0
# By how much another expert's loss must be lower before it takes over. A blend of experts was tried: as
# accurate, but it moves with every change of weight, which cost a third more actions.
CLEARLY = 0.1
# Errors seen before what was learnt of them is used: a handful, from one step, says that steps go on.
EVIDENCE = 20
REVIEW_SECONDS = 120.0
LEAST_PACE = 3
# A slope is trusted by its signal-to-noise ratio t: t²/(t² + 4) is one half at two standard errors.
TRUST = 4.0


@dataclass(slots=True)
class Forecaster:
    """Experts for one horizon (grid steps) over a shared history; their decayed errors decide who speaks."""

    horizon: int
    step: float
    regression: Regression
    spread: Spread
    losses: list[float] = field(default_factory=lambda: [0.0] * len(EXPERTS))
    chosen: int = REGRESSION
    # Open forecasts, oldest first: what was told, and on every `pace`-th step what each expert said and the
    # windows that it was said by.
    pending: deque[tuple[float, list[float], Windows]] = field(default_factory=deque)
    # What was told a lead ago for the newest sample, -1 where nothing was.
    told: float = -1.0
    age: int = 0
    scored: int = 0
    review: int = 1
    rate: float = 1.0

    def __post_init__(self) -> None:
        self.review = max(1, round(REVIEW_SECONDS / self.step))
        self.rate = self.regression.pace * self.step * math.log(2) / LOSS_SPELL_SECONDS

    @classmethod
    def new(cls, horizon: int, step: float) -> Forecaster:
        """A forecaster that knows nothing yet."""
        # Neighbouring samples share most of their windows: a quarter of the lead apart teaches as much.
        pace = max(LEAST_PACE, horizon // 4)
        return cls(horizon, step, Regression(horizon, step, window_borders(horizon), pace), Spread(step))

    def restart(self) -> None:
        """Forget open forecasts after a gap in the signal; what was learnt stays."""
        self.pending.clear()
        self.told = -1.0

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
        taught = self.age % self.regression.pace == 0
        if len(self.pending) >= self.horizon:
            self.told, guesses, seen = self.pending.popleft()
            self.spread.learn(self.told, value, noise.dispersion)
            if guesses:
                self._score(guesses, value)
                self.regression.learn(seen, value)
            if self.age % self.review == 0 and self.scored >= EVIDENCE:
                self.regression.review()
                self._choose()
        windows = self.regression.windows(history)
        ahead = self.regression.predict(windows)
        speaks = self.chosen if only is None else EXPERTS.index(only)
        guesses = []
        if taught or speaks != REGRESSION:
            guesses = self._guesses(windows, ahead, noise.dispersion, season)
            ahead = guesses[speaks]
        self.pending.append((ahead, guesses, windows) if taught else (ahead, [], NOTHING))
        return Outlook(ahead, self.spread.sigma(ahead, noise.dispersion))

    def extrapolate(self, history: History, value: float, noise: Noise) -> Outlook:
        """Look ahead by Stratos' equation of motion, on means of the last three leads instead of samples.

        Two derivatives a lead ahead multiply noise: each counts by how clearly it is seen (see `TRUST`).
        """
        horizon = self.horizon
        if len(self.pending) >= horizon:
            self.told = self.pending.popleft()[0]
            self.spread.learn(self.told, value, noise.dispersion)
        first, middle, last = (history.mean(ago * horizon, (ago + 1) * horizon) for ago in (2, 1, 0))
        variance = noise.dispersion * (first + middle + last) / 3.0 / (horizon * self.step)
        # In leads, from the middle of the last one.
        gradient = _trusted(0.5 * (last - first), 0.5 * variance)
        second = _trusted(last - 2.0 * middle + first, 6.0 * variance)
        ahead = max(0.0, Motion(last, gradient, second).at(1.5))
        self.pending.append((ahead, [], NOTHING))
        return Outlook(ahead, self.spread.sigma(ahead, noise.dispersion))

    def _guesses(self, windows: Windows, learnt: float, noise: float, season: Season | None) -> list[float]:
        """What each expert says, in the order of `EXPERTS`."""
        borders = self.regression.borders
        sums = windows.sums
        level = (sums[0] + sums[1]) / borders[2]
        recent, before = sums[0] / borders[1], sums[2] / (borders[3] - borders[2])
        apart = 0.5 * (borders[2] + borders[3]) - 0.5 * borders[1]
        slope = (recent - before) / apart
        variance = noise * level / self.step * (1 / borders[1] + 1 / (borders[3] - borders[2])) / apart**2
        trend = max(0.0, level + _trusted(slope, variance) * self.horizon)
        return [level, trend, learnt, level * season.growth if season is not None else level]

    def _score(self, guesses: list[float], value: float) -> None:
        """Move each expert's loss by its error, relative to the larger of value and regression."""
        scale = max(value, guesses[REGRESSION])
        if scale <= 0.0:
            return
        self.scored += 1
        rate = max(self.rate, 1.0 / self.scored)
        self.losses = [
            loss + (abs(value - guess) / scale - loss) * rate
            for loss, guess in zip(self.losses, guesses, strict=True)
        ]

    def _choose(self) -> None:
        """Let another expert take over when its decayed loss is clearly lower."""
        best = min(range(len(EXPERTS)), key=self.losses.__getitem__)
        if self.losses[best] < (1.0 - CLEARLY) * self.losses[self.chosen]:
            self.chosen = best


def _trusted(change: float, variance: float) -> float:
    """A ``change`` shrunk by how far it stands out of its ``variance``."""
    square = change * change
    return change * square / (square + TRUST * variance) if square else 0.0

"""What a signal will be at the next step: the least that must be ready now."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.predict.history import History
from autoscaler.predict.outlook import Outlook
from autoscaler.predict.regression import NOTHING, Regression, Windows
from autoscaler.predict.spread import Noise, Spread

# Grid steps: the newest sample alone, then windows that about double.
BORDERS = (0, 1, 3, 6, 12, 24)
PACE = 3
REVIEW = 24


@dataclass(slots=True)
class Nowcast:
    """One-step regression with its own error statistics."""

    regression: Regression
    spread: Spread
    told: float = -1.0
    windows: Windows = NOTHING
    age: int = 0

    @classmethod
    def new(cls, step: float) -> Nowcast:
        return cls(Regression(1, step, BORDERS, PACE), Spread(step))

    def restart(self) -> None:
        """Forget the open forecast after a gap in the signal; what was learnt stays."""
        self.told = -1.0

    def update(self, history: History, value: float, noise: Noise) -> Outlook:
        """Learn from the newest sample (already in the history) and look one step ahead."""
        self.age += 1
        if self.told >= 0.0:
            self.spread.learn(self.told, value, noise.dispersion)
            if self.age % PACE == 0:
                self.regression.learn(self.windows, value)
            if self.age % REVIEW == 0:
                self.regression.review()
        self.windows = self.regression.windows(history)
        self.told = self.regression.predict(self.windows)
        return Outlook(self.told, self.spread.sigma(self.told, noise.dispersion))

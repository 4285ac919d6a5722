"""What a signal will be at the next step: the least that must be ready now."""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.predict.history import History
from autoscaler.predict.outlook import Outlook
from autoscaler.predict.regression import Regression
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
    features: list[float] = field(default_factory=list)
    level: float = 0.0
    age: int = 0

    @classmethod
    def new(cls, step: float) -> Nowcast:
        return cls(Regression(1, step, BORDERS), Spread(step))

    def restart(self) -> None:
        """Forget the open forecast after a gap in the signal; what was learnt stays."""
        self.told = -1.0

    def update(self, history: History, value: float, noise: Noise) -> Outlook:
        """Learn from the newest sample (already in the history) and look one step ahead."""
        self.age += 1
        if self.told >= 0.0:
            self.spread.learn(self.told, value, noise.dispersion)
            if self.age % PACE == 0:
                self.regression.learn(self.features, self.level, value, PACE)
            if self.age % REVIEW == 0:
                self.regression.solve()
        self.features, self.level = self.regression.features(history)
        self.told = self.regression.predict(self.features, self.level)
        return Outlook(self.told, self.spread.sigma(self.told, noise.dispersion))

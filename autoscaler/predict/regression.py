"""Linear prediction of a signal from its own recent past, learnt while running.

The features are means over windows that double in length with their age, each divided by a recent level, so
that the coefficients do not depend on the size of the service. Ridge regression towards persistence
("it stays as it is") with slow forgetting; the normal equations are kept, so that learning costs a few
multiplications a sample and forgetting can never blow up: as evidence fades, the prior returns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from operator import mul

import numpy as np
from numpy.typing import NDArray

from autoscaler.predict.history import History

# Window borders in shares of the horizon: fine within the last lead, where the movement is, coarser with
# age; what is older than eight leads told nothing more about the next one.
BORDERS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
# Ratio to the level beyond which a sample counts no further: one spike must not rewrite the coefficients.
LARGEST_RATIO = 4.0
# What is believed before anything was seen weighs as much as so many samples. At first it is more, or the few
# samples of one early step would say that steps go on; more for good costs a percent where load is smooth.
RIDGE = 1.0
FIRST_RIDGE = 10.0
FIRST_SAMPLES = 300
FORGET_SECONDS = 4 * 86_400.0


def window_borders(horizon: int) -> tuple[int, ...]:
    """Window borders in grid steps for a forecast ``horizon`` steps ahead, strictly ascending."""
    borders = [0]
    for share in BORDERS[1:]:
        borders.append(max(borders[-1] + 1, round(share * horizon)))
    return tuple(borders)


@cache
def _places(size: int) -> NDArray[np.int64]:
    """Where each entry of a symmetric matrix stands in its upper triangle, row by row."""
    places = np.zeros((size, size), dtype=np.int64)
    rows, columns = np.triu_indices(size)
    places[rows, columns] = places[columns, rows] = np.arange(len(rows))
    return places


@dataclass(slots=True)
class Regression:
    """Online ridge regression ``horizon`` steps of ``step`` seconds ahead, on windows between ``borders``.

    ``products`` holds the upper triangle of the features' decayed products, row by row.
    """

    horizon: int
    step: float
    borders: tuple[int, ...]
    products: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    coefficients: list[float] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)
    typical: float = 0.0
    samples: int = 0
    widths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self.widths = tuple(older - newer for newer, older in pairwise(self.borders))
        size = len(self.widths)
        if not self.prior:
            self.prior = [0.5, 0.5] + [0.0] * (size - 2)
        if not self.coefficients:
            self.coefficients = list(self.prior)
            self.products = [0.0] * (size * (size + 1) // 2)
            self.targets = [0.0] * size

    def features(self, history: History, ago: int = 0) -> tuple[list[float], float]:
        """Window means divided by the level, and that level, as they were ``ago`` steps before now."""
        borders = self.borders
        sums = history.sums
        now = len(sums) - 1 - ago
        if now >= borders[-1]:
            marks = [sums[now - border] for border in borders]
            level = (marks[0] - marks[-3]) / borders[-3]
            if level > 0.0:
                scale = [level * width for width in self.widths]
                return [
                    (new - old) / by for new, old, by in zip(marks, marks[1:], scale, strict=False)
                ], level
            return [1.0] * len(self.widths), 0.0
        means = [history.mean(newer, older, ago) for newer, older in pairwise(borders)]
        level = history.mean(0, borders[-3], ago)
        if level <= 0.0:
            return [1.0] * len(means), 0.0
        return [mean / level for mean in means], level

    def predict(self, features: list[float], level: float) -> float:
        """Value expected ``horizon`` steps after the features were taken; never negative."""
        total = sum(map(mul, self.coefficients, features))
        return total * level if total > 0.0 else 0.0

    def learn(self, features: list[float], level: float, value: float, every: int) -> None:
        """Learn from ``value``, the outcome of features and level as they were ``horizon`` steps ago.

        ``every`` says how many steps pass between calls, so that forgetting keeps its pace.
        """
        if level <= 0.0:
            return
        self.samples += 1
        self.typical += (level - self.typical) / min(self.samples, 10_000)
        # Relative noise falls with the level (counts), so larger levels carry more information.
        weight = min(level / self.typical, LARGEST_RATIO)
        ratio = min(value / level, LARGEST_RATIO)
        keep = 0.5 ** (every * self.step / FORGET_SECONDS)
        products: list[float] = []
        for place, feature in enumerate(features):
            scaled = weight * feature
            products += [scaled * other for other in features[place:]]
        self.products = [keep * old + new for old, new in zip(self.products, products, strict=True)]
        share = weight * ratio
        self.targets = [
            keep * old + share * feature for old, feature in zip(self.targets, features, strict=True)
        ]

    def solve(self) -> None:
        """Bring the coefficients up to date with what was learnt."""
        size = len(self.targets)
        ridge = max(RIDGE, FIRST_RIDGE * (1.0 - self.samples / FIRST_SAMPLES))
        matrix = np.asarray(self.products)[_places(size)] + ridge * np.eye(size)
        right = np.asarray(self.targets) + ridge * np.asarray(self.prior)
        self.coefficients = np.linalg.solve(matrix, right).tolist()

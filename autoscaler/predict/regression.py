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
from operator import mul, sub, truediv
from typing import NamedTuple

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
# Coefficients are worked out anew once this share of what is known is new, or so many samples are: less does
# not move them, and it is the dearest part of a forecast.
NEWS = 0.02
MOST_LESSONS = 64


def window_borders(horizon: int) -> tuple[int, ...]:
    """Window borders in grid steps for a forecast ``horizon`` steps ahead, strictly ascending."""
    borders = [0]
    for share in BORDERS[1:]:
        borders.append(max(borders[-1] + 1, round(share * horizon)))
    return tuple(borders)


@cache
def _triangle(size: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the upper triangle of a square matrix, row by row."""
    rows, columns = np.triu_indices(size)
    return rows, columns


class Windows(NamedTuple):
    """Sums of a signal over the windows, newest first, and its recent mean; 0.0 for nothing known."""

    sums: list[float]
    level: float


NOTHING = Windows([], 0.0)


class Lesson(NamedTuple):
    """Means over the windows and what came of them, both over the level, and how much that counts."""

    features: list[float]
    outcome: float
    weight: float


@dataclass(slots=True)
class Regression:
    """Online ridge regression ``horizon`` steps of ``step`` seconds ahead, on windows between ``borders``.

    It is taught every ``pace`` steps. ``products`` holds the upper triangle of the features' decayed
    products, row by row, without the ``lessons`` since; ``weights`` are the coefficients by window sum.
    """

    horizon: int
    step: float
    borders: tuple[int, ...]
    pace: int
    products: list[float] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    coefficients: list[float] = field(default_factory=list)
    prior: list[float] = field(default_factory=list)
    typical: float = 0.0
    samples: int = 0
    lessons: list[Lesson] = field(default_factory=list)
    widths: tuple[int, ...] = ()
    weights: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.widths = tuple(older - newer for newer, older in pairwise(self.borders))
        size = len(self.widths)
        if not self.prior:
            self.prior = [0.5, 0.5] + [0.0] * (size - 2)
        if not self.coefficients:
            self.coefficients = list(self.prior)
            self.products = [0.0] * (size * (size + 1) // 2)
            self.targets = [0.0] * size
        self.weights = list(map(truediv, self.coefficients, self.widths))

    def windows(self, history: History) -> Windows:
        """The windows as they are now."""
        borders = self.borders
        sums = history.sums
        now = len(sums) - 1
        if now >= borders[-1]:
            marks = [sums[now - border] for border in borders]
            return Windows(list(map(sub, marks, marks[1:])), (marks[0] - marks[-3]) / borders[-3])
        means = [history.mean(newer, older) for newer, older in pairwise(borders)]
        return Windows(list(map(mul, means, self.widths)), history.mean(0, borders[-3]))

    def predict(self, windows: Windows) -> float:
        """Value expected ``horizon`` steps after the windows were taken; never negative."""
        if windows.level <= 0.0:
            return 0.0
        ahead = sum(map(mul, self.weights, windows.sums))
        return ahead if ahead > 0.0 else 0.0

    def learn(self, windows: Windows, value: float) -> None:
        """Learn from ``value``, the outcome of windows as they were ``horizon`` steps ago."""
        sums, level = windows
        if level <= 0.0:
            return
        self.samples += 1
        self.typical += (level - self.typical) / min(self.samples, 10_000)
        # Relative noise falls with the level (counts), so larger levels carry more information.
        weight = min(level / self.typical, LARGEST_RATIO)
        features = [total / (width * level) for total, width in zip(sums, self.widths, strict=True)]
        self.lessons.append(Lesson(features, min(value / level, LARGEST_RATIO), weight))

    def review(self) -> None:
        """Bring the coefficients up to date, if there is enough news."""
        if len(self.lessons) >= min(MOST_LESSONS, NEWS * self.samples):
            self.solve()

    def solve(self) -> None:
        """Bring the coefficients up to date with what was learnt."""
        self._take_in()
        size = len(self.targets)
        rows, columns = _triangle(size)
        ridge = max(RIDGE, FIRST_RIDGE * (1.0 - self.samples / FIRST_SAMPLES))
        matrix = np.empty((size, size))
        matrix[rows, columns] = matrix[columns, rows] = self.products
        matrix.flat[:: size + 1] += ridge
        right = np.asarray(self.targets) + ridge * np.asarray(self.prior)
        self.coefficients = np.linalg.solve(matrix, right).tolist()
        self.weights = list(map(truediv, self.coefficients, self.widths))

    def _take_in(self) -> None:
        """Move the lessons, oldest first, into the normal equations; each lets those before fade."""
        count = len(self.lessons)
        if not count:
            return
        keep = 0.5 ** (self.pace * self.step / FORGET_SECONDS)
        features = np.array([lesson.features for lesson in self.lessons])
        faded = [
            lesson.weight * keep ** (count - place) for place, lesson in enumerate(self.lessons, start=1)
        ]
        weighted = features.T * faded
        rows, columns = _triangle(len(self.targets))
        new = (weighted @ features)[rows, columns]
        self.products = (np.asarray(self.products) * keep**count + new).tolist()
        outcomes = weighted @ [lesson.outcome for lesson in self.lessons]
        self.targets = (np.asarray(self.targets) * keep**count + outcomes).tolist()
        self.lessons.clear()

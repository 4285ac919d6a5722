"""Predictive Horizontal Pod Autoscaler: the HPA's own answers, extrapolated.

Each sync the HPA calculation runs on CPU, its result (whole replicas) joins a history, a model forecasts
that history, and the larger of both goes through the HPA's behaviour. Given here with the HPA's own 15 s
scale-up period, history in the right order and no limit on its run time, all in its favour.
"""

from __future__ import annotations

import math
from collections import deque

from autoscaler.replay.peers.hpa import Hpa
from autoscaler.replay.peers.scaler import View


class PhpaLinear(Hpa):
    """Least-squares line through the last ``history`` answers, read ``look_ahead`` seconds ahead.

    The defaults are those of the project's own example: six answers, ten seconds.
    """

    def __init__(self, target: float = 0.7, history: int = 6, look_ahead: float = 10.0) -> None:
        super().__init__(target)
        self.name = "phpa"
        self.look_ahead = look_ahead
        self._answers: deque[tuple[float, int]] = deque(maxlen=history)

    def recommend(self, view: View) -> int:
        answer = super().recommend(view)
        self._answers.append((view.now, answer))
        return max(answer, self._forecast(view.now + self.look_ahead))

    def _forecast(self, at: float) -> int:
        count = len(self._answers)
        mean_time = sum(time for time, _ in self._answers) / count
        mean = sum(value for _, value in self._answers) / count
        spread = sum((time - mean_time) ** 2 for time, _ in self._answers)
        if spread == 0:
            return math.ceil(mean)
        slope = sum((time - mean_time) * (value - mean) for time, value in self._answers) / spread
        return math.ceil(mean + slope * (at - mean_time) - 1e-9)


class PhpaHoltWinters(Hpa):
    """Additive Holt-Winters with a daily season on the HPA's answers, one step ahead.

    One point a minute; until two days are known it is the HPA. The recursion with fixed coefficients
    equals refitting with ``optimized=False``.
    """

    step = 60.0
    season = 1440

    def __init__(
        self, target: float = 0.7, alpha: float = 0.9, beta: float = 0.9, gamma: float = 0.9
    ) -> None:
        super().__init__(target)
        self.name = "phpa-hw"
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self._first: list[int] = []
        self._level = 0.0
        self._trend = 0.0
        self._seasonal: list[float] = []
        self._index = 0
        self._next_point = 0.0

    def recommend(self, view: View) -> int:
        answer = super().recommend(view)
        if view.now >= self._next_point:
            self._next_point = view.now + self.step
            self._learn(answer)
        if not self._seasonal:
            return answer
        ahead = self._level + self._trend + self._seasonal[self._index % self.season]
        return max(answer, math.ceil(ahead - 1e-9))

    def _learn(self, answer: int) -> None:
        if not self._seasonal:
            self._first.append(answer)
            if len(self._first) == 2 * self.season:
                self._begin()
            return
        place = self._index % self.season
        before = self._level
        season = self._seasonal[place]
        self._level = self.alpha * (answer - season) + (1 - self.alpha) * (self._level + self._trend)
        self._trend = self.beta * (self._level - before) + (1 - self.beta) * self._trend
        self._seasonal[place] = self.gamma * (answer - self._level) + (1 - self.gamma) * season
        self._index += 1

    def _begin(self) -> None:
        days = (self._first[: self.season], self._first[self.season :])
        means = [sum(day) / self.season for day in days]
        self._level = means[1]
        self._trend = (means[1] - means[0]) / self.season
        self._seasonal = [
            sum(day[index] - mean for day, mean in zip(days, means, strict=True)) / 2
            for index in range(self.season)
        ]
        self._index = 2 * self.season
        self._first.clear()

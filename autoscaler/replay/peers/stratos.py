"""Apache Stratos 4.1: the rule on requests in flight, as shipped and as intended.

Every 90 s: mean, gradient (per second) and second derivative over the last minute's samples,
``mean + gradient·t + ½·second·t²``, divided by the threshold of one member. Shipped, the caller passes
``t = 1`` and so looks one second ahead; intended is the minute in the function's name. Up to the
requirement at once; down one member a cycle, after more than two cycles that asked for it since the last
scale-up.
"""

from __future__ import annotations

import math

from autoscaler.predict.motion import motion
from autoscaler.replay.peers.scaler import View


class Stratos:
    interval = 90.0
    window = 60.0
    patience = 2

    def __init__(
        self, threshold: float = 7.0, look_ahead: float = 1.0, minimum: int = 2, name: str = "stratos"
    ) -> None:
        self.name = name
        self.threshold = threshold
        self.look_ahead = look_ahead
        self.minimum = minimum
        self._next = 0.0
        self._asked_down = 0

    def desired(self, view: View) -> int:
        if view.now < self._next:
            return view.spec
        self._next = view.now + self.interval
        samples = view.samples("in_flight", self.window)
        times = [index * view.tick for index in range(len(samples))]
        required = math.ceil(motion(times, samples).at(self.look_ahead) / self.threshold - 1e-9)
        if required > view.ready:
            self._asked_down = 0
            return max(view.spec, required)
        if required < view.ready and view.spec > self.minimum:
            if self._asked_down > self.patience:
                return view.spec - 1
            self._asked_down += 1
        return view.spec

"""Knative's pod autoscaler (KPA) on concurrency, with panic mode.

Defaults: 60 s stable window, 6 s panic window, panic at twice the capacity, scale up at most 1000-fold and
down at most to half in one step, 70 % of the concurrency a pod can hold.
"""

from __future__ import annotations

import math

from autoscaler.replay.peers.scaler import View


class Knative:
    stable_window = 60.0
    panic_window = 6.0
    panic_threshold = 2.0
    max_up = 1000.0
    max_down = 2.0

    def __init__(self, target: float = 0.7, member_concurrency: float = 10.0) -> None:
        self.name = "kpa"
        self.target = target * member_concurrency
        self._panic_until = -math.inf
        self._panic_members = 0

    def desired(self, view: View) -> int:
        ready = max(1, view.ready)
        low, high = math.floor(ready / self.max_down), math.ceil(ready * self.max_up)
        wanted_panic = math.ceil(view.mean("in_flight", self.panic_window) / self.target)
        stable = min(high, max(low, math.ceil(view.mean("in_flight", self.stable_window) / self.target)))
        panic = min(high, max(low, wanted_panic))
        if wanted_panic / ready >= self.panic_threshold:
            if view.now > self._panic_until:
                self._panic_members = 0
            self._panic_until = view.now + self.stable_window
        if view.now <= self._panic_until:
            self._panic_members = max(self._panic_members, stable, panic)
            return self._panic_members
        return stable

"""Kubernetes HorizontalPodAutoscaler (autoscaling/v2), and KEDA, which drives one.

After the controller's replica calculator and its default behaviour: sync 15 s, tolerance 0.1, scale-up by
at most 4 or 100 % in 15 s, scale-down by the highest recommendation of 300 s.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from autoscaler.replay.peers.scaler import View


@dataclass(slots=True)
class HpaBehaviour:
    """Stabilisation and rate limits around raw recommendations."""

    down_window: float = 300.0
    up_pods: int = 4
    up_share: float = 1.0
    period: float = 15.0
    _recommended: deque[tuple[float, int]] = field(default_factory=deque)
    _history: deque[tuple[float, int]] = field(default_factory=deque)

    def limit(self, now: float, current: int, recommended: int) -> int:
        """The change that the default behaviour allows now."""
        self._recommended.append((now, recommended))
        while self._recommended[0][0] < now - self.down_window:
            self._recommended.popleft()
        self._history.append((now, current))
        # What happened exactly a period ago is out of it, or the sync before would count: the controller's
        # `getReplicasChangePerPeriod` takes the changes after that moment.
        while self._history[0][0] <= now - self.period:
            self._history.popleft()
        if recommended > current:
            start = self._history[0][1]
            ceiling = max(start + self.up_pods, math.ceil(start * (1 + self.up_share)))
            return min(recommended, max(current, ceiling))
        return min(current, max(value for _, value in self._recommended))


def replicas_by_cpu(cpu: float, target: float, ready: int, starting: int, tolerance: float = 0.1) -> int:
    """HPA's answer for a resource metric: mean busy share of ready pods against a target share.

    Pods that are not ready yet count as idle when the ratio asks for more (they will take load), and are
    left out when it asks for fewer; a recomputed ratio inside the tolerance or on the other side of 1
    keeps the current number.
    """
    current = ready + starting
    ratio = int(100 * cpu) / (100 * target)
    if not starting or ratio <= 1:
        return current if abs(ratio - 1) <= tolerance else math.ceil(ratio * ready)
    ratio = ratio * ready / current
    return current if ratio <= 1 + tolerance else math.ceil(ratio * current)


def replicas_by_total(total: float, target: float, current: int, tolerance: float = 0.1) -> int:
    """HPA's answer for an external metric with an AverageValue target: total over target, each replica."""
    if current == 0:
        return math.ceil(total / target)
    if abs(total / (target * current) - 1) <= tolerance:
        return current
    return math.ceil(total / target)


class Hpa:
    """HPA on CPU: metrics-server's 30 s mean, 15 s old when read."""

    sync = 15.0

    def __init__(self, target: float = 0.7) -> None:
        self.name = "hpa"
        self.target = target
        self.behaviour = HpaBehaviour()
        self._next = 0.0

    def recommend(self, view: View) -> int:
        return replicas_by_cpu(view.mean("cpu", 30, age=15), self.target, view.ready, view.starting)

    def desired(self, view: View) -> int:
        if view.now < self._next:
            return view.spec
        self._next = view.now + self.sync
        return self.behaviour.limit(view.now, view.spec, self.recommend(view))


class Keda(Hpa):
    """KEDA with a Prometheus trigger on the request rate: an external metric on the HPA's loop.

    Between one and many replicas KEDA only feeds the HPA it made; a 60 s rate, 15 s old.
    """

    def __init__(self, target: float = 0.7, member_rate: float = 10.0) -> None:
        super().__init__(target)
        self.name = "keda"
        self.member_rate = member_rate

    def recommend(self, view: View) -> int:
        total = view.mean("rate", 60, age=15)
        return replicas_by_total(total, self.target * self.member_rate, view.spec)

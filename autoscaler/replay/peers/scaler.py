"""What every replayed autoscaler looks like, and what it may look at."""

from __future__ import annotations

from collections import deque
from typing import Literal, Protocol

from autoscaler.replay.fluid import FluidCluster

Signal = Literal["rate", "cpu", "in_flight"]


class View:
    """The cluster's metrics as a replayed autoscaler can see them, with two minutes of history.

    ``rate`` (requests a second) and ``in_flight`` are for the whole cluster, ``cpu`` is the busy share (0..1)
    of ready members; one sample a tick. ``arrivals``, ``missed`` and ``backlog`` are the last tick's;
    ``spec`` is what the cluster runs and starts, ``asked`` what was ordered last.
    """

    SECONDS_KEPT = 120.0

    def __init__(self, tick: float) -> None:
        self.tick = tick
        self.now = 0.0
        self.ready = self.starting = self.spec = self.asked = 0
        self.arrivals = self.missed = self.backlog = 0.0
        size = int(self.SECONDS_KEPT / tick) + 1
        self._series: dict[Signal, deque[float]] = {
            "rate": deque(maxlen=size),
            "cpu": deque(maxlen=size),
            "in_flight": deque(maxlen=size),
        }

    def record(self, now: float, cluster: FluidCluster, arrivals: float) -> None:
        """Add the samples of the tick that ended at ``now``."""
        self.now = now
        self.ready = cluster.ready
        self.starting = cluster.starting
        self.spec = self.ready + self.starting
        self.asked = cluster.asked
        self.arrivals = arrivals
        self.missed = cluster.missed
        self.backlog = cluster.backlog
        self._series["rate"].append(arrivals / self.tick)
        self._series["cpu"].append(cluster.cpu)
        self._series["in_flight"].append(cluster.in_flight)

    def mean(self, signal: Signal, seconds: float, age: float = 0.0) -> float:
        """Mean over a window that ended ``age`` seconds ago (shorter at the beginning)."""
        samples = self.samples(signal, seconds, age)
        return sum(samples) / len(samples)

    def samples(self, signal: Signal, seconds: float, age: float = 0.0) -> list[float]:
        """The samples of that window, oldest first; never empty once one was recorded."""
        series = self._series[signal]
        end = max(1, len(series) - round(age / self.tick))
        begin = max(0, end - max(1, round(seconds / self.tick)))
        return [series[index] for index in range(begin, end)]


class Scaler(Protocol):
    """An autoscaler under replay: asked once a tick, answers with the members it wants."""

    name: str

    def desired(self, view: View) -> int:
        """Members wanted now; ``view.spec`` when nothing should change."""
        ...

"""The cluster of a replay: a fluid queue in front of equal members that take time to start.

Each tick, ``arrivals`` requests join the backlog; ready members serve ``member_rate`` requests a second
each. What waits longer than ``queue_seconds`` is dropped. All requests of a tick miss the objective when
work offered exceeds ``max_utilisation`` of the capacity: latency of a queue climbs steeply from there, and
within a tick nobody can tell the lucky from the unlucky. Members asked for count as cost at once, serve
after ``start_seconds``, and leave at once when no longer asked for, starting ones first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FluidModel:
    """Parameters of the simulated cluster; times in seconds, rates in requests a second."""

    tick: float = 5.0
    member_rate: float = 10.0
    start_seconds: float = 60.0
    actuation_seconds: float = 0.0
    queue_seconds: float = 2.0
    max_utilisation: float = 0.85
    service_seconds: float = 1.0
    minimum: int = 2
    maximum: int = 120

    @property
    def good_rate(self) -> float:
        """Requests a second that one member serves within the objective."""
        return self.member_rate * self.max_utilisation

    def demand(self, rate: float) -> int:
        """Fewest members that meet the objective at this rate, within the limits."""
        return min(self.maximum, max(self.minimum, math.ceil(rate / self.good_rate - 1e-9)))


class FluidCluster:
    """State of the simulated cluster; `tick` moves it on by one step."""

    def __init__(self, model: FluidModel, members: int) -> None:
        self.model = model
        self.ready = members
        self.backlog = 0.0
        self.served = 0.0
        self.dropped = 0.0
        self.missed = 0.0
        self._starting: list[tuple[float, int]] = []
        self._ordered: list[tuple[float, int]] = []
        self._asked = members

    @property
    def starting(self) -> int:
        return sum(count for _, count in self._starting)

    @property
    def spec(self) -> int:
        """Members paid for: ready and starting."""
        return self.ready + self.starting

    @property
    def in_flight(self) -> float:
        """Requests in the system: waiting, and in service by Little's law."""
        return self.backlog + self.served / self.model.tick * self.model.service_seconds

    @property
    def cpu(self) -> float:
        """Share of the capacity that was busy in the last tick; cannot exceed 1."""
        capacity = self.ready * self.model.member_rate * self.model.tick
        return min(1.0, self.served / capacity) if capacity else 0.0

    @property
    def asked(self) -> int:
        """Members ordered last, whether the order has arrived or not."""
        return self._asked

    def order(self, members: int, now: float) -> None:
        """Ask for a number of members; the order arrives after the actuation time."""
        members = min(self.model.maximum, max(self.model.minimum, members))
        if members != self._asked:
            self._asked = members
            self._ordered.append((now + self.model.actuation_seconds, members))

    def tick(self, arrivals: float, now: float) -> None:
        """Serve the tick that begins at ``now`` seconds."""
        while self._ordered and self._ordered[0][0] <= now:
            self._apply(self._ordered.pop(0)[1], now)
        while self._starting and self._starting[0][0] <= now:
            self.ready += self._starting.pop(0)[1]
        rate = self.ready * self.model.member_rate
        capacity = rate * self.model.tick
        offered = arrivals + self.backlog
        self.served = min(offered, capacity)
        waiting = offered - self.served
        self.backlog = min(waiting, self.model.queue_seconds * rate)
        self.dropped = waiting - self.backlog
        self.missed = arrivals if offered > self.model.max_utilisation * capacity else 0.0

    def _apply(self, members: int, now: float) -> None:
        change = members - self.spec
        if change > 0:
            self._starting.append((now + self.model.start_seconds, change))
        while change < 0 and self._starting:
            at, count = self._starting.pop()
            cancelled = min(count, -change)
            if count > cancelled:
                self._starting.append((at, count - cancelled))
            change += cancelled
        self.ready += min(0, change)

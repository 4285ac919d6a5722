"""How long members take to start and updates to arrive, measured: the controller's horizon."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

# A high quantile of the latest: one slow start is no reason to plan for slow ones, several are.
QUANTILE = 0.9
REMEMBERED = 20


@dataclass(slots=True)
class Durations:
    """The latest durations of one kind, in seconds."""

    latest: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def add(self, seconds: float) -> None:
        """Note one."""
        self.latest.append(max(0.0, seconds))

    @property
    def high(self) -> float | None:
        """The 0.9 quantile; None before the first."""
        if not self.latest:
            return None
        ordered = sorted(self.latest)
        return ordered[min(len(ordered) - 1, int(QUANTILE * len(ordered)))]


@dataclass(slots=True)
class StartTimes:
    """Start times of one cluster's members; each member counts once."""

    durations: Durations = field(default_factory=Durations)
    counted: set[str] = field(default_factory=set)

    def see(self, members: Iterable[tuple[str, float | None]]) -> None:
        """Note the names of members with their start times, None while they start."""
        alive = set()
        for name, seconds in members:
            alive.add(name)
            if seconds is not None and name not in self.counted:
                self.counted.add(name)
                self.durations.add(seconds)
        self.counted &= alive

"""A cluster for tests that does as it is told: members take time to start, and can crash."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from autoscaler.decide.controller import step
from autoscaler.decide.decision import Decision
from autoscaler.decide.observation import read_observation
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.state import ClusterState
from tests.autoscaler.observing import PERIOD, START

Look = Callable[["Cluster"], dict[str, Any]]


@dataclass
class Cluster:
    """``look`` says what is seen besides time and members; ``tick`` and ``start`` are in seconds."""

    policy: ControllerPolicy
    look: Look
    spec: int
    tick: float = PERIOD
    start: float = 30.0
    time: float = START
    crashed: int = 0
    decisions: list[Decision] = field(default_factory=list)
    state: ClusterState = field(default_factory=lambda: ClusterState("web"))
    _starting: list[tuple[float, int]] = field(default_factory=list)

    @property
    def ready(self) -> int:
        return max(0, self.spec - sum(count for _, count in self._starting) - self.crashed)

    @property
    def since(self) -> float:
        """Seconds since the first look."""
        return self.time - START

    def run(self, seconds: float) -> Cluster:
        """Look, decide and obey, every tick."""
        end = self.time + seconds
        while self.time < end - 1e-6:
            self._starting = [(at, count) for at, count in self._starting if at > self.time]
            line = {
                "time": self.time,
                "cluster": "web",
                "ready": self.ready,
                "spec": self.spec,
                **self.look(self),
            }
            decision = step(self.policy, self.state, read_observation(line, self.policy.averages))
            self.decisions.append(decision)
            self._obey(decision.members)
            self.time += self.tick
        return self

    def _obey(self, members: int) -> None:
        if members > self.spec:
            self._starting.append((self.time + self.start, members - self.spec))
        gone = self.spec - members
        while gone > 0 and self._starting:
            at, count = self._starting.pop()
            if count > gone:
                self._starting.append((at, count - gone))
            gone -= min(count, gone)
        self.crashed = max(0, self.crashed - max(0, gone))
        self.spec = members

    @property
    def counts(self) -> list[int]:
        """Members asked for, one a look."""
        return [decision.members for decision in self.decisions]

    @property
    def moves(self) -> int:
        return sum(before != after for before, after in pairwise(self.counts))

    @property
    def reversals(self) -> int:
        """Moves in the other direction than the one before."""
        changes = [after - before for before, after in pairwise(self.counts) if before != after]
        return sum((before > 0) != (after > 0) for before, after in pairwise(changes))

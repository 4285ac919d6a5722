"""Requests of clusters added up exactly over the replicas of their balancers, for the service levels.

Each replica counts from its own start. What it counted since it was last heard is added; a replica that did
not answer for a while loses nothing so, and one that started anew begins at zero.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

Figures = Mapping[str, Any]
Histogram = Mapping[str, Any]


def slower(latency: Histogram, objective: float) -> float:
    """Requests of a histogram that took longer than `objective` seconds, by straight line in its bucket."""
    total = 0.0
    low = 0.0
    bounds = [*latency["bounds"], float("inf")]
    for high, count in zip(bounds, latency["counts"], strict=True):
        if objective <= low:
            total += count
        elif objective < high:
            # The last bucket has no end: whatever is in it counts as too slow.
            total += count if high == float("inf") else count * (high - objective) / (high - low)
        low = high
    return total


def failures(figures: Figures) -> float:
    """Requests that failed by fault of a member or of the balancer."""
    return float(figures["errors"]["balancer"] + figures["errors"]["member"])


@dataclass(slots=True)
class Total:
    """Requests since counting began. They only ever grow. `counts` is by the histogram's bounds."""

    requests: float = 0.0
    errors: float = 0.0
    counts: dict[tuple[float, ...], list[float]] = field(default_factory=dict)

    def slower(self, seconds: float) -> float:
        """Those that took longer."""
        return sum(slower({"bounds": b, "counts": c}, seconds) for b, c in self.counts.items())


class Totals:
    """The totals of one source, by namespace and cluster."""

    def __init__(self) -> None:
        self._last: dict[Hashable, Figures] = {}
        self._totals: dict[tuple[str, str], Total] = {}

    def take(self, replica: Hashable, namespace: str, state: Figures, listening: float) -> None:
        """What a replica tells now. `listening`: for how many seconds this source has been listening.

        A replica that is heard for the first time counts from its start if it started meanwhile; of an older
        one, what it counted before is not ours.
        """
        last = self._last.get(replica)
        if last is None and state["time"] - state["startedAt"] > listening:
            last = state
        elif last is not None and last["startedAt"] != state["startedAt"]:
            last = None
        self._last[replica] = state
        before = last["clusters"] if last is not None else {}
        for cluster, figures in state["clusters"].items():
            total = self._totals.setdefault((namespace, cluster), Total())
            _add(total, figures, before.get(cluster))

    def keep(self, replicas: Collection[Hashable]) -> None:
        """Forget replicas that are gone; what they counted stays."""
        for gone in self._last.keys() - set(replicas):
            del self._last[gone]

    def total(self, namespace: str, cluster: str) -> Total:
        """A cluster's total; nothing yet where no balancer has told of it."""
        return self._totals.get((namespace, cluster)) or Total()


def _add(total: Total, now: Figures, before: Figures | None) -> None:
    total.requests += _grown(now["requests"], before["requests"] if before else 0)
    total.errors += _grown(failures(now), failures(before) if before else 0)
    bounds = tuple(now["latency"]["bounds"])
    counts = now["latency"]["counts"]
    # Cumulative counters of one run of one program: its bounds do not change.
    old = before["latency"]["counts"] if before else [0] * len(counts)
    sums = total.counts.setdefault(bounds, [0.0] * len(counts))
    for index, (count, was) in enumerate(zip(counts, old, strict=True)):
        sums[index] += _grown(count, was)


def _grown(now: float, before: float) -> float:
    return max(0.0, float(now) - float(before))

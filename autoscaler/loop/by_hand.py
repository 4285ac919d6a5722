"""Counts that a person raised: they stay for a while, whatever the load says."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from autoscaler.loop.watched import View
from blueprints.scale import ScaleState

# A policy's own settle time holds where it is longer.
SHORTEST_SECONDS = 300.0


@dataclass
class ByHand:
    """Tells a person's edits of the scale from ours. Times in seconds since the epoch."""

    _mine: deque[ScaleState] = field(default_factory=lambda: deque(maxlen=8))
    _last: ScaleState | None = None
    _counts: dict[str, int] = field(default_factory=dict)
    _until: dict[str, tuple[float, int]] = field(default_factory=dict)

    def ours(self, scale: ScaleState) -> None:
        """A scale that the config will have because of us."""
        self._mine.append(scale)

    def look(self, view: View, now: float) -> None:
        """Note which clusters somebody else has raised since the last look."""
        counts = {path: cluster.members for path, cluster in view.clusters.items()}
        asked, last = view.asked, self._last
        changed = last is not None and (asked.clusters, asked.groups) != (last.clusters, last.groups)
        if changed and not any((asked.clusters, asked.groups) == (m.clusters, m.groups) for m in self._mine):
            for path, count in counts.items():
                if count > self._counts.get(path, count):
                    policy = view.clusters[path].policy
                    settle = policy.settle if policy is not None and policy.settle is not None else 0.0
                    self._until[path] = (now + max(SHORTEST_SECONDS, settle), count)
        self._last, self._counts = asked, counts

    def still(self, now: float) -> dict[str, str]:
        """The clusters that keep what they were given, and why, by path."""
        self._until = {path: each for path, each in self._until.items() if now < each[0]}
        return {
            path: f"somebody set it to {count}, and that stays until "
            f"{datetime.fromtimestamp(until).astimezone():%H:%M:%S} at least"
            for path, (until, count) in self._until.items()
        }

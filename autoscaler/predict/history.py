"""A signal's recent past on an even grid, with means over any window at constant cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import sub


@dataclass(slots=True)
class History:
    """The last samples of a signal, one a grid step, kept as running sums.

    ``keep`` is the least number of samples that stays available. Memory is at most twice that.
    """

    keep: int
    sums: list[float] = field(default_factory=lambda: [0.0])

    def __len__(self) -> int:
        return len(self.sums) - 1

    def push(self, value: float) -> None:
        """Add the newest sample."""
        self.sums.append(self.sums[-1] + value)
        if len(self.sums) > 2 * self.keep + 1:
            # Rebasing keeps the sums small, so that precision does not decay over months.
            kept = self.sums[-self.keep - 1 :]
            base = kept[0]
            self.sums = [total - base for total in kept]

    def clear(self) -> None:
        """Forget all samples."""
        self.sums = [0.0]

    def mean(self, newest: int, oldest: int, ago: int = 0) -> float:
        """Mean of the samples ``newest`` (inclusive) to ``oldest`` (exclusive) steps before ``ago``.

        Samples beyond the beginning are taken as equal to the oldest known; 0.0 when nothing is known.
        """
        sums = self.sums
        end = len(sums) - 1 - ago - newest
        begin = end - (oldest - newest)
        if begin >= 0:
            return (sums[end] - sums[begin]) / (end - begin)
        if end >= 1:
            return sums[end] / end
        return sums[1] if len(sums) > 1 else 0.0

    def lowest(self, count: int) -> float:
        """The lowest of the newest ``count`` samples; 0.0 when nothing is known."""
        sums = self.sums[-count - 1 :]
        return min(map(sub, sums[1:], sums), default=0.0)

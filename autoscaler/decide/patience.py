"""How long fewer members must have been enough before some go."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from autoscaler.decide.decision import Want

# More than the band allows goes to what the last two samples need, once it was so for half a minute: most
# falls are over by then, and go as one action instead of one a sample.
SETTLE_SECONDS = 5.0
FALL_SECONDS = 25.0
# More than the target goes, even within the band, once it was too many for this long: a band that is right
# for a moment is a waste for an hour. One action in five minutes at most.
STEADY_SECONDS = 300.0


@dataclass(slots=True)
class Patience:
    """Recent bands of one cluster; times in seconds since the epoch."""

    recent: deque[tuple[float, int, int]] = field(default_factory=deque)
    # Targets that no later one has reached: the first is the highest of the steady time.
    highest: deque[tuple[float, int]] = field(default_factory=deque)
    since: float = -1.0
    # Since when there have been more than the band allows, -1 while there are not; and how many there were.
    surplus: float = -1.0
    members: int = 0

    def clear(self) -> None:
        """Forget everything: the clock was changed."""
        self.recent.clear()
        self.highest.clear()
        self.since = -1.0
        self.surplus = -1.0

    def note(self, now: float, band: Want) -> None:
        """Remember a band that members were counted by."""
        self.recent.append((now, band.target, band.high))
        while self.highest and self.highest[-1][1] <= band.target:
            self.highest.pop()
        self.highest.append((now, band.target))

    def shrunk(self, now: float, current: int, band: Want, settle: float | None) -> int:
        """Members to keep out of ``current``; ``settle`` (seconds) is what the policy declares, or None."""
        if self.since < 0.0:
            self.since = now
        self.note(now, band)
        recent, highest = self.recent, self.highest
        while recent[0][0] < now - (SETTLE_SECONDS if settle is None else settle):
            recent.popleft()
        steady = STEADY_SECONDS if settle is None else max(settle, STEADY_SECONDS)
        while highest[0][0] < now - steady:
            highest.popleft()
        if current <= band.high or current < self.members:
            self.surplus = -1.0
        self.members = current
        if current > max(high for _, _, high in recent):
            if self.surplus < 0.0:
                self.surplus = now
            if settle is None and now - self.surplus < FALL_SECONDS:
                return current
            return min(current, max(target for _, target, _ in recent))
        if now - self.since >= steady:
            return min(current, highest[0][1])
        return current

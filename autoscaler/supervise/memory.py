"""What the supervisor remembers of an application between its looks, kept in a file of its own.

It is what a killed supervisor would otherwise forget: how long a cluster has been under its minimum,
and how often a restart did not help. All times are in seconds since the epoch.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from autoscaler.act.stack_config import replace_file

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 600.0
LASTING = 600.0
"""A restart that was needed again within so long did not help."""

STALLED_AFTER = 3
"""Restarts in a row that did not help, after which the application counts as stalled."""

FORGET = 300.0
"""Without a look for so long, what was under its minimum then says nothing about now."""


@dataclass(frozen=True, slots=True)
class Memory:
    """One application's past. `below` tells since when a cluster (by id) has been under its minimum."""

    below: Mapping[str, float] = field(default_factory=dict)
    looked: float = 0.0
    attempts: int = 0
    """Restarts in a row, each needed soon after the one before, or failed."""
    ended: float = 0.0
    """When the last restart ended."""
    trouble: str = ""
    """Why the last restart failed; empty when it went well."""
    answered: tuple[str, ...] = ()
    """The clusters (ids) whose failure the last restart answered: another's failure is another matter."""

    @property
    def stalled(self) -> bool:
        """Whether restarts do not help: it is tried again, but seldom, and somebody should look."""
        return self.attempts >= STALLED_AFTER

    @property
    def next_attempt(self) -> float:
        """The earliest time of the next restart: pauses double with each that did not help."""
        if self.attempts == 0:
            return 0.0
        doublings = min(self.attempts - 1, 16)
        return self.ended + min(FIRST_PAUSE * float(2**doublings), LONGEST_PAUSE)

    def after(self, trouble: str, now: float, answered: Collection[str] = ()) -> "Memory":
        """After a restart, because of some clusters, that went well (no trouble), or did not."""
        attempts = self.attempts + 1 if self.knows(answered) else 1
        return replace(
            self, below={}, attempts=attempts, ended=now, trouble=trouble, answered=tuple(answered)
        )

    def knows(self, failed: Collection[str]) -> bool:
        """Whether the last restart was for any of these, too."""
        return not self.answered or not set(self.answered).isdisjoint(failed)


def load(path: Path) -> Memory:
    """What the file holds; a fresh memory where it is missing or cannot be read."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return Memory(
            below={str(key): float(value) for key, value in found["below"].items()},
            looked=float(found["looked"]),
            attempts=int(found["attempts"]),
            ended=float(found["ended"]),
            trouble=str(found["trouble"]),
            answered=tuple(map(str, found["answered"])),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Memory()


def save(path: Path, memory: Memory) -> None:
    """Keep it: written beside and renamed."""
    replace_file(path, json.dumps(asdict(memory)) + "\n")

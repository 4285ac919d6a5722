"""The one door to updates: a queue for each stack, a bound on updates at once, a journal of it all.

    runner = Runner(pulumi(), journal)
    runner.start()                       # takes up what a killed run left
    ticket = runner.submit(ScaleEdit("app-shop", seen, "web is full", clusters={"web": 5}))
    ticket.result(timeout=60)            # or: await ticket
    runner.close()

Edits of one stack that come close together become one write and one update. Edits that come while an
update runs wait for its end and become the next one. Different stacks run side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from autoscaler.act.edits import ScaleEdit, Ticket

Health = Literal["idle", "queued", "updating", "retrying", "stalled", "elsewhere"]


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How the runner works; times in seconds.

    idle: an edit is written when no other came for so long; longest: or at the latest after so long.
    side_by_side: updates of different stacks at once. policy_packs: folders, checked in every update.
    """

    idle: float = 0.05
    longest: float = 0.5
    side_by_side: int = 2
    policy_packs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class StackState:
    """What the runner does about a stack: for `alto status` and `/metrics`.

    `since` is in seconds since the epoch; `trouble` says why it is retrying or stalled.
    """

    health: Health
    since: float
    generation: int
    waiting: int
    trouble: str = ""


class Runner:
    """Owns every automatic update. Thread-safe."""

    def __init__(self, cli: Any, journal: Any, settings: RunnerSettings | None = None) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Take up what a killed run left, then accept edits."""
        raise NotImplementedError

    def submit(self, edit: ScaleEdit) -> Ticket:
        """Queue an edit. Returns at once; an edit that changes nothing starts no process.

        The ticket ends with `Outcome`, or raises `StaleScale`, `ConfigMissing`, `ConfigUnreadable`,
        `NotOurs`, `RunnerClosed` or `UpdateError`. An update that failed for a reason that may pass is
        repeated with growing pauses and its ticket stays open; see `Ticket.stage` and `Ticket.note`.
        """
        raise NotImplementedError

    def apply(self, stack: str, reason: str) -> Ticket:
        """Queue an update without an edit: a person changed the config or the documents."""
        raise NotImplementedError

    def states(self) -> Mapping[str, StackState]:
        """What goes on, by stack."""
        raise NotImplementedError

    def close(self, patience: float = 30.0) -> None:
        """Take no more, let running updates end within `patience` seconds, interrupt them then."""
        raise NotImplementedError

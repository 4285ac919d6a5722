"""What a stack has to do: its queue of edits, its owed update, its pauses. Pure but for the tickets."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from autoscaler.act.edits import ScaleEdit, Ticket
from autoscaler.act.trouble import Trouble
from blueprints.scale import ScaleState

Become = Callable[[ScaleState], ScaleState]


@dataclass(slots=True, eq=False)
class Item:
    """One submission. `edit` is None for an update without one; `row` is its number in the journal.

    `become` makes the scale into another, whatever it is by then; `once` means that its update is tried one
    time only: who submitted it decides what then.
    """

    ticket: Ticket
    edit: ScaleEdit | None
    reason: str
    submitted: float
    row: int = 0
    become: Become | None = None
    once: bool = False


@dataclass(slots=True)
class StackWork:
    """One stack. Times are by the monotonic clock, in seconds.

    `pending` waits to be written; `applying` is written and waits for an update that goes through; `owed`
    says why an update is due, empty when none is; `owed_once` that nobody but items of that kind wants it.
    `stop`, while an update runs, ends it in order.
    """

    stack: str
    pending: list[Item] = field(default_factory=list)
    applying: list[Item] = field(default_factory=list)
    owed: str = ""
    owed_once: bool = False
    stop: threading.Event | None = None
    busy: bool = False
    not_before: float = 0.0
    attempts: int = 0
    trouble: Trouble | None = None
    note: str = ""
    updates: int = 0

    def due(self, idle: float, longest: float) -> float | None:
        """When a worker should take it up; None when there is nothing to do, or somebody is at it."""
        if self.busy:
            return None
        if self.pending:
            first, last = self.pending[0].submitted, self.pending[-1].submitted
            at = min(last + idle, first + longest)
        elif self.owed:
            at = self.not_before
        else:
            return None
        # A new edit is taken up at once after a failure that it may well cure, not after one that it cannot.
        blocked = self.trouble is not None and self.trouble.passes
        return max(at, self.not_before) if blocked else at

    def failed(self, trouble: Trouble, note: str, now: float, jitter: float) -> None:
        """An attempt failed. `jitter`, from 0 to 1, keeps two runners from meeting again and again."""
        self.attempts = self.attempts + 1 if self.trouble == trouble else 1
        self.trouble, self.note = trouble, note
        self.not_before = now + trouble.pause(self.attempts) * (0.75 + jitter / 2)

    def succeeded(self) -> None:
        """All that was owed is done."""
        self.owed, self.note, self.trouble, self.owed_once = "", "", None, False
        self.attempts, self.not_before = 0, 0.0

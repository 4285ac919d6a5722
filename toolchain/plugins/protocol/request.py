"""One call of the engine, as a handler sees it."""

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from toolchain.plugins.protocol.handlers import Autonaming


class Failure(Exception):
    """The request cannot be done; the message says what, where, why and what to do."""


class Cancelled(Failure):
    """The user stopped the update."""

    def __init__(self) -> None:
        super().__init__("the update was cancelled")


class Severity(enum.IntEnum):
    """How loud a message is; the numbers are the protocol's."""

    DEBUG = 0
    INFO = 1
    WARNING = 2
    ERROR = 3


class Journal(Protocol):
    """Where messages for the user go."""

    def __call__(self, severity: Severity, message: str, urn: str, *, status: bool) -> None: ...


@dataclass(frozen=True)
class Request:
    """What surrounds a call: whose it is, whether it is real, how long it may take.

    `timeout` in seconds, None where the user set none. `seed` makes random names repeatable
    between a preview and its update; `ignored` are the paths of the resource's ignoreChanges.
    """

    urn: str = ""
    type: str = ""
    name: str = ""
    preview: bool = False
    timeout: float | None = None
    seed: bytes = b""
    autonaming: "Autonaming | None" = None
    ignored: tuple[str, ...] = ()
    cancelled: threading.Event = field(default_factory=threading.Event)
    journal: Journal | None = None
    clock: Callable[[], float] = time.monotonic

    def log(self, message: str, severity: Severity = Severity.INFO) -> None:
        """A line that stays on the user's screen, under the resource."""
        if self.journal:
            self.journal(severity, message, self.urn, status=False)

    def status(self, message: str) -> None:
        """A line that the next one replaces: progress."""
        if self.journal:
            self.journal(Severity.INFO, message, self.urn, status=True)

    def deadline(self, default: float) -> float:
        """The moment, on `clock`, when patience ends. `default` in seconds."""
        return self.clock() + (self.timeout or default)

    def wait(self, seconds: float) -> None:
        """Sleeps, unless the update is cancelled meanwhile. Raises `Cancelled`."""
        if self.cancelled.wait(max(0.0, seconds)):
            raise Cancelled

    def check_cancelled(self) -> None:
        """Raises `Cancelled` when the user stopped the update."""
        if self.cancelled.is_set():
            raise Cancelled

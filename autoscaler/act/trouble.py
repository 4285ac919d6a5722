"""Why an update did not go through, and how long to wait before it is tried again. Pure."""

import errno
from dataclasses import dataclass

from autoscaler.act.refusals import ConfigMissing, NotOurs, Refusal
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.act.update_errors import StackConflict, UpdateError, UpdateKilled, WrongPassphrase
from autoscaler.journal.store import JournalUnusable
from blueprints.findings import DocumentError


@dataclass(frozen=True, slots=True)
class Trouble:
    """A kind of trouble. Pauses in seconds: the first, the factor of each further, the longest.

    `passes`: it is likely to go by itself, so whoever waits goes on waiting. Where it is not, the edit's
    ticket ends with the error; the update stays owed and is tried at the pauses all the same.
    """

    kind: str
    first: float
    factor: float
    longest: float
    passes: bool

    def pause(self, attempt: int) -> float:
        """Seconds before the next attempt, after `attempt` failed ones (from 1)."""
        return float(min(self.first * self.factor ** min(attempt - 1, 30), self.longest))


# A person's update may take minutes; it frees the stack without telling anyone.
BUSY = Trouble("busy", 0.5, 1.6, 5, passes=True)
KILLED = Trouble("killed", 0.5, 2, 30, passes=True)
# An API server comes back after seconds (restart) or minutes; asking costs one process start.
AWAY = Trouble("cluster away", 2, 1.7, 20, passes=True)
DISK = Trouble("disk full", 2, 1.7, 30, passes=True)
ELSEWHERE = Trouble("elsewhere", 1, 1.5, 5, passes=False)
# A program or a policy says no: only a person changes that, and the config's watch notices at once.
REFUSED = Trouble("failed", 10, 3, 300, passes=False)
UNUSABLE = Trouble("config", 5, 2, 60, passes=False)

_NO_SPACE = ("no space left on device", "disk quota exceeded", "file too large")
_AWAY = (
    "unreachable",
    "connection refused",
    "connection reset",
    "closed the connection",
    "does not answer",
    "broke off",
    "i/o timeout",
    "no route to host",
    "no such host",
    "name resolution",
    "tls handshake timeout",
    "context deadline exceeded",
    "client.timeout exceeded",
    "client connection lost",
    ": eof",
    "service unavailable",
    "the server is currently unable to handle the request",
    "etcdserver:",
)
# A policy pack's refusal: what it says about a resource may have any words in it.
_POLICY = "[mandatory]"


def trouble_of(error: BaseException) -> Trouble:
    """The kind of trouble that an error is."""
    if isinstance(error, StackConflict):
        return BUSY
    if isinstance(error, UpdateKilled):
        return KILLED
    if isinstance(error, NotOurs):
        return ELSEWHERE
    if isinstance(error, WrongPassphrase | ConfigMissing | ConfigUnreadable | DocumentError | Refusal):
        return UNUSABLE
    text = str(error).lower()
    if isinstance(error, OSError):
        return DISK if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} else REFUSED
    if isinstance(error, JournalUnusable):
        return DISK  # nothing is done without a journal, and it is tried again like a full disk
    if isinstance(error, UpdateError):
        if _POLICY in text:
            return REFUSED
        if any(words in text for words in _NO_SPACE):
            return DISK
        if any(words in text for words in _AWAY):
            return AWAY
    return REFUSED

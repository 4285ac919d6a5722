"""Pulumi's lock files of a file backend, read to tell a dead holder from a live one.

The engine writes `.pulumi/locks/organization/<project>/<stack>/<uuid>.json` with the holder's
pid, host name and start time, and never removes it when it is killed. Removing a lock whose
holder lives lets two updates write one state, so a lock counts as dead only with proof: it was
taken on this machine, and that pid is no Pulumi process.
"""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class StackLock:
    """One lock file. `taken` is in seconds since the epoch."""

    path: Path
    pid: int
    host: str
    user: str
    taken: float

    def is_dead(self) -> bool:
        """True only when the holder is proven gone: no such process, or one that is not Pulumi.

        Start times prove nothing here: the lock's is by the wall clock, which may have jumped.
        """
        return self.host == socket.gethostname() and self.pid > 0 and not _is_pulumi(self.pid)

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.taken).astimezone().isoformat(timespec="seconds")
        return f"process {self.pid} of {self.user}@{self.host}, since {when}"


def _is_pulumi(pid: int) -> bool:
    """Whether a process with this pid runs that may be Pulumi; unreadable counts as yes."""
    folder = Path("/proc") / str(pid)
    try:
        state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
        return state not in {"Z", "X"} and "pulumi" in (folder / "comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return True


def locks(state: Path, project: str, stack: str) -> Iterator[StackLock]:
    """The stack's lock files; one that cannot be read is left for Pulumi to report."""
    folder = state / ".pulumi" / "locks" / "organization" / project / stack
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text())
            taken = datetime.fromisoformat(found["timestamp"]).timestamp()
            yield StackLock(path, int(found["pid"]), found["hostname"], found["username"], taken)
        except (OSError, ValueError, KeyError, TypeError):
            continue


def release_dead(state: Path, project: str, stack: str) -> list[StackLock]:
    """Remove the locks of proven-dead holders and return them."""
    released = []
    for lock in locks(state, project, stack):
        if lock.is_dead():
            lock.path.unlink(missing_ok=True)
            lock.path.with_name(f"{lock.path.name}.attrs").unlink(missing_ok=True)
            released.append(lock)
    return released

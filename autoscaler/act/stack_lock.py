"""Pulumi's lock files of a file backend, read to tell a dead holder from a live one.

The engine writes `.pulumi/locks/organization/<project>/<stack>/<uuid>.json` with the holder's
pid, host name and start time, and never removes it when it is killed. Removing a lock whose
holder lives lets two updates write one state, so a lock counts as dead only with proof: the update
that took it is on record and has ended (`act.update_record`), or it was taken on this machine, and
no Pulumi process has that pid (`act.processes`).
"""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autoscaler.act import processes, update_record


@dataclass(frozen=True)
class StackLock:
    """One lock file. `taken` is in seconds since the epoch; `record` is that of the stack's updates."""

    path: Path
    record: Path
    pid: int
    host: str
    user: str
    taken: float

    def taken_by(self, pid: int) -> bool:
        """Whether it says that this process of ours took it."""
        return (self.host, self.pid) == (socket.gethostname(), pid)

    def is_dead(self) -> bool:
        """True only when the holder is proven gone.

        Start times prove nothing here: the lock's is by the wall clock, which may have jumped.
        """
        if self.host == socket.gethostname() and self.pid > 0 and not processes.may_be_pulumi(self.pid):
            return True
        return update_record.has_ended(self.record, self.path.name)

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.taken).astimezone().isoformat(timespec="seconds")
        return f"process {self.pid} of {self.user}@{self.host}, since {when}"


def record_path(state: Path, project: str, stack: str) -> Path:
    """Where the updates of a stack are put on record."""
    return state / "updates" / project / f"{stack}.json"


def locks(state: Path, project: str, stack: str) -> Iterator[StackLock]:
    """The stack's lock files; one that cannot be read is left for Pulumi to report."""
    folder = state / ".pulumi" / "locks" / "organization" / project / stack
    record = record_path(state, project, stack)
    for path in sorted(folder.glob("*.json")):
        try:
            found = json.loads(path.read_text())
            taken = datetime.fromisoformat(found["timestamp"]).timestamp()
            yield StackLock(path, record, int(found["pid"]), found["hostname"], found["username"], taken)
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

"""Who may update a stack: a lease outside Pulumi's own lock, which neither waits nor queues.

An autoscaler takes the lease of a stack before its first effect on it and keeps it. `FileLeases` is
for one machine, `KubernetesLeases` (act.kubernetes_lease) for several that share the applications.
"""

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict


class Lease(Protocol):
    """The right to update one stack."""

    @property
    def descriptors(self) -> tuple[int, ...]:
        """Open files that keep the lease, for an update's process to inherit."""
        ...

    def held(self) -> bool:
        """Whether it is still ours; asked before every effect."""
        ...


class Leases(Protocol):
    """Where leases come from."""

    def hold(self, stack: str) -> Lease:
        """The stack's lease, taken or held already.

        Raises NotOurs when another autoscaler has it, and StackConflict when its holder is dead but an
        update that it started still runs.
        """
        ...

    def beat(self) -> None:
        """Show, a few times a minute, that the holder lives."""
        ...

    def release(self, stack: str) -> None:
        """Give it up, if it is ours."""
        ...

    def close(self) -> None:
        """Give all of them up."""
        ...


class FileLease:
    """An flock on a file that says who holds it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def descriptors(self) -> tuple[int, ...]:
        return (self._descriptor,)

    def held(self) -> bool:
        """False when the file was removed or replaced: then another may hold the new one."""
        try:
            there, ours = self.path.stat(), os.fstat(self._descriptor)
        except OSError:
            return False
        return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)

    def write(self, about: dict[str, object]) -> None:
        text = json.dumps(about).encode() + b"\n"
        # A full disk must not cost the lease: the lock is what counts, the text is for people.
        with suppress(OSError):
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))

    def close(self) -> None:
        os.close(self._descriptor)


class FileLeases:
    """Leases of one machine: the kernel frees one the moment its last holder is gone.

    A running update inherits the open file, so a lease outlives an autoscaler that was killed for as long
    as its update does: no successor meets a half-done update that still goes on.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, FileLease] = {}
        self._since: dict[str, float] = {}

    def hold(self, stack: str) -> FileLease:
        """See `Leases.hold`."""
        with self._lock:
            held = self._held.get(stack)
            if held is not None and held.held():
                return held
            if held is not None:
                self._held.pop(stack).close()
            lease = self._take(stack)
            self._held[stack], self._since[stack] = lease, self._clock()
            lease.write(self._about(stack))
            return lease

    def _take(self, stack: str) -> FileLease:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{stack}.lease"
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise _refusal(stack, path) from None
            lease = FileLease(path, descriptor)
            if lease.held():
                return lease
            lease.close()  # it was removed between opening and locking

    def _about(self, stack: str) -> dict[str, object]:
        return {
            "pid": os.getpid(),
            "started": _started(os.getpid()),
            "host": socket.gethostname(),
            "since": self._since[stack],
            "heartbeat": self._clock(),
        }

    def beat(self) -> None:
        """Renew what the files say."""
        with self._lock:
            for stack, lease in self._held.items():
                lease.write(self._about(stack))

    def release(self, stack: str) -> None:
        """Give it up; an update under way keeps it until its end. A lease that nobody has leaves no file."""
        with self._lock:
            held = self._held.pop(stack, None)
        if held is None:
            return
        held.close()
        if held.path.exists():
            with suppress(NotOurs, StackConflict, OSError):  # somebody has it, and so its file
                last = self._take(stack)
                last.path.unlink(missing_ok=True)
                last.close()

    def close(self) -> None:
        """Give all of them up."""
        for stack in list(self._held):
            self.release(stack)


def holder(folder: Path, stack: str) -> str | None:
    """Who holds a lease of this machine, in words; None where nobody does, or its holder is gone.

    Only looks: whoever takes it in this moment is not disturbed.
    """
    try:
        about = json.loads((folder / f"{stack}.lease").read_text())
        pid, started, host = int(about["pid"]), about["started"], str(about["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host == socket.gethostname() and _started(pid) != started:
        return None
    return f"process {pid} on {host}"


def _refusal(stack: str, path: Path) -> Exception:
    try:
        about = json.loads(path.read_text())
        pid, started = int(about["pid"]), about["started"]
    except (OSError, ValueError, KeyError, TypeError):
        return NotOurs(f"{stack}: another autoscaler is just taking it ({path})")
    if about.get("host") == socket.gethostname() and _started(pid) != started:
        return StackConflict(f"{stack}: an update goes on that process {pid} began, which is gone now")
    return NotOurs(f"{stack}: process {pid} on {about.get('host')} has its lease")


def _started(pid: int) -> int | None:
    """The process's start time in clock ticks since boot; None when there is no such process."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if words[0] in {"Z", "X"} else int(words[19])

"""What is on record of a stack's update, so that whoever comes later can tell that it has ended.

An update puts on record which of Pulumi's locks it took, in a file that its process keeps locked (`flock`) as
long as it lives, and all that it starts. When nobody has that file locked, they are gone: however they ended,
in whichever container they ran, and whatever it was called.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ATTEMPTS = 20
# File systems that one machine at a time has: another's locks are gone with it. On those that several have at
# once, a machine may lose its lock and come back (flock(2), NFS), or never tell the others of it.
_OF_ONE_MACHINE = {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"}


class UpdateRecord:
    """The record, open and locked. `descriptors`: the open file, for the update's process to inherit."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    @property
    def descriptors(self) -> tuple[int, ...]:
        return () if self._descriptor is None else (self._descriptor,)

    def write(self, lock: str) -> None:
        """Put on record, to last, that the update has this lock file. Without room for that it goes on."""
        text = json.dumps({"lock": lock, "boot": _boot()}).encode()
        for descriptor in self.descriptors:
            with suppress(OSError):
                os.pwrite(descriptor, text, 0)
                os.ftruncate(descriptor, len(text))
                os.fsync(descriptor)


@contextmanager
def kept(path: Path) -> Iterator[UpdateRecord]:
    """The record of a stack's updates, for one that begins. Without it an update runs all the same."""
    descriptor = None
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = _taken(path)
    try:
        yield UpdateRecord(descriptor)
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _taken(path: Path) -> int | None:
    """Open and lock it beside other updates. Who only asks has it for a moment; who ends removes it."""
    for _ in range(_ATTEMPTS):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except (BlockingIOError, FileNotFoundError):
            time.sleep(0.005)
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)
    return None


def forget(path: Path) -> None:
    """Remove the record of an update that has freed its lock; one that another update has stays."""
    with suppress(OSError), path.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink()


def has_ended(path: Path, lock: str) -> bool:
    """Whether the update that took this lock file is proven gone."""
    try:
        with path.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            about = json.load(stream)
    except (OSError, ValueError):
        return False  # there is none, or it is in use
    if not isinstance(about, dict) or about.get("lock") != lock:
        return False
    return bool(_boot() and about.get("boot") == _boot()) or file_system(path) in _OF_ONE_MACHINE


def _boot() -> str:
    """What tells this run of this machine's kernel from all others; empty where nothing does."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def file_system(path: Path) -> str:
    """The type of the file system that a path is on; empty where that cannot be told."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        wanted = path.resolve()
    except OSError:
        return ""
    best, found = -1, ""
    for line in lines:  # man 5 proc_pid_mountinfo; a later mount covers an earlier one
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].replace("\\040", " "))
        if wanted.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), after.split()[0]
    return found

"""Files that people save too: replaced only while they still hold what was read, so that no save is lost.

An editor knows of no lock. What is new is written and flushed beside first, then both files are swapped in
one step, and the one that came out is looked at: where somebody has saved since it was read, it goes back.
"""

import ctypes
import errno
import fcntl
import os
import signal
import stat
import tempfile
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_AT_FDCWD, _NOREPLACE, _EXCHANGE = -100, 1, 2  # linux/fcntl.h, linux/fs.h
_CANNOT = {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM}
"""What a system or a file system says that has no such renames."""
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)


@dataclass(frozen=True)
class SavedFile:
    """A file as it was read, by its path behind symbolic links; `content` is None where there was none."""

    path: Path
    content: bytes | None
    status: os.stat_result | None = None

    @classmethod
    def read(cls, path: Path) -> "SavedFile":
        """The file as it is now. Raises OSError, but not where there is none."""
        real = path.resolve()
        try:
            with real.open("rb") as stream:
                return cls(real, stream.read(), os.fstat(stream.fileno()))
        except FileNotFoundError:
            return cls(real, None)

    def replace(self, content: bytes) -> bool:
        """Save other content, with the file's mode, owner and group; False where it was saved meanwhile.

        A reader sees the old content or the new, never half. A new file gets mode 0600. What may be
        somebody's save stays on disk, beside the file, even where this is interrupted. Raises OSError.
        """
        beside = _written_beside(self.path, content, self.status)
        try:
            done = self._begin(beside) if self.content is None else self._swap(beside, self.content, content)
        finally:
            _drop(beside, {content, self.content})
        if done:
            _flush_names(self.path.parent)
        return done

    def _begin(self, beside: Path) -> bool:
        try:
            if not _rename(beside, self.path, _NOREPLACE):
                beside.replace(self.path)
        except FileExistsError:
            return False
        return True

    def _swap(self, beside: Path, old: bytes, new: bytes) -> bool:
        try:
            if self.path.read_bytes() != old:
                return False
            if not _rename(beside, self.path, _EXCHANGE):
                beside.replace(self.path)  # all that such a system has: a save in this moment is not seen
                return True
            if _is_final(beside, old):
                return True
            _rename(beside, self.path, _EXCHANGE)
            if beside.read_bytes() != new:  # saved once more, onto what was new: that is the last word
                _rename(beside, self.path, _EXCHANGE)
                beside.unlink()
        except FileNotFoundError:
            pass  # it was taken away, or is being replaced by two renames
        return False


def replace_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write beside, flush to disk, rename: a reader sees the old text or the new, never half.

    For files that nobody else writes: whatever is there goes.
    """
    beside = _written_beside(path, text.encode(), None, mode)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _flush_names(path.parent)


def _written_beside(path: Path, content: bytes, status: os.stat_result | None, mode: int = 0o600) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fchmod(descriptor, mode if status is None else _owned_alike(descriptor, status))
            os.fsync(descriptor)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _owned_alike(descriptor: int, status: os.stat_result) -> int:
    """Give the open file owner and group of another as far as that is allowed; the mode that fits."""
    mode, own = stat.S_IMODE(status.st_mode), os.fstat(descriptor)
    if (own.st_uid, own.st_gid) == (status.st_uid, status.st_gid):
        return mode
    for owner in (status.st_uid, -1):
        with suppress(PermissionError):
            os.fchown(descriptor, owner, status.st_gid)
            return mode
    return mode & ~0o070 | (mode & 0o007) << 3  # another group gets no more than everybody


def _is_final(path: Path, content: bytes) -> bool:
    """Whether the file holds this, and nobody has it open to write more into it."""
    with path.open("rb") as stream:
        try:
            # A lease for reading is refused while anybody has the file open for writing. Who opens it before
            # it is given back (nobody knows the name) is told by a signal, which must be one that is ignored.
            fcntl.fcntl(stream, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(stream, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except OSError as error:
            if error.errno == errno.EAGAIN:
                return False
            # Another's file, or a file system without leases: what it holds has to tell.
        return stream.read() == content


def _rename(path: Path, other: Path, flag: int) -> bool:
    """Rename in one of the ways that only Linux has; False where this system has it not. Raises OSError."""
    if _renameat2 is None:
        return False
    if _renameat2(_AT_FDCWD, os.fsencode(path), _AT_FDCWD, os.fsencode(other), flag) == 0:
        return True
    code = ctypes.get_errno()
    if code in _CANNOT:
        return False
    raise OSError(code, os.strerror(code), str(other))


def _drop(path: Path, known: Collection[bytes | None]) -> None:
    """Remove what was left beside, unless it is something that is nowhere else."""
    with suppress(FileNotFoundError):
        if path.read_bytes() in known:
            path.unlink()


def _flush_names(folder: Path) -> None:
    """Make a rename last; not every file system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

"""Whether a process may still be there, as far as this one can see: what it cannot see counts as there."""

import os
from pathlib import Path

_PROC = Path("/proc")
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # include/uapi/linux/nsfs.h: PID_NS_INIT_INO
_ENDED = ("Z", "X")


def may_be_pulumi(pid: int) -> bool:
    """Whether Pulumi may run on this machine as this process id, in whatever pid namespace it was counted.

    A process in a container does not see those outside, so from there the answer is always yes.
    """
    if _may_be_pulumi_here(pid):
        return True
    return not _sees_every_process() or _may_be_pulumi_below(pid)


def _may_be_pulumi_here(pid: int) -> bool:
    """In our own pid namespace."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # another user's
    try:
        return _is_pulumi(_status(_PROC / str(pid)))
    except OSError:
        return True  # it has just ended, or is hidden from us (hidepid)


def _sees_every_process() -> bool:
    """Whether we are in the outermost pid namespace, and no process is hidden from us."""
    try:
        outermost = (_PROC / "self" / "ns" / "pid").stat().st_ino == _INITIAL_PID_NAMESPACE
    except OSError:
        return False
    return outermost and (_PROC / "1").exists()


def _may_be_pulumi_below(pid: int) -> bool:
    """In a pid namespace below ours, such as a container's, where a process has an id of its own."""
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            status = _status(folder)
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError:
            return True
        _, *inner = status.get("NSpid", "").split()
        if inner and inner[-1] == str(pid) and _is_pulumi(status):
            return True
    return False


def _status(folder: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in (folder / "status").read_text(errors="replace").splitlines())
    return {name: value.strip() for name, _, value in lines}


def _is_pulumi(status: dict[str, str]) -> bool:
    return "pulumi" in status.get("Name", "") and not status.get("State", "").startswith(_ENDED)

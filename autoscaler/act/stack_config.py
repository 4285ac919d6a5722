"""A stack's config file: read, and edited so that neither a line nor a save of people's is lost.

Those of us that write it take turns by a lock. People's editors know of none: an edit is made anew on what
they saved (`act.saved_file`), and changes nothing but its keys (`act.config_splice`).
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoscaler.act.config_splice import ConfigUnreadable, edited, line_break, settings
from autoscaler.act.saved_file import SavedFile, replace_file

ATTEMPTS = 40
LONGEST_PAUSE = 0.05  # seconds between two attempts


class ConfigBusy(ConfigUnreadable):
    """The config file is saved again and again, or held open by whoever saves it; nothing was written."""

    exit_code = 3


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; the lock file stays, as removing it would let two holders in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.parent / f".{path.name}.lock"
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read(path: Path) -> dict[str, Any]:
    """The plain values under `config:`; {} when there is no file yet."""
    text = _text(SavedFile.read(path))
    return {} if text is None else settings(text, str(path))


def _text(file: SavedFile) -> str | None:
    """As it is written, with its own line ends."""
    try:
        return None if file.content is None else file.content.decode()
    except UnicodeDecodeError as error:
        raise ConfigUnreadable(f"{file.path} is not YAML: {error}") from error


def rewrite(path: Path, become: Callable[[str | None], str | None]) -> bool:
    """Make the file what `become` makes of its text (None where there is no file), under the lock.

    False when nothing had to change. `become` is asked again where somebody saves the file meanwhile. What it
    raises leaves the file as it is. Raises ConfigBusy.
    """
    with _locked(path):
        for attempt in range(ATTEMPTS):
            file = SavedFile.read(path)
            text = _text(file)
            new = become(text)
            if new is None or new == (text or ""):
                return False
            if file.replace(new.encode()):
                return True
            time.sleep(min(0.001 * 2**attempt, LONGEST_PAUSE))
    raise ConfigBusy(
        f"{path} was being saved at each of {ATTEMPTS} attempts to edit it.\n"
        "  Close the program that has it open for writing, and try again."
    )


def write(path: Path, changes: Mapping[str, Any]) -> bool:
    """Apply `changes` under `config:`; False when nothing had to change. Raises ConfigUnreadable."""
    return rewrite(path, lambda text: edited(text or "", changes, str(path)))


def change(path: Path, key: str, become: Callable[[Any], Any]) -> bool:
    """Set a key to what `become` makes of its value (None where it has none), under the same lock.

    False when nothing had to change. What `become` raises leaves the file as it is.
    """

    def changed(text: str | None) -> str:
        old = settings(text or "", str(path)).get(key)
        return edited(text or "", {key: become(old)}, str(path))

    return rewrite(path, changed)


def exchange(path: Path, key: str, seen: Any, value: Any) -> bool:
    """Write `value` where the key still has the value `seen`; False, and nothing written, where not.

    `seen` is None for a key that is not there. Raises FileNotFoundError when the file is gone: it is
    never begun anew.
    """
    is_so = False

    def exchanged(text: str | None) -> str | None:
        nonlocal is_so
        if text is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
        is_so = settings(text, str(path)).get(key) == seen
        return edited(text, {key: value}, str(path)) if is_so else None

    try:
        rewrite(path, exchanged)
    except ConfigBusy:
        return False
    return is_so


__all__ = [
    "ConfigBusy",
    "ConfigUnreadable",
    "change",
    "edited",
    "exchange",
    "line_break",
    "read",
    "replace_file",
    "rewrite",
    "write",
]

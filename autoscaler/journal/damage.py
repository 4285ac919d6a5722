"""A journal that is damaged (a power cut, a bad disk) stops nothing: it is set aside, and a new one begins.

What is to be goes by the stacks' config and state; the journal has the past, and what was under way, which
an update that is run once more makes good.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

BESIDE = ("-wal", "-shm")


def set_aside(path: Path, clock: Callable[[], float] = time.time) -> Path | None:
    """Move a damaged journal out of the way, with what SQLite keeps beside it; where it is now.

    None where it is whole, or not there. Reads the whole file, so it is asked at a start, by the one who
    writes it. Raises OSError where it cannot be moved.
    """
    if not path.exists() or _whole(path):
        return None
    aside = path.with_name(f"{path.name}.damaged-{clock():.0f}")
    for suffix in BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside


def _whole(path: Path) -> bool:
    """False only where SQLite says that the content is wrong: a full disk or a busy file is not damage."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            return [tuple(row) for row in connection.execute("PRAGMA quick_check(1)")] == [("ok",)]
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False

"""The journal's file: opened, locked, brought up to date, kept small.

SQLite in WAL mode: readers (`alto explain`, `alto status`) never wait for the writer, and a writer
killed anywhere leaves every finished transaction and nothing of the others.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.journal.schema import bring_up_to_date, refuse_newer

BUSY_SECONDS = 10.0


class JournalUnusable(Exception):
    """The journal cannot be read or written; the text says why (a full disk, a damaged file)."""

    exit_code = 1


class Store:
    """One connection, many threads."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = threading.RLock()
        if read_only:
            self._connection = self._opened(f"{path.absolute().as_uri()}?mode=ro")
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The files beside it (-wal, -shm) take its permissions over.
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise JournalUnusable(f"{path}: {error.strerror}") from error
        self._connection = self._opened(path.absolute().as_uri())
        with self._told():
            refuse_newer(self._connection, str(path))
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            # No wait for the disk at each row: a kill loses nothing so. A power cut may lose the last rows,
            # and then the config, which is flushed, and Pulumi's state tell what was done.
            self._connection.execute("PRAGMA synchronous = NORMAL")
            bring_up_to_date(self._connection)

    def _opened(self, uri: str) -> sqlite3.Connection:
        with self._told():
            connection = sqlite3.connect(
                uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.row_factory = sqlite3.Row
            return connection
        raise AssertionError("unreachable: _told raises")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalUnusable(f"{self.path}: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises JournalUnusable when it cannot be written."""
        with self._lock, self._told():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, *values: object) -> list[sqlite3.Row]:
        """What a query finds."""
        with self._lock, self._told():
            return self._connection.execute(statement, values).fetchall()

    def size(self) -> int:
        """Bytes that rows take, without pages that are free."""
        pages, free, page = (
            self.rows(f"PRAGMA {name}")[0][0] for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * page)

    def shrink(self) -> None:
        """Give free pages back to the file system."""
        with self._lock, self._told():
            # A script, as this pragma frees a page a step, and `execute` takes one step only.
            self._connection.executescript("PRAGMA incremental_vacuum;")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

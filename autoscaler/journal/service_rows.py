"""Minutes of service in the journal, and how they become hours."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from dataclasses import fields

from autoscaler.journal.records import ServiceRow
from autoscaler.journal.store import Store

MINUTE, HOUR = 60.0, 3600.0
_COLUMNS = tuple(each.name for each in fields(ServiceRow))


def add(store: Store, rows: Iterable[ServiceRow]) -> None:
    """Add what was counted to what is there for the same time."""
    with store.transaction() as connection:
        for row in rows:
            _add(connection, row)


def read(store: Store, application: str, since: float) -> list[ServiceRow]:
    """The minutes and hours of all stacks of an application that end after `since`, oldest first.

    A journal that an older version of this software wrote, and none of today's has opened, has none.
    """
    if not store.rows("SELECT 1 FROM sqlite_master WHERE name = 'service'"):
        return []
    rows = store.rows(
        f"SELECT {', '.join(_COLUMNS)} FROM service WHERE application = ? AND at + seconds > ? "  # noqa: S608
        "ORDER BY at, stack",
        application, since,
    )  # fmt: skip
    return [_row(row) for row in rows]


def fold(store: Store, before: float) -> int:
    """Make hours of the minutes of every hour that has ended before then. Returns how many rows went."""
    gone = 0
    edge = before - before % HOUR
    while True:
        oldest = store.rows("SELECT min(at) FROM service WHERE seconds = ? AND at < ?", MINUTE, edge)[0][0]
        if oldest is None:
            return gone
        gone += _fold_hour(store, oldest - oldest % HOUR)


def _fold_hour(store: Store, begin: float) -> int:
    with store.transaction() as connection:
        minutes = [
            _row(row)
            for row in connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM service WHERE seconds = ? AND at >= ? AND at < ?",  # noqa: S608
                (MINUTE, begin, begin + HOUR),
            )
        ]
        hours: dict[str, ServiceRow] = {}
        for minute in minutes:
            hour = hours.get(minute.stack) or ServiceRow(begin, HOUR, minute.stack, minute.application)
            hours[minute.stack] = hour.plus(minute)
        connection.execute(
            "DELETE FROM service WHERE seconds = ? AND at >= ? AND at < ?", (MINUTE, begin, begin + HOUR)
        )
        for hour in hours.values():
            _add(connection, hour)
        return len(minutes) - len(hours)


def _add(connection: sqlite3.Connection, row: ServiceRow) -> None:
    found = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM service "  # noqa: S608
        "WHERE application = ? AND stack = ? AND seconds = ? AND at = ?",
        (row.application, row.stack, row.seconds, row.at),
    ).fetchone()
    whole = row if found is None else _row(found).plus(row)
    connection.execute(
        f"INSERT OR REPLACE INTO service({', '.join(_COLUMNS)}) VALUES({', '.join('?' * len(_COLUMNS))})",
        tuple(json.dumps(whole.slow) if name == "slow" else getattr(whole, name) for name in _COLUMNS),
    )


def _row(row: sqlite3.Row) -> ServiceRow:
    values = dict(row)
    slow = {key: (of, late) for key, (of, late) in json.loads(values.pop("slow")).items()}
    return ServiceRow(**values, slow=slow)

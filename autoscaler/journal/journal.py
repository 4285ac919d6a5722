"""What the autoscaler decided, wrote, ran and saw, in the order it happened.

A row is written before its effect and again after it, so that whoever starts after a kill knows
every effect that may have happened, and asks the world about those only.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autoscaler.journal import rotation, service_rows
from autoscaler.journal.records import (
    DecisionRow,
    EditRow,
    MemberRow,
    MissRow,
    RollCall,
    ServiceRow,
    UpdateResult,
    UpdateRow,
)
from autoscaler.journal.store import Store


class Journal:
    """The autoscaler's memory. Thread-safe. Methods raise JournalUnusable when the file cannot be used."""

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.time, read_only: bool = False
    ) -> None:
        self._store = Store(path, read_only=read_only)
        self._clock = clock

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def rotate(self, keep: rotation.Keep | None = None) -> int:
        """Forget what is old; see `rotation.Keep`. Returns how many rows went."""
        return rotation.rotate(self._store, keep or rotation.Keep(), self._clock())

    # --- edits ---

    def accept(self, stack: str, reason: str, request: Mapping[str, Any]) -> int:
        """An edit was submitted; from here on it is not lost. Returns its number."""
        with self._store.transaction() as connection:
            made = connection.execute(
                "INSERT INTO edits(stack, submitted, reason, request, stage) VALUES(?,?,?,?,'accepted')",
                (stack, self._clock(), reason, json.dumps(request)),
            )
            return int(made.lastrowid or 0)

    def writing(self, edits: Sequence[int], target: Mapping[str, Any]) -> None:
        """The config is about to get this scale, because of these edits."""
        self._stage(edits, "writing", json.dumps(target))

    def written(self, edits: Sequence[int]) -> None:
        """The config has it."""
        self._stage(edits, "written", None)

    def _stage(self, edits: Sequence[int], stage: str, target: str | None) -> None:
        with self._store.transaction() as connection:
            connection.executemany(
                "UPDATE edits SET stage = ?, target = coalesce(?, target) WHERE id = ?",
                [(stage, target, edit) for edit in edits],
            )

    def finish(self, edits: Sequence[int], outcome: str, note: str = "") -> None:
        """How they ended: applied, superseded, unchanged, or the name of what went wrong."""
        with self._store.transaction() as connection:
            _finish(connection, edits, outcome, note, self._clock())

    def open_edits(self) -> list[EditRow]:
        """Edits that have not ended, oldest first."""
        return [
            _edit(row) for row in self._store.rows("SELECT * FROM edits WHERE stage != 'done' ORDER BY id")
        ]

    def edits(self, stack: str, limit: int = 100, until: float | None = None) -> list[EditRow]:
        """The newest edits of a stack that were submitted up to a time, newest first."""
        rows = self._store.rows(
            "SELECT * FROM edits WHERE stack = ? AND (? IS NULL OR submitted <= ?) ORDER BY id DESC LIMIT ?",
            stack, until, until, limit,
        )  # fmt: skip
        return [_edit(row) for row in rows]

    # --- updates ---

    def update_started(self, stack: str, reason: str, scale: Mapping[str, Any]) -> int:
        """An update is about to start. Returns its number."""
        with self._store.transaction() as connection:
            made = connection.execute(
                "INSERT INTO updates(stack, started, reason, scale, result) VALUES(?,?,?,?,'running')",
                (stack, self._clock(), reason, json.dumps(scale)),
            )
            return int(made.lastrowid or 0)

    def update_ended(
        self,
        update: int,
        result: UpdateResult,
        seconds: float,
        changes: Mapping[str, int] | None = None,
        note: str = "",
        applied: Sequence[int] = (),
    ) -> None:
        """An update ended, and with it the edits in `applied`: one transaction."""
        with self._store.transaction() as connection:
            now = self._clock()
            connection.execute(
                "UPDATE updates SET ended = ?, result = ?, seconds = ?, changes = ?, note = ? WHERE id = ?",
                (now, result, seconds, json.dumps(changes) if changes is not None else None, note, update),
            )
            if applied:
                _finish(connection, applied, "applied", "", now)

    def lose_running_updates(self) -> list[UpdateRow]:
        """Mark updates that a killed run left as lost; returns them."""
        rows = self._store.rows("SELECT * FROM updates WHERE result = 'running' ORDER BY id")
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE updates SET result = 'lost', ended = ? WHERE result = 'running'", (self._clock(),)
            )
        return [_update(row) for row in rows]

    def last_update(self, stack: str) -> UpdateRow | None:
        """The newest update of a stack."""
        return next(iter(self.updates(stack, 1)), None)

    def updates(self, stack: str, limit: int = 100, until: float | None = None) -> list[UpdateRow]:
        """The newest updates of a stack that had started by a time, newest first."""
        rows = self._store.rows(
            "SELECT * FROM updates WHERE stack = ? AND (? IS NULL OR started <= ?) ORDER BY id DESC LIMIT ?",
            stack, until, until, limit,
        )  # fmt: skip
        return [_update(row) for row in rows]

    # --- decisions ---

    def decisions_made(self, decisions: Iterable[DecisionRow]) -> None:
        """Decisions of one tick, in one transaction."""
        with self._store.transaction() as connection:
            connection.executemany(
                "INSERT INTO decisions(at, stack, cluster, action, members, factor, reason, content) "
                "VALUES(?,?,?,?,?,?,?,?)",
                [
                    (d.at, d.stack, d.cluster, d.action, d.members, d.factor, d.reason, json.dumps(d.content))
                    for d in decisions
                ],
            )

    def decisions(
        self, stack: str, *, cluster: str | None = None, until: float | None = None, limit: int = 50
    ) -> list[DecisionRow]:
        """Decisions of a stack (and cluster) up to a time, newest first."""
        rows = self._store.rows(
            "SELECT * FROM decisions WHERE stack = ? AND (? IS NULL OR cluster = ?) "
            "AND (? IS NULL OR at <= ?) ORDER BY at DESC, id DESC LIMIT ?",
            stack, cluster, cluster, until, until, limit,
        )  # fmt: skip
        return [_decision(row) for row in rows]

    def decisions_of(self, stacks: Sequence[str], begin: float, end: float) -> list[DecisionRow]:
        """Every decision of some stacks between two times, oldest first."""
        rows = self._store.rows(
            f"SELECT * FROM decisions WHERE stack IN ({','.join('?' * len(stacks))}) "  # noqa: S608
            "AND at BETWEEN ? AND ? ORDER BY at, id",
            *stacks, begin, end,
        )  # fmt: skip
        return [_decision(row) for row in rows]

    def stacks(self) -> list[str]:
        """The stacks about which anything was decided, in order."""
        return [
            str(row["stack"]) for row in self._store.rows("SELECT DISTINCT stack FROM decisions ORDER BY 1")
        ]

    # --- members and misses ---

    def members_seen(self, members: Iterable[MemberRow]) -> None:
        """Lives of members as far as they are known; a time once told stays."""
        with self._store.transaction() as connection:
            connection.executemany(
                "INSERT INTO members(application, cloud, cluster, member, created, up, down) "
                "VALUES(?,?,?,?,?,?,?) ON CONFLICT(application, cloud, cluster, member) DO UPDATE SET "
                "up = coalesce(members.up, excluded.up), down = coalesce(members.down, excluded.down)",
                [(m.application, m.cloud, m.cluster, m.member, m.created, m.up, m.down) for m in members],
            )

    def members_called(self, call: RollCall) -> None:
        """End the lives of all others: they went while nobody looked, and count until somebody last did."""
        with self._store.transaction() as connection:
            looked = connection.execute(
                "SELECT max(at) FROM decisions WHERE stack = ? AND at < ?", (call.stack, call.at)
            ).fetchone()[0]
            alive = connection.execute(
                "SELECT cluster, member FROM members WHERE down IS NULL AND application = ? AND cloud = ?",
                (call.application, call.cloud),
            ).fetchall()
            connection.executemany(
                "UPDATE members SET down = max(coalesce(up, created), coalesce(?, 0)) "
                "WHERE application = ? AND cloud = ? AND cluster = ? AND member = ?",
                [
                    (looked, call.application, call.cloud, *member)
                    for member in map(tuple, alive)
                    if member not in call.members
                ],
            )

    def members(self, application: str | None = None, since: float = 0.0) -> list[MemberRow]:
        """Members that were there at some time since then, by creation."""
        rows = self._store.rows(
            "SELECT * FROM members WHERE (? IS NULL OR application = ?) AND (down IS NULL OR down >= ?) "
            "ORDER BY created",
            application, application, since,
        )  # fmt: skip
        return [MemberRow(*(row[name] for name in MemberRow.__slots__)) for row in rows]

    def missed(self, misses: Iterable[MissRow]) -> None:
        """Requests and misses of one tick, in one transaction."""
        with self._store.transaction() as connection:
            connection.executemany(
                "INSERT INTO misses(at, stack, cluster, requests, missed) VALUES(?,?,?,?,?)",
                [(m.at, m.stack, m.cluster, m.requests, m.missed) for m in misses],
            )

    def misses(self, stack: str, cluster: str, since: float) -> tuple[float, float]:
        """Requests, and misses among them, of a cluster since then."""
        row = self._store.rows(
            "SELECT coalesce(sum(requests), 0), coalesce(sum(missed), 0) FROM misses "
            "WHERE stack = ? AND cluster = ? AND at >= ?",
            stack, cluster, since,
        )[0]  # fmt: skip
        return float(row[0]), float(row[1])

    # --- service levels ---

    def served(self, rows: Iterable[ServiceRow]) -> None:
        """What was counted for the service levels, added to what is there for the same minutes."""
        service_rows.add(self._store, rows)

    def service(self, application: str, since: float = 0.0) -> list[ServiceRow]:
        """The same for all stacks of an application since then, oldest first."""
        return service_rows.read(self._store, application, since)


def _finish(
    connection: sqlite3.Connection, edits: Sequence[int], outcome: str, note: str, now: float
) -> None:
    connection.executemany(
        "UPDATE edits SET stage = 'done', outcome = ?, note = ?, ended = ? WHERE id = ? AND stage != 'done'",
        [(outcome, note, now, edit) for edit in edits],
    )


def _decision(row: sqlite3.Row) -> DecisionRow:
    return DecisionRow(**{**dict(row), "content": json.loads(row["content"])})


def _edit(row: sqlite3.Row) -> EditRow:
    values = dict(row)
    target = json.loads(values.pop("target") or "null")
    return EditRow(**{**values, "request": json.loads(values["request"]), "target": target})


def _update(row: sqlite3.Row) -> UpdateRow:
    values = dict(row)
    changes = json.loads(values.pop("changes") or "null")
    return UpdateRow(**{**values, "scale": json.loads(values["scale"]), "changes": changes})

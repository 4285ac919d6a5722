"""What the journal forgets: old rows first, and never what is still open."""

from dataclasses import dataclass

from autoscaler.journal import service_rows
from autoscaler.journal.store import Store

DAY = 86_400.0
BATCH = 5_000  # rows a transaction: the writer is never held up for long


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows stay, in days, and the size in bytes over which decisions and misses go earlier.

    Members are metering, which is wanted for longer than decisions are explained. Service is kept by the
    minute for `minutes` days, then by the hour for as long as `members`.
    """

    decisions: float = 14
    updates: float = 90
    members: float = 400
    minutes: float = 3
    largest: int = 512 * 1024 * 1024


_OLD = {
    "decisions": "at < ?",
    "misses": "at < ?",
    "edits": "stage = 'done' AND submitted < ?",
    # The last one of a stack says what was applied.
    "updates": (
        "started < ? AND result != 'running' AND id NOT IN (SELECT max(id) FROM updates GROUP BY stack)"
    ),
    "members": "down < ?",
    "service": "at < ?",
}


def rotate(store: Store, keep: Keep, now: float) -> int:
    """Delete what is too old or too much; returns how many rows went.

    Where more than half of a table is too old, none of it goes: rather the clock has jumped. Should it be
    right after all, new rows, or the size, soon make it less than half.
    """
    days = {
        "decisions": keep.decisions,
        "misses": keep.decisions,
        "edits": keep.updates,
        "updates": keep.updates,
        "members": keep.members,
        "service": keep.members,
    }
    gone = service_rows.fold(store, now - keep.minutes * DAY)
    for table, condition in _OLD.items():
        before = now - days[table] * DAY
        old, every = store.rows(
            f"SELECT count(*) FILTER (WHERE {condition}), count(*) FROM {table}",  # noqa: S608
            before,
        )[0]
        if old <= every / 2:
            gone += _delete(store, table, condition, before)
    while store.size() > keep.largest:
        went = _delete_oldest(store, "decisions") + _delete_oldest(store, "misses")
        went = went or _delete_oldest(store, "service")
        if not went:
            break
        gone += went
    if gone:
        store.shrink()
    return gone


def _delete(store: Store, table: str, condition: str, before: float) -> int:
    gone = 0
    while True:
        with store.transaction() as connection:
            count = connection.execute(
                f"DELETE FROM {table} WHERE rowid IN "  # noqa: S608  (both names are our own)
                f"(SELECT rowid FROM {table} WHERE {condition} LIMIT {BATCH})",
                (before,),
            ).rowcount
        gone += count
        if count < BATCH:
            return gone


def _delete_oldest(store: Store, table: str) -> int:
    with store.transaction() as connection:
        return connection.execute(
            f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} ORDER BY at LIMIT {BATCH})"  # noqa: S608
        ).rowcount

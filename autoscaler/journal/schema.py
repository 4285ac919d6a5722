"""The journal's tables, and how an older journal becomes one of today."""

import sqlite3

# Each step is applied once, in order; the number of steps done is `PRAGMA user_version`.
STEPS = (
    """
    CREATE TABLE decisions(
        id INTEGER PRIMARY KEY,
        at REAL NOT NULL,              -- seconds since the epoch
        stack TEXT NOT NULL,
        cluster TEXT NOT NULL,
        action TEXT NOT NULL,          -- up, down, hold
        members INTEGER NOT NULL,
        factor TEXT,                   -- the winning one
        reason TEXT NOT NULL,
        content TEXT NOT NULL          -- JSON: inputs, forecast, band, wants, holds
    );
    CREATE INDEX decisions_by_stack ON decisions(stack, at);
    CREATE INDEX decisions_by_time ON decisions(at);
    CREATE TABLE edits(
        id INTEGER PRIMARY KEY,
        stack TEXT NOT NULL,
        submitted REAL NOT NULL,
        reason TEXT NOT NULL,
        request TEXT NOT NULL,         -- JSON: the edit as it was submitted
        stage TEXT NOT NULL,           -- accepted, writing, written, done
        target TEXT,                   -- JSON: the whole scale that writing aims at
        outcome TEXT,                  -- applied, superseded, unchanged, or what went wrong
        note TEXT,
        ended REAL
    );
    CREATE INDEX edits_open ON edits(stage) WHERE stage != 'done';
    CREATE INDEX edits_by_stack ON edits(stack, submitted);
    CREATE TABLE updates(
        id INTEGER PRIMARY KEY,
        stack TEXT NOT NULL,
        started REAL NOT NULL,
        ended REAL,
        reason TEXT NOT NULL,
        scale TEXT NOT NULL,           -- JSON: the scale that it applies
        result TEXT NOT NULL,          -- running, succeeded, failed, lost
        seconds REAL,
        changes TEXT,                  -- JSON: counts by operation
        note TEXT
    );
    CREATE INDEX updates_by_stack ON updates(stack, id);
    CREATE INDEX updates_by_time ON updates(started);
    CREATE TABLE members(
        id INTEGER PRIMARY KEY,
        application TEXT NOT NULL,
        cloud TEXT NOT NULL,
        cluster TEXT NOT NULL,
        member TEXT NOT NULL,
        created REAL NOT NULL,
        up REAL,                       -- when it first was ready
        down REAL,                     -- when it was gone
        UNIQUE(application, cloud, cluster, member)
    );
    CREATE INDEX members_up ON members(down) WHERE down IS NULL;
    CREATE TABLE misses(
        at REAL NOT NULL,
        stack TEXT NOT NULL,
        cluster TEXT NOT NULL,
        requests REAL NOT NULL,        -- since the last row of the cluster
        missed REAL NOT NULL           -- of those, over the objective's latency or failed
    );
    CREATE INDEX misses_by_cluster ON misses(stack, cluster, at);
    CREATE INDEX misses_by_time ON misses(at);
    """,
    """
    CREATE TABLE service(
        at REAL NOT NULL,              -- when the minute or hour begins
        seconds REAL NOT NULL,         -- 60 or 3600
        stack TEXT NOT NULL,
        application TEXT NOT NULL,
        requests REAL NOT NULL,
        errors REAL NOT NULL,
        counted REAL NOT NULL,         -- seconds for which the balancers told their counts
        looked REAL NOT NULL,          -- seconds in which the autoscaler looked
        watched REAL NOT NULL,         -- seconds in which it saw the members
        down REAL NOT NULL,            -- of those, with no member that serves
        slow TEXT NOT NULL,            -- JSON: by seconds, [requests, those that took longer]
        UNIQUE(application, stack, seconds, at)
    );
    CREATE INDEX service_by_time ON service(seconds, at);
    """,
)


class JournalTooNew(Exception):
    """A newer version of this software wrote the journal."""

    exit_code = 2


def refuse_newer(connection: sqlite3.Connection, path: str) -> None:
    """Raises JournalTooNew, before anything of the file is changed."""
    if _done(connection) > len(STEPS):
        raise JournalTooNew(
            f"{path} has schema {_done(connection)}; this version knows up to {len(STEPS)}.\n"
            "  Use the newer version again, or move the file away to begin a new journal."
        )


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Apply the steps that the journal lacks, each in one transaction."""
    done = _done(connection)
    for number, step in enumerate(STEPS[done:], done + 1):
        connection.executescript(f"BEGIN IMMEDIATE;{step};PRAGMA user_version={number};COMMIT;")


def _done(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])

"""The journal keeps what was written, through kills, full disks, old schemas and wrong clocks."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.journal.journal import Journal
from autoscaler.journal.records import DecisionRow, MemberRow, MissRow, RollCall
from autoscaler.journal.rotation import DAY, Keep
from autoscaler.journal.schema import STEPS, JournalTooNew
from autoscaler.journal.store import JournalUnusable
from toolchain import paths


class Clock:
    """A time that the test sets."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Journal:
    return Journal(tmp_path / "folder" / "journal.db", clock=clock)


def decision(at: float, cluster: str = "web", content: str = "") -> DecisionRow:
    return DecisionRow(at, "app-shop", cluster, "up", 3, "web is full", "requests in flight", {"x": content})


def test_an_edit_is_found_at_every_stage_until_it_has_ended(journal: Journal) -> None:
    edit = journal.accept("app-shop", "web is full", {"clusters": {"web": 5}})
    other = journal.accept("app-blog", "quiet", {"clusters": {"web": 1}})
    assert [(e.id, e.stage) for e in journal.open_edits()] == [(edit, "accepted"), (other, "accepted")]
    journal.writing([edit], {"clusters": {"web": 5}, "generation": 8})
    journal.written([edit])
    found = journal.open_edits()[0]
    assert (found.stage, found.target) == ("written", {"clusters": {"web": 5}, "generation": 8})
    update = journal.update_started("app-shop", "web is full", {"generation": 8})
    journal.update_ended(update, "succeeded", 0.7, {"update": 1}, applied=[edit])
    assert [e.id for e in journal.open_edits()] == [other]
    assert journal.edits("app-shop")[0].outcome == "applied"
    last = journal.last_update("app-shop")
    assert last is not None
    assert (last.result, last.changes, last.scale) == ("succeeded", {"update": 1}, {"generation": 8})


def test_an_end_is_told_once(journal: Journal) -> None:
    edit = journal.accept("app-shop", "r", {})
    journal.finish([edit], "superseded")
    journal.finish([edit], "applied")
    assert journal.edits("app-shop")[0].outcome == "superseded"


def test_updates_of_a_killed_run_are_told_as_lost(journal: Journal) -> None:
    journal.update_started("app-shop", "r", {})
    assert [row.stack for row in journal.lose_running_updates()] == ["app-shop"]
    assert journal.lose_running_updates() == []


def test_decisions_are_found_by_time_and_cluster(journal: Journal) -> None:
    journal.decisions_made([decision(10, "web"), decision(10, "db"), decision(20, "web")])
    assert [d.at for d in journal.decisions("app-shop")] == [20, 10, 10]
    assert [d.at for d in journal.decisions("app-shop", cluster="web", until=15)] == [10]
    assert journal.decisions("app-shop", cluster="db")[0].factor == "requests in flight"


def test_a_members_times_are_joined_and_never_changed(journal: Journal) -> None:
    journal.members_seen([MemberRow("shop", "local", "web", "web-1", 10, None, None)])
    journal.members_seen([MemberRow("shop", "local", "web", "web-1", 10, 14, None)])
    journal.members_seen([MemberRow("shop", "local", "web", "web-1", 10, 99, 50)])
    assert journal.members("shop") == [MemberRow("shop", "local", "web", "web-1", 10, 14, 50)]
    assert journal.members("shop", since=60) == []


def test_members_that_went_while_nobody_looked_count_until_somebody_last_did(journal: Journal) -> None:
    journal.members_seen(
        [
            MemberRow("shop", "local", "web", "stays", 5, 6, None),
            MemberRow("shop", "local", "web", "went", 5, 6, None),
            MemberRow("shop", "local", "web", "young", 25, None, None),
            MemberRow("shop", "local", "web", "ended", 5, 6, 7),
            MemberRow("shop", "away", "web", "elsewhere", 5, 6, None),
        ]
    )
    journal.decisions_made([decision(10, "web"), decision(20, "web"), decision(100, "web")])
    journal.members_called(RollCall("app-shop", "shop", "local", frozenset({("web", "stays")}), 100))
    downs = {row.member: row.down for row in journal.members("shop")}
    assert downs == {"stays": None, "went": 20, "young": 25, "ended": 7, "elsewhere": None}


def test_misses_add_up(journal: Journal) -> None:
    journal.missed([MissRow(5, "app-shop", "web", 100, 2), MissRow(10, "app-shop", "web", 50, 1)])
    assert journal.misses("app-shop", "web", 6) == (50, 1)
    assert journal.misses("app-shop", "db", 0) == (0, 0)


def test_the_files_are_for_their_owner_alone(journal: Journal, tmp_path: Path) -> None:
    journal.accept("app-shop", "r", {})
    files = list((tmp_path / "folder").iterdir())
    assert {file.name for file in files} == {"journal.db", "journal.db-wal", "journal.db-shm"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_a_reader_sees_finished_work_while_the_writer_writes(journal: Journal, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "journal.db"
    journal.accept("app-shop", "r", {})
    reader = Journal(path, read_only=True)
    with journal._store.transaction() as connection:
        connection.execute("DELETE FROM edits")
        assert len(reader.open_edits()) == 1
    assert reader.open_edits() == []
    with pytest.raises(JournalUnusable, match="readonly"):
        reader.accept("app-shop", "r", {})


def test_a_journal_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    before = path.read_bytes()
    with pytest.raises(JournalTooNew, match="newer version"):
        Journal(path)
    assert path.read_bytes()[:100] == before[:100]


def test_a_file_that_is_no_journal_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalUnusable, match=r"journal\.db"):
        Journal(path)


def test_old_rows_go_and_open_ones_stay(journal: Journal, clock: Clock) -> None:
    start = clock.now
    journal.decisions_made([decision(start + n * DAY) for n in range(20)])
    waiting = journal.accept("app-shop", "r", {})
    update = journal.update_started("app-shop", "r", {})
    clock.now = start + 20 * DAY
    assert journal.rotate(Keep(decisions=14)) == 6
    assert len(journal.decisions("app-shop")) == 14
    assert [e.id for e in journal.open_edits()] == [waiting]
    last = journal.last_update("app-shop")
    assert last is not None
    assert last.id == update


def test_a_clock_that_jumps_clears_nothing(journal: Journal, clock: Clock) -> None:
    journal.decisions_made([decision(clock.now + n) for n in range(100)])
    clock.now += 3650 * DAY
    assert journal.rotate() == 0
    clock.now -= 7300 * DAY
    assert journal.rotate() == 0


def test_size_is_bounded(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    journal.decisions_made([decision(clock.now + n, content="x" * 1000) for n in range(12_000)])
    before = (tmp_path / "folder" / "journal.db").stat().st_size
    assert journal.rotate(Keep(largest=4 * 1024 * 1024)) >= 5_000
    newest = journal.decisions("app-shop", limit=1)[0]
    assert newest.at == clock.now + 11_999
    journal.close()
    assert (tmp_path / "folder" / "journal.db").stat().st_size < before / 2


def test_a_writer_that_may_write_no_more_says_so_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from autoscaler.journal.journal import Journal\n"
        "from autoscaler.journal.store import JournalUnusable\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(Path(sys.argv[1])); done = 0\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        "try:\n"
        "    while done < 10_000:\n"
        "        journal.accept('app-shop', 'r', {'n': 'x' * 500}); done += 1\n"
        "except JournalUnusable:\n"
        "    print(done, flush=True)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, cwd=paths.root(), check=True
    )
    told = int(ran.stdout)
    assert 0 < told < 10_000
    again = Journal(path)
    assert len(again.open_edits()) == told
    assert again.accept("app-shop", "r", {}) == told + 1


def test_every_answered_write_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    code = (
        "import sys; from pathlib import Path; from autoscaler.journal.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "while True: print(journal.accept('app-shop', 'r', {}), flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True, cwd=paths.root()
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 50:
            break
    os.kill(process.pid, signal.SIGKILL)
    rest, _ = process.communicate()
    answered = max([50, *(int(word) for word in rest.split())])
    found = [edit.id for edit in Journal(path).open_edits()]
    assert found[:answered] == list(range(1, answered + 1))
    assert len(found) <= answered + 1, "at most the one whose answer was not heard"

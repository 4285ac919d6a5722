"""MariaDB that follows another one, on the real engine."""

import os
from collections.abc import Iterator

import pytest

from tests.replication.members import DATA, Member, Members, members
from tests.waiting import until

pytestmark = pytest.mark.engine

SECRETS = {"DATABASE_PASSWORD": "for-the-app", "REPLICATION_PASSWORD": "for-followers"}


@pytest.fixture
def engine() -> Iterator[Members]:
    with members("mysql", f"t{os.getpid()}-mysql", "/var/lib/mysql") as made:
        yield made


def sql(member: Member, text: str, *, user: str = "") -> tuple[int, str]:
    """As the server's own user, or as one with the application's password who comes by the network."""
    login = ["--user=" + user, "--password=for-the-app", "--protocol=tcp", "--host=127.0.0.1"] if user else []
    return member.run(
        "mariadb", "--defaults-file=/etc/altostratus/server.cnf", *login, "-N", "-B", "-e", text, "app"
    )


def rows(member: Member) -> str:
    """What it has, or why it cannot say."""
    return sql(member, "SELECT group_concat(a ORDER BY a) FROM t", user="app")[1]


def write(member: Member, number: int) -> tuple[int, str]:
    return sql(member, f"INSERT INTO t VALUES ({number}, 0x00ff27)", user="app")  # noqa: S608


def test_a_follower_has_all_refuses_writes_and_takes_over(engine: Members) -> None:
    home = engine.start("home", SECRETS)
    home.await_ready()
    for text in (
        "CREATE TABLE t (a INT PRIMARY KEY, b BLOB)",
        "INSERT INTO t VALUES (1, 0x00), (2, NULL)",
        "CREATE VIEW v AS SELECT a FROM t",
        "CREATE USER guest IDENTIFIED BY 'for-the-app'; GRANT SELECT ON app.* TO guest",
    ):
        assert sql(home, text)[0] == 0
    away = engine.start("away", SECRETS, "home:3306")
    away.await_ready()
    until(lambda: rows(away) == "1,2", "the follower to have the rows")
    counted = "SELECT count(*) FROM v"
    until(lambda: sql(away, counted, user="guest") == (0, "2"), "the follower to have the guest")
    code, said = write(away, 9)
    assert code != 0
    assert "read-only" in said

    assert write(home, 3)[0] == 0
    until(lambda: rows(away) == "1,2,3", "the follower to have the new row")
    until(lambda: away.run(DATA, "behind") == (0, "0"), "the follower to know that it has all")

    # Killed, it goes on where it was, with what was written meanwhile.
    engine.kill("away")
    assert write(home, 4)[0] == 0
    away = engine.restart("away")
    away.await_ready()
    until(lambda: rows(away) == "1,2,3,4", "the follower to have what was written meanwhile")
    assert away.logs().count("copies the data of") == 1

    home.ask("read-only")
    assert write(home, 9)[0] != 0
    home = engine.restart("home")
    home.await_ready()
    assert write(home, 9)[0] != 0, "it still refuses after a restart"
    position = home.ask("position")
    until(lambda: away.run(DATA, "reached", position)[0] == 0, "the same data")
    away.ask("promote")
    away.ask("promote")
    assert write(away, 5)[0] == 0
    away = engine.restart("away")
    away.await_ready()
    assert write(away, 6)[0] == 0, "it still stands on its own after a restart"
    assert rows(away) == "1,2,3,4,5,6"
    assert rows(home) == "1,2,3,4"

    # Another one can follow who once followed.
    third = engine.start("third", SECRETS, "away:3306")
    third.await_ready()
    assert write(away, 7)[0] == 0
    until(lambda: rows(third) == "1,2,3,4,5,6,7", "the third to have all")
    until(lambda: third.run(DATA, "reached", away.ask("position"))[0] == 0, "the third to know it")

    home.ask("writable")
    assert write(home, 8)[0] == 0


def test_half_a_copy_begins_anew_and_own_data_is_never_replaced(engine: Members) -> None:
    away = engine.start("away", SECRETS, "home:3306")
    until(lambda: "tries again" in away.logs(), "the follower to miss its home")
    assert away.run(DATA, "ready")[0] != 0
    assert away.run(DATA, "promote")[0] == 2
    home = engine.start("home", SECRETS)
    home.await_ready()
    assert sql(home, "CREATE TABLE t (a INT PRIMARY KEY, b BLOB)")[0] == 0
    away = engine.restart("away")
    away.await_ready()
    assert write(home, 1)[0] == 0
    until(lambda: rows(away) == "1", "the follower to have the row")

    told = engine.start("home", SECRETS, "away:3306")
    until(lambda: told.container.reload() or told.container.status == "exited", "it to end")
    assert "holds data of its own" in told.logs()
    home = engine.start("home", SECRETS)
    home.await_ready()
    until(lambda: rows(home) == "1", "home to have its row")


def test_the_stream_of_changes_keeps_within_its_limit(engine: Members) -> None:
    home = engine.start("home", {**SECRETS, "CHANGES_LIMIT": "1", "TRIM_SECONDS": "1"})
    home.await_ready()
    assert sql(home, "CREATE TABLE t (a INT PRIMARY KEY, b LONGTEXT)")[0] == 0
    for number in range(6):
        text = f"INSERT INTO t VALUES ({number}, repeat('x', 500000)); FLUSH BINARY LOGS"  # noqa: S608
        assert sql(home, text)[0] == 0

    def listed() -> list[str]:
        return sql(home, "SHOW BINARY LOGS")[1].split()[::2]

    def size() -> int:
        return sum(map(int, sql(home, "SHOW BINARY LOGS")[1].split()[1::2]))

    until(lambda: len(listed()) < 6 and size() <= 1 << 20, "old changes to go")
    assert len(listed()) > 1, "what is within the limit stays"
    away = engine.start("away", SECRETS, "home:3306")
    away.await_ready()
    assert sql(away, "SELECT count(*) FROM t") == (0, "6"), "a new follower begins with a copy"

"""Redis that follows another one, on the real engine."""

import os
from collections.abc import Iterator

import pytest

from tests.replication.members import DATA, Member, Members, members
from tests.waiting import until

pytestmark = pytest.mark.engine

SECRETS = {"REDIS_PASSWORD": "for-everybody"}


@pytest.fixture
def engine() -> Iterator[Members]:
    with members("redis", f"t{os.getpid()}-redis", "/var/lib/redis") as made:
        yield made


def ask(member: Member, *command: str) -> tuple[int, str]:
    return member.run("redis-cli", "-e", "--no-auth-warning", "-a", "for-everybody", *command)


def test_a_follower_has_all_refuses_writes_and_takes_over(engine: Members) -> None:
    home = engine.start("home", SECRETS)
    home.await_ready()
    assert ask(home, "set", "one", "1")[0] == 0
    away = engine.start("away", SECRETS, "home:6379")
    away.await_ready()
    until(lambda: ask(away, "get", "one") == (0, "1"), "the follower to have the key")
    assert "READONLY" in ask(away, "set", "one", "2")[1]
    assert ask(home, "set", "two", "2")[0] == 0
    until(lambda: ask(away, "get", "two") == (0, "2"), "the follower to have the new key")
    until(lambda: away.run(DATA, "behind")[1] in set("0123456789"), "the follower to have heard of home")

    engine.kill("away")
    assert ask(home, "set", "three", "3")[0] == 0
    away = engine.restart("away")
    away.await_ready()
    until(lambda: ask(away, "get", "three") == (0, "3"), "the follower to have what was set meanwhile")

    home.ask("read-only")
    assert "NOREPLICAS" in ask(home, "set", "one", "9")[1]
    position = home.ask("position")
    until(lambda: away.run(DATA, "reached", position)[0] == 0, "the same data")
    away.ask("promote")
    away.ask("promote")
    assert away.run(DATA, "reached", position)[0] == 0
    home = engine.restart("home")
    home.await_ready()
    assert "NOREPLICAS" in ask(home, "set", "one", "9")[1], "it still refuses after a restart"
    assert ask(away, "set", "four", "4")[0] == 0
    away = engine.restart("away")
    away.await_ready()
    assert ask(away, "set", "five", "5")[0] == 0, "it still stands on its own after a restart"
    assert ask(away, "mget", "one", "two", "three", "four", "five")[1].split() == list("12345")

    home.ask("writable")
    assert ask(home, "set", "one", "8")[0] == 0


def test_own_data_is_never_replaced_and_a_follower_alone_takes_nothing(engine: Members) -> None:
    away = engine.start("away", SECRETS, "home:6379")
    until(lambda: away.run(DATA, "ready")[0] == 1, "it to wait for its home")
    assert away.run(DATA, "writable")[0] == 2
    alone = engine.start("away", SECRETS)
    until(lambda: alone.container.reload() or alone.container.status == "exited", "it to end")
    assert "ALTO_REPLICATE_FROM is not set" in alone.logs()

    home = engine.start("home", SECRETS)
    home.await_ready()
    assert ask(home, "set", "one", "1")[0] == 0
    told = engine.start("home", SECRETS, "away:6379")
    until(lambda: told.container.reload() or told.container.status == "exited", "it to end")
    assert "holds data of its own" in told.logs()
    home = engine.start("home", SECRETS)
    home.await_ready()
    assert ask(home, "get", "one") == (0, "1")

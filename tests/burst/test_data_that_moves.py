"""An application whose data moves with it: whoever moves it may be killed anywhere, and nothing is split."""

from pathlib import Path

import pytest

from autoscaler.burst.refusals import MoveFailed, MoveRefused
from autoscaler.burst.work import Say
from tests.burst.light_clouds import REPLICATION, Killed, Land

POLICY = """\
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: p
networkPartitions: [l, a]
burst: {data: replicate}
---
{apiVersion: altostratus/v1, kind: NetworkPartition, name: l, cloud: local, partitions: [{name: all}]}
---
{apiVersion: altostratus/v1, kind: NetworkPartition, name: a, cloud: away, partitions: [{name: all}]}
"""


def land(folder: Path, number: int = 0) -> Land:
    own = folder / str(number)
    own.mkdir()
    return Land(own, data=True)


def change(one: Land, old: str, new: str, more: str = "") -> None:
    path = one.folder / "shop.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new) + more)


def migrate(one: Land) -> None:
    one.moves().migrate("shop", "away")


def undisturbed(folder: Path) -> tuple[list[str], dict[str, object]]:
    one = land(folder)
    migrate(one)
    return list(one.fate.effects), one.look()


def test_home_refuses_writes_before_what_follows_it_takes_them(tmp_path: Path) -> None:
    names, after = undisturbed(tmp_path)
    order = [
        "hold local away",
        "lead in away",
        "refuse in local",
        "tell in local",
        "reached in away",
        "promote in away",
        "share {'local': 0, 'away': 100}",
        "hold local",
        "destroy app-shop",
    ]
    assert [names.index(each) for each in order] == sorted(names.index(each) for each in order)
    assert after["stores"] == {"local": (False, False), "away": (False, True)}, (
        "the old data is kept, and refuses"
    )
    assert after["held"] == []
    assert after["weights"] == {"away": 100}
    (config,) = [c for name, c in after["config"].items() if "app-shop" in name]  # type: ignore[attr-defined]
    assert config["config"]["altostratus:data"] == "promoted"
    assert config["config"]["altostratus:cloud"] == "away"


def test_killed_anywhere_the_data_has_moved_and_never_do_two_take_writes(tmp_path: Path) -> None:
    names, wanted = undisturbed(tmp_path)
    for number in range(1, len(names) + 1):
        one = land(tmp_path, number)
        one.kill_at(number, after=number % 2 == 0)
        with pytest.raises(Killed):
            migrate(one)
        one.let_live()
        one.moves().resume("shop") if number % 3 else migrate(one)
        assert one.look() == wanted, f"killed at {names[number - 1]}, {one.fate.effects}"
        assert one.sky.leads == {"away": "away"}


def test_killed_anywhere_it_can_be_undone_until_the_data_is_promoted(tmp_path: Path) -> None:
    names, _ = undisturbed(tmp_path)
    undone = 0
    for number in range(1, len(names) + 1):
        one = land(tmp_path, number)
        begun = one.look()
        one.kill_at(number, after=number % 2 == 1)
        with pytest.raises(Killed):
            migrate(one)
        one.let_live()
        left = one.moves().under_way("shop")
        if left is not None and left.passed:
            with pytest.raises(Exception, match="migration of shop"):
                one.moves().end("shop", "away")
            continue
        assert not [each for each in one.fate.effects if each.startswith("promote")]
        one.moves().end("shop", "away")
        undone += 1
        assert {**one.look(), "weights": {}} == {**begun, "weights": {}}
    assert undone > len(names) / 3


def test_followers_that_do_not_catch_up_turn_it_round(tmp_path: Path) -> None:
    one = land(tmp_path)
    begun = one.look()
    moves = one.moves()
    act = one.sky._run

    def slow(store: object, command: list[str]) -> str:
        if command[0] == "reached":
            from autoscaler.burst.world import CommandFailed

            raise CommandFailed("not yet")
        return act(store, command)  # type: ignore[arg-type]

    one.sky._run = slow  # type: ignore[assignment,method-assign]
    with pytest.raises(MoveFailed, match="db in away has not caught up with local within 30 s"):
        moves.migrate("shop", "away")
    assert {**one.look(), "weights": {}} == {**begun, "weights": {}}


def test_a_home_that_dies_when_it_refuses_keeps_what_follows_it(tmp_path: Path) -> None:
    one = land(tmp_path)
    said: list[str] = []
    moves = one.moves()
    tell: Say = said.append

    def dies(text: str) -> None:
        tell(text)
        if "takes no writes any more" in text:
            one.sky.away.add("local")

    moves.say = dies
    with pytest.raises(MoveFailed, match="nothing is removed before it has been asked"):
        moves.migrate("shop", "away")
    assert one.sky.stores["away"].follows
    assert one.look()["held"] == [], "what only reads is served there"
    assert one.moves().under_way("shop") is not None
    one.sky.away.clear()
    one.moves().resume("shop")
    assert one.look()["stores"] == {"local": (False, True)}


def test_a_burst_with_replicated_data_follows_and_leaves_nothing(tmp_path: Path) -> None:
    one = land(tmp_path)
    change(one, "name: shop\n", "name: shop\nplacement: p\n", POLICY)
    begun = one.look()
    one.moves().burst("shop", "away")
    assert one.look()["stores"] == {"local": (False, True), "away": (True, False)}
    config = one.look()["config"]["Pulumi.app-shop--away.yaml"]["config"]
    assert config["altostratus:data"] == "follows"
    one.moves().end("shop", "away")
    assert {**one.look(), "weights": {}} == {**begun, "weights": {}}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (REPLICATION, "", "its cartridge store declares no replication"),
        ("cartridge: store}", "cartridge: store, members: {min: 1, max: 2}}", "several members"),
        ("size: 1Gi}", "size: 1Gi, protect: true}", "protects its data"),
    ],
)
def test_data_that_cannot_move_stays_and_says_why(tmp_path: Path, old: str, new: str, why: str) -> None:
    one = land(tmp_path)
    change(one, old, new)
    begun = one.look()
    with pytest.raises(MoveRefused, match=why):
        migrate(one)
    assert {**one.look(), "moves": []} == {**begun, "moves": []}


def test_copies_that_hang_on_the_data_end_before_it_moves(tmp_path: Path) -> None:
    one = land(tmp_path)
    change(one, "name: shop\n", "name: shop\nplacement: p\n", POLICY.replace("data: replicate", "data: home"))
    one.moves().burst("shop", "away")
    with pytest.raises(MoveRefused, match="alto burst shop --to away --end"):
        migrate(one)

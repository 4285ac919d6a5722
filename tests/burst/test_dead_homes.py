"""An application leaves a cloud that is dying, or dead: it is whole in its new place, and what is left behind
goes when its cloud answers again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.act.app_stack import AppStack
from autoscaler.burst.refusals import MoveFailed, MoveRefused
from tests.burst.light_clouds import Killed, Land


def dead(one: Land) -> None:
    """The home's cloud is gone, with all that served there."""
    one.sky.away.add("local")
    assert one.door is not None
    if "local" in one.door.clouds:
        one.door.clouds["local"] = replace(one.door.clouds["local"], serving=False)


def dies_at(one: Land, effect: str, *, whole: bool = True) -> None:
    """The home's cloud dies right after an effect; its API server only, where not the whole of it."""
    act = one.fate.act

    def until_then(name: str, do: object) -> object:
        done = act(name, do)
        if name == effect:
            dead(one) if whole else one.sky.away.add("local")
        return done

    one.fate.act = until_then  # type: ignore[method-assign]


def has_moved(one: Land) -> None:
    """The application is whole in away, under its own name, and no move is under way."""
    assert one.moves().under_way("shop") is None
    assert one.sky.copies["away", "app-shop"] == "away"
    home = AppStack.read(one.cli, "app-shop")
    assert (home.cloud, home.copy) == ("away", "away")
    assert not home.config.get("altostratus:autoscaling"), "it scales"
    assert one.look()["weights"] == {"away": 100}
    one.cli.up("app-shop")


def comes_back(one: Land) -> None:
    one.sky.away.clear()
    assert [each.result for each in one.moves().settle()] == ["done"]
    look = one.look()
    assert look["moves"] == []
    assert look["spaces"]["local"] == {}
    assert [each for each in look["stacks"] if "shop" in each] == ["app-shop"]
    assert [each for each in look["config"] if "shop" in each] == ["Pulumi.app-shop.yaml"]


@pytest.fixture
def land(tmp_path: Path) -> Land:
    return Land(tmp_path)


@pytest.mark.parametrize(
    "effect",
    [
        None,
        "up app-shop--away",
        "share {'local': 50, 'away': 50}",
        "share {'away': 100, 'local': 0}",
        "put away",
        "destroy app-shop",
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["cloud", "API server"])
def test_whenever_home_dies_the_application_moves_and_the_old_homes_end_is_owed(
    land: Land, effect: str | None, whole: bool
) -> None:
    if effect is None:
        dead(land) if whole else land.sky.away.add("local")
    else:
        dies_at(land, effect, whole=whole)
    ended = land.moves().migrate("shop", "away")
    assert ended.result == "done"
    has_moved(land)
    if effect != "destroy app-shop":  # then all was gone already
        assert any("alto burst shop --to local --end" in each for each in ended.notes)
        assert [each.cloud for each in land.moves().records.owed("shop")] == ["local"]
        assert land.moves().settle() == []  # it is still away
        comes_back(land)


def test_what_a_home_that_never_comes_back_left_is_forgotten(land: Land) -> None:
    dead(land)
    land.moves().migrate("shop", "away")
    assert land.moves().end("shop", "local").result == "owed"
    assert land.moves().end("shop", "local", forget=True).result == "done"
    has_moved(land)
    assert [each for each in land.look()["stacks"] if "shop" in each] == ["app-shop"]
    assert land.look()["moves"] == []


def test_a_home_whose_hosts_were_destroyed_is_forgotten_on_the_way(land: Land) -> None:
    dead(land)
    land.cli._save("hosts-local", [])
    land.cli._save("platform-local", [])
    assert land.moves().migrate("shop", "away").result == "done"
    has_moved(land)
    assert [each for each in land.look()["stacks"] if "shop" in each] == ["app-shop"]


def test_the_old_homes_members_are_used_again_when_the_application_comes_back(land: Land) -> None:
    dead(land)
    land.moves().migrate("shop", "away")
    land.sky.away.clear()
    assert land.door is not None
    land.moves().burst("shop", "local")
    assert land.sky.copies == {("away", "app-shop"): "away", ("local", "app-shop"): "home"}
    assert land.look()["weights"] == {"away": 500, "local": 500}
    assert land.moves().records.owed() == []
    land.moves().migrate("shop", "local")
    assert land.sky.copies == {("local", "app-shop"): "home"}


def test_a_migration_left_by_a_killed_process_goes_on_without_its_home(land: Land) -> None:
    land.kill_at(9, after=True)
    with pytest.raises(Killed):
        land.moves().migrate("shop", "away")
    land.let_live()
    dead(land)
    assert land.moves().resume("shop") is not None
    has_moved(land)


def turned(one: Land) -> None:
    """A migration that was being undone when its process was killed, before the copy went."""
    act = one.fate.act

    def killed(name: str, do: object) -> object:
        act(name, do)
        if name == "share {'local': 100, 'away': 0}":
            raise Killed(name)
        return None

    assert one.door is not None
    one.door.errs["away"] = 20
    one.fate.act = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        one.moves().migrate("shop", "away")
    one.fate.act = act  # type: ignore[method-assign]
    left = one.moves().under_way("shop")
    assert left is not None
    assert left.turned


def test_one_that_is_being_undone_turns_round_where_there_is_no_home_to_go_back_to(land: Land) -> None:
    turned(land)
    dead(land)
    with pytest.raises(MoveFailed, match=r"no way back to it.*only away serves shop\n.*alto migrate shop"):
        land.moves().end("shop", "away")
    assert ("away", "app-shop") in land.sky.copies
    assert land.moves().resume("shop") is not None
    assert any("local serves nothing and does not answer" in each for each in land.said)
    has_moved(land)


def test_one_that_is_being_undone_is_undone_while_home_serves(land: Land) -> None:
    turned(land)
    land.sky.away.add("local")  # its API server only
    assert land.moves().resume("shop") is not None
    assert land.sky.copies == {("local", "app-shop"): "home"}
    assert land.look()["weights"] == {"local": 100}


def test_a_home_is_not_left_for_a_place_that_does_not_answer(land: Land) -> None:
    act = land.fate.act

    def until_then(name: str, do: object) -> object:
        done = act(name, do)
        if name == "share {'away': 100, 'local': 0}":
            land.sky.away.add("away")
        return done

    land.fate.act = until_then  # type: ignore[method-assign]
    with pytest.raises(MoveFailed, match=r"cloud away has not answered.*\n.*alto migrate shop --to away"):
        land.moves().migrate("shop", "away")
    assert ("local", "app-shop") in land.sky.copies
    assert set(land.look()["weights"]) == {"local", "away"}
    land.sky.away.clear()
    assert land.moves().resume("shop") is not None
    has_moved(land)


def test_data_is_not_taken_from_a_home_that_is_dead(tmp_path: Path) -> None:
    one = Land(tmp_path, data=True)
    dead(one)
    before = one.look()
    with pytest.raises(MoveRefused, match="keeps data in local, which does not answer"):
        one.moves().migrate("shop", "away")
    assert {**one.look(), "moves": []} == {**before, "moves": []}


def test_data_that_has_been_taken_over_needs_its_old_home_no_more(tmp_path: Path) -> None:
    one = Land(tmp_path, data=True)
    dies_at(one, "promote in away")
    ended = one.moves().migrate("shop", "away")
    assert ended.result == "done"
    has_moved(one)
    assert one.sky.stores["away"].writes
    assert not one.sky.stores["local"].writes, "what comes back refuses writes"
    comes_back(one)


Do = Callable[[Land], object]


def resume(one: Land) -> None:
    one.moves().resume("shop")


def migrate(one: Land) -> None:
    one.moves().migrate("shop", "away")


@pytest.mark.parametrize("again", [resume, migrate], ids=["resumed", "the same command"])
def test_killed_anywhere_on_the_way_out_of_a_dead_cloud_it_ends_the_same(tmp_path: Path, again: Do) -> None:
    def begin(number: int) -> Land:
        (tmp_path / str(number)).mkdir()
        one = Land(tmp_path / str(number))
        one.cli._save("images-shop", one.cli.deployment("app-shop")["resources"])
        one.cli.configure("images-shop", {"altostratus:cloud": "local"})
        one.cli.configure("app-shop", {"altostratus:images": "images-shop"})
        dead(one)
        one.fate.effects.clear()
        return one

    whole = begin(0)
    migrate(whole)
    names, wanted = list(whole.fate.effects), whole.look()
    has_moved(whole)
    assert [each for each in wanted["stacks"] if "shop" in each] == [
        "app-shop",
        "app-shop--local",
        "images-shop--local",
    ]
    aside = wanted["config"]["Pulumi.app-shop--local.yaml"]["config"]
    assert aside["altostratus:images"] == "images-shop--local"
    for number in range(1, len(names) + 1):
        one = begin(number)
        one.kill_at(number, after=number % 2 == 0)
        with pytest.raises(Killed):
            migrate(one)
        one.let_live()
        again(one)
        assert one.look() == wanted, f"killed at {names[number - 1]}, {one.fate.effects}"
        comes_back(one)

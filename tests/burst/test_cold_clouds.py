"""A cloud that was made for a burst goes when nobody uses it, and never once people made it theirs."""

import json
from pathlib import Path

import pytest

from autoscaler.act.app_stack import CLOUD
from autoscaler.act.pulumi_cli import PROJECT
from autoscaler.burst.refusals import MoveRefused
from tests.burst.light_clouds import CONFIG, Killed, Land


@pytest.fixture
def land(tmp_path: Path) -> Land:
    return Land(tmp_path, cold=True)


def settle(land: Land, seconds: float) -> bool:
    """Whether the cloud away is there after the autoscaler has looked now, and once more later."""
    land.moves().settle()
    land.time += seconds
    land.moves().settle()
    return land.sky.answers("away")


def test_one_that_an_application_moved_to_and_left_again_goes(land: Land) -> None:
    land.moves().migrate("shop", "away")
    assert settle(land, 7200), "it is in use"
    land.moves().migrate("shop", "local")
    assert settle(land, 1800)
    assert not settle(land, 1800)
    assert land.look()["moves"] == []


def test_one_whose_last_application_was_destroyed_by_hand_goes(land: Land) -> None:
    land.moves().migrate("shop", "away")
    land.cli.destroy("app-shop")
    assert land.cli.exists("app-shop"), "its stack and its config stay"
    assert settle(land, 1800)
    assert not settle(land, 1800)


def test_one_that_a_person_deploys_into_is_not_removed(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.moves().end("shop", "away")
    land.cli.config_path("app-new").write_text(CONFIG.replace("cloud: local ", "cloud: away "))
    land.cli.init("app-new")
    locks = land.cli.state / ".pulumi" / "locks" / "organization" / PROJECT / "app-new"
    locks.mkdir(parents=True)
    lock = {"pid": 1, "hostname": "a", "username": "b", "timestamp": "2026-01-01T00:00:00Z"}
    (locks / "one.json").write_text(json.dumps(lock))
    assert settle(land, 7200), "its first update has begun, and made nothing yet"
    assert CLOUD in land.cli.config_path("app-new").read_text()


@pytest.mark.parametrize("destroyed", [False, True], ids=["updated", "destroyed and made anew"])
def test_one_that_people_updated_is_theirs(land: Land, *, destroyed: bool) -> None:
    land.moves().burst("shop", "away")
    land.moves().end("shop", "away")
    if destroyed:
        land.cli.destroy("hosts-away")
    land.up("hosts-away")
    assert settle(land, 7200)
    assert land.look()["moves"] == [], "it is no cloud of ours any more"


def test_killed_anywhere_its_removal_is_ended_by_the_next(tmp_path: Path) -> None:
    def begin(number: int) -> Land:
        own = tmp_path / str(number)
        own.mkdir()
        land = Land(own, cold=True)
        land.moves().burst("shop", "away")
        land.moves().end("shop", "away")
        land.time += 3600
        land.fate.effects.clear()
        return land

    whole = begin(0)
    whole.moves().settle()
    assert whole.fate.effects == ["destroy platform-away", "destroy hosts-away"]
    for number in (1, 2):
        for after in (False, True):
            land = begin(2 * number + after)
            land.kill_at(number, after=after)
            with pytest.raises(Killed):
                land.moves().settle()
            land.let_live()
            land.moves().settle()
            assert land.look() == whole.look()


def policed(land: Land, cloud: str) -> None:
    documents = land.folder / "shop.yaml"
    policy = f"""\
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: places
networkPartitions: [local, away]
burst: {{cloud: {cloud}}}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: local
cloud: local
partitions: [{{name: all}}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: away
cloud: away
partitions: [{{name: all}}]
"""
    text = documents.read_text().replace("name: shop\n", "name: shop\nplacement: places\n")
    documents.write_text(text + policy)


def test_none_is_made_without_a_person_where_the_policy_wants_warm_ones(land: Land) -> None:
    policed(land, "warm")
    begun, alone = land.look(), land.moves(by_itself=True)
    with pytest.raises(MoveRefused, match="away is not made"):
        alone.burst("shop", "away")
    assert {**land.look(), "moves": []} == {**begun, "moves": []}
    land.moves().burst("shop", "away")
    assert land.sky.answers("away"), "a person may"


def test_one_is_made_without_a_person_where_the_policy_lets_it(land: Land) -> None:
    policed(land, "cold")
    land.moves(by_itself=True).burst("shop", "away")
    assert land.sky.answers("away")

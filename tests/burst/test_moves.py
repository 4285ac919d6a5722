"""What becomes of a move: refused, made, undone, owed, or turned back, each with its words."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.act.stack_config import read
from autoscaler.act.update_errors import StackConflict
from autoscaler.burst.refusals import MoveFailed, MoveInterrupted, MoveRefused, MoveUnderWay
from blueprints.scale import ScaleState
from tests.burst.light_clouds import Killed, Land


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """The clouds local and away; the application shop at home in local, behind a front door."""
    return Land(tmp_path)


def shop(land: Land, before: str, after: str) -> None:
    """Edit the shop's documents."""
    path = land.folder / "shop.yaml"
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def copy_config(land: Land) -> dict[str, object]:
    return read(land.cli.config_path("app-shop--away"))


def test_a_copy_has_the_homes_blueprint_and_its_secrets_as_they_are_encrypted(land: Land) -> None:
    land.moves().burst("shop", "away", ScaleState(clusters={"web": 3}, generation=8))
    config = copy_config(land)
    assert config["altostratus:cloud"] == "away"
    assert config["altostratus:blueprint"] == "shop.yaml"
    assert config["altostratus:secrets"] == {"token": {"secure": "v1:abc:def"}}
    assert config["altostratus:scale"] == {"clusters": {"web": 3}, "groups": {}, "generation": 8}
    assert land.cli.config_path("app-shop--away").read_text().startswith("encryptionsalt: v1:salt\n")
    assert "aws:region" not in config  # that of another cloud
    assert any("aws:region" in each for each in land.said)
    assert land.prepared == ["app-shop--away"]


def test_traffic_is_shared_by_ready_members_and_a_second_burst_changes_nothing(land: Land) -> None:
    land.moves().burst("shop", "away")
    assert land.look()["weights"] == {"local": 500, "away": 500}
    before = land.look()
    land.moves().burst("shop", "away")
    assert land.look() == before


def test_the_scale_of_a_copy_that_is_there_belongs_to_the_autoscaler(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.cli.configure("app-shop--away", {"altostratus:scale": {"clusters": {"web": 7}}})
    land.moves().burst("shop", "away", ScaleState(clusters={"web": 2}))
    assert copy_config(land)["altostratus:scale"] == {"clusters": {"web": 7}}


def test_an_ended_copy_leaves_nothing_and_its_place_is_used_again(land: Land) -> None:
    begun = land.look()
    for _ in range(3):
        land.moves().burst("shop", "away")
        assert land.moves().end("shop", "away").result == "done"
        assert {**land.look(), "weights": {}} == {**begun, "weights": {}}
    assert land.moves().end("shop", "away").result == "nothing to do"


def test_what_a_killed_writer_left_beside_a_record_or_a_config_goes_with_it(land: Land) -> None:
    land.moves().burst("shop", "away")
    record = land.moves().records.folder / ".shop.json.half"
    other = land.moves().records.folder / ".shopping.json.half"
    config = land.cli.config_path("app-shop--away")
    beside = config.with_name(f".{config.name}.half")
    for path in (record, other, beside):
        path.write_text("{")
    land.moves().end("shop", "away")
    assert [path.exists() for path in (record, other, beside)] == [False, True, False]


def test_a_copy_that_ends_has_no_share_before_it_is_out_and_destroyed(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.fate.effects.clear()
    land.moves().end("shop", "away")
    effects = [each for each in land.fate.effects if not each.startswith("config")]
    assert effects[:3] == ["share {'local': 500, 'away': 0}", "put local", "destroy app-shop--away"]


def test_a_copy_stays_where_it_alone_serves_until_another_does(land: Land) -> None:
    land.moves().burst("shop", "away")
    door = land.door
    assert door is not None
    door.clouds["local"] = replace(door.clouds["local"], serving=False)
    with pytest.raises(MoveFailed, match="away is the only cloud that serves shop"):
        land.moves().end("shop", "away")
    assert door.clouds["away"].weight > 0, "its requests are answered"
    door.clouds["local"] = replace(door.clouds["local"], serving=True)
    assert land.moves().end("shop", "away").result == "done"


def test_requests_that_do_not_end_hold_a_copy_for_the_draining_time_only(land: Land) -> None:
    from dataclasses import replace

    land.moves().burst("shop", "away")
    door = land.door
    assert door is not None
    state = door.state
    door.state = lambda: replace(  # type: ignore[method-assign]
        s := state(), clouds={n: replace(e, in_flight=2 if n == "away" else 0) for n, e in s.clouds.items()}
    )
    began = land.time
    ended = land.moves().end("shop", "away")
    assert 5 <= land.time - began < 10
    assert any("2 requests were still in flight" in each for each in ended.notes)


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("home", "nothing that a copy could have|declares no replication"),
        ("replicate", "declares no replication"),
        ("refuse", "the application's policy says"),
    ],
)
def test_an_application_with_data_stays_where_its_data_is(land: Land, policy: str, why: str) -> None:
    shop(land, "exposure: node}]\n", "exposure: node}]\npersistence: [{name: d, path: /data, size: 1Gi}]\n")
    shop(land, "name: shop\n", "name: shop\nplacement: p\n")
    (land.folder / "shop.yaml").write_text(
        (land.folder / "shop.yaml").read_text()
        + "---\napiVersion: altostratus/v1\nkind: ApplicationPolicy\nname: p\nnetworkPartitions: [l, a]\n"
        + f"burst: {{data: {policy}}}\n"
        + "".join(
            f"---\napiVersion: altostratus/v1\nkind: NetworkPartition\nname: {n}\ncloud: {cloud}\n"
            "partitions: [{name: all}]\n"
            for n, cloud in (("l", "local"), ("a", "away"))
        )
    )
    before = land.look()
    for move in (land.moves().burst, land.moves().migrate):
        with pytest.raises(MoveRefused, match=why):
            move("shop", "away")
    assert {**land.look(), "moves": []} == {**before, "moves": []}


def test_what_cannot_be_is_refused_before_anything_is_changed(land: Land) -> None:
    before, moves = land.look(), land.moves()
    for cloud, why in (("local", "at home in local"), ("moon", "no cloud moon"), ("../x", "no cloud")):
        with pytest.raises(MoveRefused, match=why):
            moves.burst("shop", cloud)
    with pytest.raises(MoveRefused, match="Applications here: shop"):
        moves.burst("shoe", "away")
    with pytest.raises(MoveRefused, match="is the home of shop"):
        moves.end("shop", "local")
    land.cli.configure("app-shop", {"altostratus:maintenance": True})
    with pytest.raises(MoveRefused, match="maintenance"):
        moves.burst("shop", "away")
    land.cli.configure("app-shop", {"altostratus:maintenance": None})
    assert {**land.look(), "moves": []} == {**before, "moves": []}


def test_where_there_are_no_applications_that_is_said(land: Land) -> None:
    land.cli.destroy("app-shop")
    land.cli.remove("app-shop")
    with pytest.raises(MoveRefused, match=r"Applications here: none\."):
        land.moves().burst("shop", "away")


def test_a_cloud_that_is_away_at_the_burst_gets_nothing(land: Land) -> None:
    land.sky.away.add("away")
    before = land.look()
    with pytest.raises(MoveFailed, match="has not answered"):
        land.moves().burst("shop", "away")
    assert land.look() == before


def test_a_copy_that_does_not_become_ready_is_removed_again(land: Land) -> None:
    before = land.look()
    land.sky.sick = True
    with pytest.raises(MoveFailed, match="web: 0 of 4 ready"):
        land.moves().burst("shop", "away")
    assert land.look() == before


def dies_after(land: Land, effect: str) -> None:
    """The cloud away is gone right after an effect."""
    act = land.fate.act

    def until_then(name: str, do: object) -> object:
        done = act(name, do)
        if name == effect:
            land.sky.away.add("away")
        return done

    land.fate.act = until_then  # type: ignore[method-assign]


def test_a_cloud_that_dies_in_a_burst_is_out_and_its_end_is_owed(land: Land) -> None:
    dies_after(land, "up app-shop--away")
    with pytest.raises(MoveFailed, match="removed when away answers again"):
        land.moves().burst("shop", "away")
    moves = land.moves()
    assert moves.under_way("shop") is None  # other moves may go on
    assert [each.cloud for each in moves.records.owed("shop")] == ["away"]
    assert moves.settle() == []  # it is still away
    land.sky.away.clear()
    assert [each.result for each in land.moves().settle()] == ["done"]
    assert land.look()["moves"] == []
    assert land.look()["spaces"]["away"] == {}


def test_a_copy_in_a_dead_cloud_can_end_and_be_forgotten(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.sky.away.add("away")
    assert land.moves().end("shop", "away").result == "owed"
    assert list(land.look()["weights"]) == ["local"]
    assert land.moves().end("shop", "away").result == "owed"
    ended = land.moves().end("shop", "away", forget=True)
    assert ended.result == "done"
    assert any("forgotten" in each for each in ended.notes)
    assert "app-shop--away" not in land.cli.stacks()
    assert land.look()["moves"] == []


def test_old_members_in_a_cloud_that_comes_back_are_used_or_replaced(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.sky.away.add("away")
    land.moves().end("shop", "away")
    land.sky.away.clear()
    land.moves().burst("shop", "away")  # its stack knows them still
    assert land.moves().records.owed() == []
    land.sky.away.add("away")
    land.moves().end("shop", "away", forget=True)
    land.sky.away.clear()
    land.moves().burst("shop", "away")  # no stack knows them
    assert any("old members" in each for each in land.said)
    assert land.look()["weights"] == {"local": 500, "away": 500}


@pytest.mark.parametrize("what", ["data", "somebody else's"])
def test_what_is_not_ours_in_the_place_stops_a_burst(land: Land, what: str) -> None:
    labels = {"altostratus.dev/application": "shop" if what == "data" else "other"}
    land.sky.spaces["away"]["app-shop"] = labels
    if what == "data":
        land.sky.data.add(("away", "app-shop"))
    with pytest.raises(MoveFailed, match="data of an earlier" if what == "data" else "not Altostratus'"):
        land.moves().burst("shop", "away")
    assert land.sky.spaces["away"]["app-shop"] == labels


def test_a_cloud_that_is_gone_for_good_takes_its_copy_along(land: Land) -> None:
    land.moves().burst("shop", "away")
    for stack in ("platform-away", "hosts-away"):
        land.cli.destroy(stack)
    ended = land.moves().end("shop", "away")
    assert any("the cloud away is gone" in each for each in ended.notes)
    assert "app-shop--away" not in land.cli.stacks()


def test_a_copy_whose_home_was_destroyed_first_can_be_removed(land: Land) -> None:
    land.moves().burst("shop", "away")
    land.cli.destroy("app-shop")
    land.cli.remove("app-shop")
    assert land.moves().end("shop", "away").result == "done"
    assert land.look()["spaces"] == {"local": {}, "away": {}}
    assert not any("shop" in each for each in land.cli.stacks())


def test_a_cold_cloud_is_made_kept_and_removed(tmp_path: Path) -> None:
    land = Land(tmp_path, cold=True)
    land.moves().burst("shop", "away")
    assert land.sky.answers("away")
    land.moves().end("shop", "away")
    land.time += 1800
    land.moves().settle()
    assert land.sky.answers("away")  # kept for an hour
    land.moves().burst("shop", "away")
    land.time += 7200
    land.moves().settle()
    assert land.sky.answers("away")  # in use
    land.moves().end("shop", "away")
    land.time += 3600
    land.moves().settle()
    assert not land.sky.answers("away")
    assert land.look()["moves"] == []
    assert land.cli.config_path("hosts-away").exists()
    land.moves().burst("shop", "away")
    assert land.sky.answers("away")


def test_a_cold_cloud_that_is_being_removed_is_not_burst_to_before_it_is_gone(tmp_path: Path) -> None:
    land = Land(tmp_path, cold=True)
    land.moves().burst("shop", "away")
    land.moves().end("shop", "away")
    land.time += 3600
    act = land.fate.act
    refused = []

    def peak(name: str, do: object) -> object:
        if name == "destroy platform-away":
            with pytest.raises(StackConflict, match="the cloud away is being made or removed"):
                land.moves().burst("shop", "away")
            refused.append(name)
        return act(name, do)

    land.fate.act = peak  # type: ignore[method-assign]
    land.moves().settle()
    assert refused
    assert not land.sky.answers("away"), "whoever removes it is not disturbed"
    ended = land.moves().resume("shop")
    assert ended is not None
    assert ended.result == "done"
    assert land.sky.answers("away")
    assert land.moves().settle() == []
    assert land.sky.answers("away"), "it is in use"
    assert land.look()["moves"] == ["away.cloud.json"]


def test_a_migrated_application_keeps_its_name_its_peoples_lines_and_its_members(land: Land) -> None:
    land.moves().migrate("shop", "away")
    text = land.cli.config_path("app-shop").read_text()
    assert "# the shop team's" in text
    assert "aws:region: eu-west-1" in text
    config = read(land.cli.config_path("app-shop"))
    assert (config["altostratus:cloud"], config["altostratus:copy"]) == ("away", "away")
    assert config["altostratus:scale"] == {"clusters": {"web": 4}, "groups": {}, "generation": 0}
    assert "altostratus:autoscaling" not in config
    assert land.sky.copies == {("away", "app-shop"): "away"}
    assert land.look()["weights"] == {"away": 100}
    land.cli.up("app-shop")  # no second copy, and none replaced
    land.moves().migrate("shop", "local")
    assert land.sky.copies == {("local", "app-shop"): "local"}
    land.moves().burst("shop", "away")
    assert land.look()["weights"] == {"local": 500, "away": 500}


def test_traffic_moves_by_steps_and_comes_back_when_the_new_place_errs(land: Land) -> None:
    before, door = land.look(), land.door
    assert door is not None
    door.errs["away"] = 20
    with pytest.raises(MoveFailed, match="requests failed in away"):
        land.moves().migrate("shop", "away")
    assert [each.get("away") for each in door.shares] == [10, 0, 0]
    assert {**land.look(), "weights": {}} == {**before, "weights": {}}
    door.errs.clear()
    door.shares.clear()
    land.moves().migrate("shop", "away")
    assert [each.get("away") for each in door.shares][:5] == [10, 25, 50, 75, 100]


def test_an_application_that_errs_at_home_as_well_may_move(land: Land) -> None:
    door = land.door
    assert door is not None
    door.errs.update({"local": 10, "away": 10})
    assert land.moves().migrate("shop", "away").result == "done"


def test_a_public_application_without_a_front_door_is_not_migrated(tmp_path: Path) -> None:
    land = Land(tmp_path, door=False)
    with pytest.raises(MoveRefused, match="alto front shop"):
        land.moves().migrate("shop", "away")
    assert land.moves().burst("shop", "away").result == "done"
    assert any("no front door" in each for each in land.said)


@pytest.mark.parametrize("data", [False, True], ids=["by steps", "with its data"])
def test_a_home_that_clients_reach_is_not_left_for_a_place_that_they_cannot_reach(
    tmp_path: Path, data: bool
) -> None:
    land = Land(tmp_path, data=data)
    before = land.look()
    land.sky.hidden.add("away")
    with pytest.raises(MoveFailed, match="the copy in away has no public address"):
        land.moves().migrate("shop", "away")
    assert land.look() == before
    land.moves().burst("shop", "away")  # a copy that nobody is led to takes nothing away
    assert land.look()["weights"] == {"local": 100}


def test_a_front_door_that_is_gone_at_the_shift_turns_the_migration_round(land: Land) -> None:
    land.kill_at(6, after=True)
    with pytest.raises(Killed):
        land.moves().migrate("shop", "away")
    land.let_live()
    door, land.door = land.door, None
    with pytest.raises(MoveFailed, match="shop has no front door"):
        land.moves().resume("shop")
    land.door = door
    assert land.sky.copies == {("local", "app-shop"): "home"}


def test_one_move_at_a_time(land: Land) -> None:
    land.fate.at = 4
    with pytest.raises(Killed):
        land.moves().burst("shop", "away")
    land.let_live()
    with pytest.raises(MoveUnderWay, match="alto burst shop --to away"):
        land.moves().migrate("shop", "away")
    moves = land.moves()
    with moves._held("shop"):
        for other in (moves, land.moves()):
            with pytest.raises(MoveUnderWay, match="another"):
                other.burst("shop", "away")
    assert land.moves().resume("shop") is not None


def test_told_to_give_up_it_stops_between_steps_and_goes_on_later(land: Land) -> None:
    moves = land.moves()
    moves.give_up = threading.Event()
    moves.give_up.set()
    with pytest.raises(MoveInterrupted):
        moves.burst("shop", "away")
    assert land.moves().burst("shop", "away").result == "done"

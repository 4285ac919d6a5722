"""Bursting in closed loop: a load over what the first cloud carries, and back, in simulated time."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from autoscaler.burst.records import Move
from autoscaler.decide.policy import REQUEST_RATE
from autoscaler.observe.source import Measurement, Place
from tests.autoscaler import two_clouds
from tests.autoscaler.two_clouds import COPY, HOME, LEAD_SECONDS, MEMBER_RATE, START_SECONDS, World, ramp

PEAK = 70.0
"""Seven members' worth: four at home, three away."""


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_peak_makes_a_copy_and_its_end_removes_it(world: World) -> None:
    chance = random.Random(7)  # noqa: S311
    rise = [rate + chance.uniform(-1, 1) for rate in ramp(8.0, PEAK, 36)]
    world.run(rise + [PEAK] * 24)
    assert world.kinds[:2] == ["burst", "done"]
    assert world.ready(HOME) == 4, "no more than its deployment policy gives it"
    assert world.ready(COPY) >= 3
    weights = world.door.weights
    assert weights["away"] / sum(weights.values()) == pytest.approx(
        world.ready(COPY) / (4 + world.ready(COPY)), abs=0.01
    )
    world.run([8.0] * 40)
    assert not world.exists(COPY)
    assert world.kinds == ["burst", "done", "end", "done"]
    assert world.ready(HOME) >= 1
    total = sum(rate for rate, _, _ in world.history) * 5.0
    assert world.lost < 0.02 * total, "a slow rise is carried throughout"
    assert world.record is None


def test_the_place_is_used_again_at_the_next_peak_with_the_lead_it_took(world: World) -> None:
    for _ in range(2):
        world.run([*ramp(8.0, PEAK, 20), *[PEAK] * 20, *[8.0] * 40])
    assert world.kinds == ["burst", "done", "end", "done"] * 2
    assert world.watching.leads.of("shop", "away", "warm") == LEAD_SECONDS


def test_what_goes_over_the_home_is_put_away_at_once_and_comes_home_first(world: World) -> None:
    world.run([50.0] * 30)
    assert (world.ready(HOME), world.ready(COPY)) == (4, 2)
    before = len(world.office.edits)
    world.run([72.0] * 6)
    edit = world.office.edits[before]
    assert edit.stack == COPY
    assert edit.clusters["web"] >= 4, "all that does not fit at home, not the copy's own share of it"
    assert f"web: {edit.clusters['web']} of what all copies need go to away." in edit.reason
    world.run([45.0] * 20)
    assert world.ready(HOME) == 4, "the home stays full, so that the copy can go"
    assert world.ready(COPY) <= 2


def test_a_calm_load_at_the_homes_size_makes_no_copy(world: World) -> None:
    chance = random.Random(3)  # noqa: S311
    world.run([29.0 + chance.uniform(-2.0, 2.0) for _ in range(120)])
    assert world.kinds == []


def test_a_surge_while_the_copy_ends_keeps_it(world: World) -> None:
    world.run([PEAK] * 24)
    world.until("end", 8.0)
    world.run([PEAK] * 12)
    assert world.exists(COPY)
    assert "turned" in world.kinds
    assert world.kinds[-1] == "done"
    reason = next(text for kind, text in world.events if kind == "turned")
    assert reason.startswith("Keep the copy in away: web needs")


def test_a_move_that_fails_is_told_and_begun_again_after_a_pause(world: World) -> None:
    world.broken_bursts = 2
    world.run([PEAK] * 40)
    assert world.kinds == ["burst", "failed"] * 2 + ["burst", "done"]
    failures = [text for kind, text in world.events if kind == "failed"]
    assert "no hosts there (again in 30 s)" in failures[0]
    assert "no hosts there (again in 60 s)" in failures[1]


@pytest.mark.parametrize("kind", ["burst", "end"])
def test_a_killed_autoscaler_goes_on_with_its_move_and_says_so(world: World, kind: str) -> None:
    world.run([PEAK] * 3)
    if kind == "end":
        world.run([PEAK] * 21)
        world.until("end", 8.0)
    # Dead in the middle: the record stays, everything in memory is gone.
    world.record = Move("shop", "burst" if kind == "burst" else "end", "away", "local", 0.0, step="deploy")
    world.start()
    rate = PEAK if kind == "burst" else 8.0
    world.run([rate] * 12)
    assert world.record is None
    assert world.exists(COPY) == (kind == "burst")
    resumed = [text for what, text in world.events if what == "resumed"]
    how = "burst of shop to away" if kind == "burst" else "end of shop's copy in away"
    assert resumed == [f"goes on with the {how} (deploy)"]


def test_after_a_move_the_old_home_takes_a_peaks_copy_and_loses_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(two_clouds.CLOUDS, HOME, "away")
    monkeypatch.setitem(two_clouds.CLOUDS, COPY, "local")
    world = World(tmp_path)
    world.run([PEAK] * 24)
    assert world.ready(COPY) >= 2
    world.run([8.0] * 40)
    assert not world.exists(COPY)
    assert world.kinds == ["burst", "done", "end", "done"]
    assert "End the copy in local" in dict(world.events)["end"]


def test_a_metric_that_nobody_measures_keeps_no_peak_from_the_next_cloud_and_lets_no_copy_go(
    world: World,
) -> None:
    world.edit("{requestRate: 10}", "{requestRate: 10, memory: 80}")
    world.run([PEAK] * 24)
    assert world.kinds == ["burst", "done"]
    assert world.ready(HOME) + world.ready(COPY) >= 7
    reason = next(text for kind, text in world.events if kind == "burst")
    assert "members now at least, over 90%" in reason
    world.run([8.0] * 40)
    assert world.exists(COPY), "it might be needed for its memory"


WITHOUT_POLICIES = ("placement: peaks\ndeployment: little-at-home\n", "")


def test_without_any_policy_a_killed_move_goes_on_and_copies_share_by_ready_members(world: World) -> None:
    world.edit(*WITHOUT_POLICIES)
    world.record = Move("shop", "burst", "away", "local", 0.0, step="deploy")
    world.run([28.0] * 12)
    assert world.record is None
    assert world.kinds == ["resumed", "done"]
    world.run([60.0] * 20)
    here, there = world.ready(HOME), world.ready(COPY)
    assert here + there >= 6
    assert world.door.weights == {
        "local": pytest.approx(1000 * here / (here + there), abs=1),
        "away": pytest.approx(1000 * there / (here + there), abs=1),
    }
    world.run([8.0] * 40)
    assert world.exists(COPY), "who made it ends it"


def test_without_any_policy_a_peak_moves_nothing(world: World) -> None:
    world.edit(*WITHOUT_POLICIES)
    world.run([PEAK] * 24)
    assert world.kinds == []


def test_without_acting_it_says_once_what_it_would_do(world: World) -> None:
    world.watching.mover = world.watching.doors = None
    world.run([PEAK] * 10)
    said = [text for text in world.loops[HOME].said if text.startswith("Burst to away")]
    assert len(said) == 1
    assert not world.exists(COPY)


def test_a_move_that_somebody_else_is_at_is_left_to_him(world: World) -> None:
    world.run([8.0] * 3)
    world.record, world.held_elsewhere = Move("shop", "burst", "away", "local", 0.0, step="deploy"), True
    world.run([PEAK] * 10)
    assert world.kinds == ["waits"], "said once, and no second move begun"
    world.record, world.held_elsewhere = None, False
    world.run([PEAK] * 10)
    assert world.kinds == ["waits", "burst", "done"]


def shared_by_two(world: World) -> None:
    """A copy that shares with the home, and a move to a third cloud that somebody else is at."""
    world.configure(COPY, {"clusters": {"web": 1}})
    world.door.weights |= {"local": 500, "away": 500, "far": 0}
    world.record, world.held_elsewhere = Move("shop", "burst", "far", "local", 0.0, step="deploy"), True


def test_shares_follow_members_while_a_move_to_a_third_cloud_lasts(world: World) -> None:
    shared_by_two(world)
    world.run([50.0] * 30)
    assert (world.ready(HOME), world.ready(COPY)) == (4, 3)
    assert world.door.weights == {"local": 571, "away": 429, "far": 0}
    world.door.weights["far"] = 700
    world.run([30.0] * 20)
    assert world.ready(COPY) < 3
    assert world.door.weights == {"local": 571, "away": 429, "far": 700}, "the move shares with all now"


def test_while_the_home_changes_nobody_but_the_move_shares(world: World) -> None:
    shared_by_two(world)
    world.record = Move("shop", "migrate", "far", "local", 0.0, step="shift")
    world.run([60.0] * 20)
    assert world.door.weights == {"local": 500, "away": 500, "far": 0}


def test_a_dead_cloud_is_made_up_for_at_home_as_far_as_there_is_room(world: World) -> None:
    world.run([50.0] * 30)
    assert world.ready(COPY) == 2
    world.away = {"away"}
    world.run([35.0] * 8)
    assert world.ready(HOME) == 4
    assert world.door.weights["away"] == 0, "nothing serves there any more, as the door itself says"
    assert world.exists(COPY)


def test_a_home_that_dies_is_made_up_for_elsewhere_and_takes_over_again_when_it_is_back(world: World) -> None:
    world.run([28.0] * 20)
    before = world.ready(HOME)
    assert before >= 3
    world.away = {"local"}
    world.run([28.0] * 3)
    assert world.kinds == ["away"], "not before its time"
    world.run([28.0] * 12)
    assert world.kinds == ["away", "burst", "done"]
    assert world.ready(COPY) == before, "as many as there were"
    assert world.door.weights["away"] > 0
    lost = world.lost
    world.run([28.0] * 10)
    assert world.lost == lost, "all is served"
    world.away = set()
    world.run([24.0] * 30)
    assert world.kinds[3:] == ["end", "done"]
    assert world.ready(HOME) >= 3
    assert world.lost == lost


def test_a_home_whose_api_server_alone_is_away_is_not_made_up_for(world: World) -> None:
    world.run([28.0] * 20)
    world.away = {"local"}
    world.serves = lambda cloud: True  # type: ignore[method-assign]
    world.run([28.0] * 20)
    assert world.kinds == ["away"]


def test_without_a_front_door_what_is_measured_tells_whether_a_home_is_dead(world: World) -> None:
    world.watching.doors = None
    world.run([28.0] * 20)
    world.away = {"local"}
    for _ in range(10):
        world.look(28.0)
        place = Place("local", "app-shop", "home", "web")
        world.board.take(Measurement(place, REQUEST_RATE, "", 28.0, world.clock.now, 5.0))
    assert world.kinds == ["away"], "somebody measures its requests still"
    world.run([28.0] * 12)
    assert world.kinds == ["away", "burst", "done"]


def test_an_api_server_alone_that_is_away_takes_no_share_from_members_that_serve(world: World) -> None:
    world.run([PEAK] * 30)
    before = world.door.weights["away"]
    serves = world.serves
    world.serves = lambda cloud: True  # type: ignore[method-assign]
    world.away = {"away"}
    world.run([PEAK] * 4)
    assert world.door.weights["away"] == pytest.approx(before, abs=60)
    world.serves = serves  # type: ignore[method-assign]


def test_members_that_fit_on_no_host_are_no_room_and_go_to_the_other_cloud(world: World) -> None:
    world.unplaced = 2
    world.run([32.0] * 40)
    assert world.exists(COPY), "the policy has room for four at home, its hosts for two"
    assert world.ready(COPY) >= 2
    lasting = [home for _, home, _ in world.history[20:]]
    assert max(lasting) <= 2
    asked = [each.clusters["web"] for each in world.office.edits if each.stack == HOME]
    assert asked[:3] == [4, 2, 4], "asked for, refused, and tried once more when a minute was over"


def test_a_minimum_that_finds_no_room_at_home_carries_nothing(world: World) -> None:
    world.edit("members: {min: 1,", "members: {min: 3,")
    world.unplaced = 1
    world.run([15.0] * 24)
    assert world.kinds == ["burst", "done"], "three are the least, and one has a place"
    assert world.ready(COPY) >= 1
    reason = next(text for kind, text in world.events if kind == "burst")
    assert "of the 1 that local can have" in reason


def test_overflow_is_said_where_it_arises(world: World) -> None:
    world.broken_bursts = 9
    world.run([PEAK] * 10)
    verdict = world.loops[HOME].verdict
    assert verdict is not None
    assert verdict.together is not None
    assert verdict.together.clusters == {"web": 4}
    assert verdict.together.overflow["web"] >= 3
    assert MEMBER_RATE * 4 < PEAK
    assert START_SECONDS > 0

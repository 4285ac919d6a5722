"""A cluster beyond its home's room, in closed loop and simulated time: to the next cloud, and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.burst.watching_room import Listing
from policies.placement.problem import Host
from tests.autoscaler.beside_home import BesideWorld
from tests.autoscaler.two_clouds import CLOUDS, COPY, HOME, LEAD_SECONDS, ramp


@pytest.fixture
def world(tmp_path: Path) -> BesideWorld:
    return BesideWorld(tmp_path)


def test_members_over_the_homes_room_are_in_the_next_cloud_and_go_again(world: BesideWorld) -> None:
    world.run([*ramp(8.0, 45.0, 30), *[45.0] * 20])
    assert world.kinds[:2] == ["overflow", "done"]
    assert world.ready(HOME) == 2
    assert world.ready(COPY) == 3
    assert world.further == {"away": 3}, "the home's load balancer has one for each that is ready"
    reason = next(text for kind, text in world.events if kind == "overflow")
    assert "Overflow to away: " in reason
    world.run([8.0] * 30)
    assert not world.exists(COPY)
    assert world.kinds == ["overflow", "done", "end", "done"]
    assert world.further == {}
    assert world.record is None
    assert world.ready(HOME) >= 1


def test_a_load_that_the_home_carries_makes_nothing(world: BesideWorld) -> None:
    world.run([17.0] * 60)
    assert world.kinds == []


def test_the_counts_of_both_clouds_are_one_clusters_and_requests_count_once(world: BesideWorld) -> None:
    world.run([38.0] * 40)
    assert (world.ready(HOME), world.ready(COPY)) == (2, 2)
    decision = world.loops[HOME].considered
    assert decision is not None
    assert decision.decisions["web"].need == pytest.approx(3.8, abs=0.3)
    before = len(world.office.edits)
    world.run([38.0] * 20)
    assert world.office.edits[before:] == [], "steady under a steady load"


def test_the_further_cloud_is_emptied_first_and_kept_for_the_hold(world: BesideWorld) -> None:
    world.run([45.0] * 30)
    world.run([24.0] * 12)
    assert (world.ready(HOME), world.ready(COPY)) == (2, 1)
    world.run([12.0] * 5)
    assert world.exists(COPY), "not before its time"
    world.run([45.0] * 8)
    assert world.ready(COPY) == 3, "used again without a move"
    assert world.kinds == ["overflow", "done"]


def test_a_surge_while_its_end_is_under_way_keeps_it(world: BesideWorld) -> None:
    world.run([45.0] * 24)
    world.until("end", 8.0)
    world.run([45.0] * 14)
    assert world.exists(COPY)
    assert "turned" in world.kinds
    assert world.ready(COPY) == 3


def test_hosts_that_are_full_are_no_room(world: BesideWorld) -> None:
    world.free["local"] = Listing((Host("host1", 0, 0, 0),), {}, {})
    world.run([28.0] * 24)
    assert world.ready(HOME) == 1, "what runs there stays, and nothing more fits"
    assert world.ready(COPY) == 2


def test_a_minimum_that_finds_no_room_at_home_is_made_up_for_elsewhere(world: BesideWorld) -> None:
    world.edit("members: {min: 1,", "members: {min: 3,")
    world.edit("{name: room, max: 2}", "{name: room, max: 5}")
    world.unplaced = 1
    world.run([14.0] * 24)
    assert world.ready(COPY) == 2, "three are the least, and one has a place at home"


def test_after_a_move_the_new_home_is_filled_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CLOUDS, HOME, "away")
    monkeypatch.setitem(CLOUDS, COPY, "local")
    world = BesideWorld(tmp_path)
    world.run([28.0] * 24)
    assert world.kinds == []
    assert world.ready(HOME) == 3, "the policy names the old home first, and the new one has room"
    world.run([45.0] * 24)
    assert (world.ready(HOME), world.ready(COPY)) == (3, 2)
    world.run([8.0] * 30)
    assert not world.exists(COPY)


def test_a_further_cloud_that_is_away_is_no_room_and_one_that_dies_is_made_up_for(world: BesideWorld) -> None:
    world.away.add("away")
    world.run([45.0] * 12)
    assert world.kinds == [], "nothing is begun in a cloud that does not answer"
    world.away.clear()
    world.run([45.0] * 24)
    assert world.ready(COPY) == 3
    world.away.add("away")
    world.run([19.0] * 12)
    assert world.ready(HOME) == 2
    assert world.exists(COPY)
    world.away.clear()
    world.run([8.0] * 30)
    assert not world.exists(COPY)


def test_killed_at_any_look_the_next_start_goes_on(world: BesideWorld) -> None:
    for number in range(int(LEAD_SECONDS // 5) + 8):
        world.look(45.0)
        if number % 2:
            world.start()
    world.run([45.0] * 10)
    assert (world.ready(HOME), world.ready(COPY)) == (2, 3)
    world.run([8.0] * 40)
    assert not world.exists(COPY)

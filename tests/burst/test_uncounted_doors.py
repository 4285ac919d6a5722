"""Behind a front door that is DNS the copies' own load balancers count, and a change takes its time."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from autoscaler.burst.refusals import MoveFailed, MoveRefused
from tests.burst.light_clouds import Land
from tests.burst.light_door import SETTLES, LightDoor


def begin(folder: Path, *, balancers: bool = True) -> tuple[Land, LightDoor]:
    land = Land(folder, counted=False, balancers=balancers)
    assert land.door is not None
    return land, land.door


def test_traffic_comes_back_for_errors_that_the_copys_balancer_counts(tmp_path: Path) -> None:
    land, door = begin(tmp_path)
    before = land.look()
    door.errs["away"] = 20
    with pytest.raises(MoveFailed, match="requests failed in away"):
        land.moves().migrate("shop", "away")
    assert [each.get("away") for each in door.shares] == [10, 0, 0]
    assert land.look() == before


def test_traffic_comes_back_when_the_copys_balancer_serves_no_more(tmp_path: Path) -> None:
    land, door = begin(tmp_path)
    share = door.share

    def falls(weights: dict[str, int]) -> None:
        share(weights)
        if weights.get("away") == 50:
            door.clouds["away"] = replace(door.clouds["away"], serving=False)

    door.share = falls  # type: ignore[method-assign, assignment]
    with pytest.raises(MoveFailed, match="does not reach away any more"):
        land.moves().migrate("shop", "away")
    assert land.sky.copies == {("local", "app-shop"): "home"}


def test_a_balancer_that_cannot_be_asked_for_a_moment_turns_nothing_round(tmp_path: Path) -> None:
    land, door = begin(tmp_path)
    answers = {"local": 0, "away": 0}
    served = door.served

    def at_times(cloud: str) -> object:
        answers[cloud] += 1
        if answers[cloud] % 3 == 0:
            raise ConnectionError("it took too long")
        return served(cloud)

    door.served = at_times  # type: ignore[method-assign, assignment]
    assert land.moves().migrate("shop", "away").result == "done"


def test_each_step_is_watched_until_clients_have_followed_it(tmp_path: Path) -> None:
    land, door = begin(tmp_path)
    at: list[tuple[float, int]] = []
    share = door.share

    def told(weights: dict[str, int]) -> None:
        at.append((land.time, weights["away"]))
        share(weights)

    door.share = told  # type: ignore[method-assign, assignment]
    ended = land.moves().migrate("shop", "away")
    assert [percent for _, percent in at] == [10, 25, 50, 75, 100, 100]
    assert all(later - sooner >= SETTLES for (sooner, _), (later, _) in pairwise(at))
    assert ended.steps["quiet home"] > SETTLES, "who still comes to the old home is answered there"


def test_what_is_in_flight_at_the_copys_balancer_is_waited_for(tmp_path: Path) -> None:
    land, door = begin(tmp_path)
    land.moves().burst("shop", "away")
    served = door.served
    door.served = lambda cloud: replace(  # type: ignore[method-assign]
        served(cloud), in_flight=2 if cloud == "away" else 0
    )
    ended = land.moves().end("shop", "away")
    assert any("2 requests were still in flight in away" in each for each in ended.notes)


def test_where_nobody_counts_nothing_is_migrated_and_a_copy_comes_and_goes(tmp_path: Path) -> None:
    land, _ = begin(tmp_path, balancers=False)
    before = land.look()
    with pytest.raises(MoveRefused, match="counts no requests, and shop has no load balancer"):
        land.moves().migrate("shop", "away")
    assert {**land.look(), "moves": []} == {**before, "moves": []}
    land.moves().burst("shop", "away")
    began = land.time
    land.moves().end("shop", "away")
    assert land.time - began > SETTLES

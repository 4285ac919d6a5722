"""Traffic that moves to a new home: what is watched on the way, and what is told at its end."""

from pathlib import Path

import pytest

from autoscaler.burst.front_door import FrontState
from autoscaler.burst.refusals import MoveFailed
from tests.burst.light_clouds import Killed, Land


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """The clouds local and away; the application shop at home in local, behind a front door."""
    return Land(tmp_path)


def test_traffic_comes_back_when_the_new_place_errs_while_the_old_one_drains(land: Land) -> None:
    before, door = land.look(), land.door
    assert door is not None
    share = door.share

    def then_it_errs(weights: dict[str, int]) -> None:
        share(weights)
        if len(door.shares) == 6:  # the old home gets no new requests
            door.errs["away"] = 50

    door.share = then_it_errs  # type: ignore[method-assign, assignment]
    with pytest.raises(MoveFailed, match="requests failed in away"):
        land.moves().migrate("shop", "away")
    assert door.shares[5:7] == [{"away": 100, "local": 0}, {"local": 100, "away": 0}]
    assert land.look() == before


def test_a_migration_says_how_many_requests_it_saw_and_how_many_failed(land: Land) -> None:
    door = land.door
    assert door is not None
    door.errs.update({"local": 10, "away": 10})
    land.kill_at(8, after=True)  # 25 % have moved
    with pytest.raises(Killed):
        land.moves().migrate("shop", "away")
    land.let_live()
    left = land.moves().under_way("shop")
    assert left is not None
    assert left.before is not None
    begun = [sum(each[key] for each in left.before.values()) for key in ("requests", "errors")]
    state, seen = door.state, []

    def look() -> FrontState:
        found = state()
        clouds = found.clouds.values()
        seen.append((sum(each.requests for each in clouds), sum(each.errors for each in clouds)))
        return found

    door.state = look  # type: ignore[method-assign]
    ended = land.moves().migrate("shop", "away")
    (told,) = [each.split() for each in ended.notes if "requests while the traffic moved" in each]
    requests, failed = int(told[0]), int(told[-2])
    assert (begun[0] + requests, begun[1] + failed) in seen
    assert requests > seen[0][0] - begun[0] > 0, "those before the kill count as well"
    assert failed > 0

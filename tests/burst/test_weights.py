"""By what a move shares an application's traffic: by those who answer its clients and are ready."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from autoscaler.burst.records import Move
from autoscaler.burst.weights import weights
from autoscaler.burst.work import Work
from tests.burst.light_clouds import Land

STACKS = {"local": "app-shop", "away": "app-shop--away"}
MORE = """\
  - {alias: jobs, cartridge: worker, members: {min: 1, max: 9}}
groups:
  - {alias: search, group: pair, instances: {min: 1, max: 3}}
---
apiVersion: altostratus/v1
kind: CartridgeGroup
name: pair
cartridges: [{alias: engine, cartridge: page, members: {min: 1, max: 4}}]
---
apiVersion: altostratus/v1
kind: Cartridge
name: worker
image: registry.example.org/worker:1
"""


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """A shop with workers, which no client calls, and a group of which clients call each instance."""
    found = Land(tmp_path)
    found.moves().burst("shop", "away")
    with (tmp_path / "shop.yaml").open("a") as documents:
        documents.write(MORE)
    return found


def shared(land: Land, **ready: Mapping[str, int]) -> dict[str, int]:
    """The weights with these members ready by cloud, and by cluster's id."""
    for cloud, stack in STACKS.items():
        path = land.cli.state_path(stack)
        state = json.loads(path.read_text())
        outputs = state["checkpoint"]["latest"]["resources"][0]["outputs"]
        outputs["members"] = dict(ready[cloud])
        outputs["clusters"] = {id: {"name": id.replace("/", "-")} for id in ready[cloud]}
        path.write_text(json.dumps(state))

    def seen(cloud: str, namespace: str, copy: str) -> Mapping[str, tuple[int, int]]:
        if cloud in land.sky.away:
            raise ConnectionError(cloud)
        return {id.replace("/", "-"): (9, count) for id, count in ready[cloud].items()}

    land.sky.ready = seen  # type: ignore[method-assign]
    moves = land.moves()
    move = Move("shop", "burst", "away", "local", 0.0)
    return weights(Work(move, moves.world, moves.records, print, threading.Event()), STACKS)


def test_workers_carry_no_requests(land: Land) -> None:
    here, there = {"web": 3, "jobs": 9, "search.1/engine": 3}, {"web": 1, "jobs": 1, "search.1/engine": 1}
    assert shared(land, local=here, away=there) == {"local": 750, "away": 250}


def test_instances_of_a_group_are_added_up_and_the_scarcest_entrance_counts(land: Land) -> None:
    here = {"web": 2, "search.1/engine": 2, "search.2/engine": 1}
    assert shared(land, local=here, away={"web": 2, "search.1/engine": 1}) == {"local": 667, "away": 333}


def test_a_copy_that_does_not_have_an_entrance_shares_by_the_others(land: Land) -> None:
    here = {"web": 2, "search.1/engine": 1}
    assert shared(land, local=here, away={"web": 2}) == {"local": 500, "away": 500}


def test_a_cloud_that_is_away_has_what_it_should_have_and_nobody_ready_is_no_share(land: Land) -> None:
    land.sky.away.add("away")
    assert shared(land, local={"web": 1}, away={"web": 3}) == {"local": 250, "away": 750}
    land.sky.away.clear()
    assert shared(land, local={"web": 0}, away={"web": 0}) == {"local": 0, "away": 0}

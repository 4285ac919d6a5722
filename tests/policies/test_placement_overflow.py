"""Which clusters overflow to which clouds, why others stay, and how many members go where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.loop.placing import Placing, placing
from blueprints.workspace import Workspace
from policies.placement.overflow import Spread, Want, settled, spread_over_clouds
from policies.placement.problem import Demand, Host, Network, Place, Rules, Share

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: shop
loadBalancer: entrance
deployment: both
PLACEMENT
cartridges:
  - {alias: web, cartridge: php, members: {min: 1, max: 9}, autoscaling: load}
  - {alias: work, cartridge: worker, members: {min: 1, max: 9}, autoscaling: load}
  - {alias: api, cartridge: php, members: {min: 1, max: 9}, autoscaling: load}
  - {alias: still, cartridge: worker, members: {min: 1, max: 9}}
  - {alias: db, cartridge: mysql, members: {min: 1, max: 1}, autoscaling: load}
groups:
  - {alias: search, group: pair, instances: {min: 1, max: 2}}
---
apiVersion: altostratus/v1
kind: CartridgeGroup
name: pair
cartridges: [{alias: engine, cartridge: worker, members: {min: 1, max: 4}, autoscaling: load}]
---
apiVersion: altostratus/v1
kind: Cartridge
name: worker
image: registry.example.org/worker@sha256:0000000000000000000000000000000000000000000000000000000000000000
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: entrance
routes: [{cluster: web}]
AFFINITY
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: away
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: both
networkPartitions:
  - {name: home, partitions: [{name: room, max: 2}]}
  - {name: rented, partitions: [{name: room, max: 3}]}
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: stays
networkPartitions: [home, rented]
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: bursts
networkPartitions: [home, rented]
burst: {at: 90%}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: load
thresholds: {loadAverage: 50}
"""


def found(folder: Path, placement: str = "", affinity: str = "") -> Placing:
    file = folder / "shop.yaml"
    policy = f"placement: {placement}" if placement else ""
    file.write_text(DOCUMENTS.replace("PLACEMENT", policy).replace("AFFINITY", affinity))
    workspace = Workspace.load([file])
    known = placing(workspace, workspace.plan("shop"), "local")
    assert known is not None
    return known


@pytest.mark.parametrize("placement", ["", "stays"])
def test_clusters_behind_the_applications_balancer_and_those_nobody_calls_overflow(
    tmp_path: Path, placement: str
) -> None:
    overflow = found(tmp_path, placement).overflowing
    assert overflow.clusters == {"web": ("away",), "work": ("away",)}
    assert overflow.by_cloud == {"away": ("web", "work")}
    why = overflow.refused
    assert "load balancer in front of it reaches both" in why["api"]
    assert "no autoscaling policy" in why["still"]
    assert "keeps data" in why["db"]
    assert "inside a group" in why["search.1/engine"]


def test_with_whole_copies_no_single_cluster_overflows(tmp_path: Path) -> None:
    overflow = found(tmp_path, "bursts").overflowing
    assert (overflow.clusters, overflow.refused) == ({}, {})


def test_sessions_that_stay_at_one_member_stay_at_home(tmp_path: Path) -> None:
    overflow = found(tmp_path, affinity="affinity: {by: cookie}").overflowing
    assert "keeps clients on one member" in overflow.refused["web"]


def demand(members: int, now: dict[str, int], *, home: int = 2, away: int = 3, least: int = 0) -> Demand:
    places = [
        Network("home", "one-after-another", (Share(Place("home", "room", "local"), home),)),
        Network("rented", "one-after-another", (Share(Place("rented", "room", "away"), away, min=least),)),
    ]
    rules = Rules("both", tuple((each,) for each in places))
    return Demand("web", members, rules, minimum=1, cpu=500, memory=2**20, now=now)


def spread(each: Demand, least: int = 1, **hosts: tuple[Host, ...]) -> Spread:
    return spread_over_clouds([Want(each, least)], "local", hosts)["web"]


def test_the_home_is_filled_first_and_the_further_cloud_emptied_first() -> None:
    assert spread(demand(2, {})).clouds == {"local": 2, "away": 0}
    over = spread(demand(4, {"home/room": 2}))
    assert (over.clouds, over.beyond) == ({"local": 2, "away": 2}, 2)
    assert over.reasons == ("rented/room: 2 new: overflow, as home/room is at its max of 2",)
    assert spread(demand(3, {"home/room": 2, "rented/room": 2})).clouds == {"local": 2, "away": 1}
    assert spread(demand(1, {"home/room": 2, "rented/room": 2})).clouds == {"local": 1, "away": 0}


def test_what_finds_no_place_is_told() -> None:
    full = spread(demand(7, {"home/room": 2}))
    assert (full.clouds, full.unplaced) == ({"local": 2, "away": 3}, 2)
    assert "find no place" in full.reasons[-1]


def test_hosts_without_room_are_no_room_and_members_stay_while_they_need_not_move() -> None:
    none = (Host("host1", 0, 0, 10),)
    assert spread(demand(2, {"home/room": 1}), local=none).clouds == {"local": 1, "away": 1}
    there = demand(2, {"home/room": 1, "rented/room": 1})
    assert spread(there, local=(Host("host1", 9000, 2**40, 10),)).clouds == {"local": 1, "away": 1}


def test_the_documents_minimum_is_at_home_and_a_places_minimum_there() -> None:
    there = demand(4, {"rented/room": 3}, home=4)
    assert spread(there, least=1).clouds == {"local": 1, "away": 3}
    assert spread(there, least=3).clouds == {"local": 3, "away": 1}
    assert spread(demand(2, {}, least=1)).clouds == {"local": 1, "away": 1}


def test_the_documents_minimum_gives_the_home_no_more_than_its_places_take() -> None:
    assert spread(demand(4, {}), least=3).clouds == {"local": 2, "away": 2}, "never over a max"
    refused = replace(demand(2, {}, home=4), full=frozenset({"home/room"}))
    assert spread(refused, least=2).clouds == {"local": 0, "away": 2}
    one = Host("host1", 500, 2**40, 9)
    assert spread(demand(3, {}, home=4), least=3, local=(one,)).clouds == {"local": 1, "away": 2}
    kept = demand(3, {"home/room": 1, "rented/room": 2}, home=4)
    assert spread(kept, least=3, local=(one,)).clouds == {"local": 2, "away": 1}


def test_after_a_move_the_new_home_is_filled_first_and_else_the_order_stays() -> None:
    def moved(each: Demand) -> Mapping[str, int]:
        return spread_over_clouds([Want(each, 1)], "away", {})["web"].clouds

    assert moved(demand(4, {"rented/room": 2})) == {"away": 3, "local": 1}
    assert moved(demand(5, {"rented/room": 3, "home/room": 1})) == {"away": 3, "local": 2}
    assert moved(demand(2, {"rented/room": 2, "home/room": 1})) == {"away": 2, "local": 0}
    both = demand(6, {})
    even = replace(both, rules=replace(both.rules, groups=(both.rules.networks,)))
    assert moved(even) == {"away": 3, "local": 2}, "the home's group is the first: its order stays"


COUNTS = st.integers(0, 6)


@settings(max_examples=40, deadline=None)
@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.sets(st.sampled_from(["home", "rented"])))
def test_no_cloud_is_over_its_max_or_full_and_what_the_home_lacks_is_elsewhere(
    members: int,
    least: int,
    home: int,
    away: int,
    here: int,
    there: int,
    room: int,
    full: set[str],
) -> None:
    asked = demand(max(members, least), {"home/room": here, "rented/room": there}, home=home, away=away)
    closed = replace(asked, full=frozenset(f"{each}/room" for each in full))
    found = spread(closed, least, local=(Host("host1", 500 * room, 2**40, 99),))
    assert found.clouds["local"] <= home
    assert found.clouds["away"] <= away
    assert found.clouds["local"] <= min(here, home) + (0 if "home" in full else room)
    assert found.clouds["away"] <= (min(there, away) if "rented" in full else away)
    assert sum(found.clouds.values()) + found.unplaced == asked.members
    if found.clouds["local"] < least:
        assert found.clouds["local"] == min(home, min(here, home) + (0 if "home" in full else room))


def test_members_by_cloud_are_settled_in_its_places_in_order() -> None:
    both = demand(0, {})
    assert settled(both, {"local": 3, "away": 1}) == {"home/room": 3, "rented/room": 1}
    assert settled(both, {"away": 0}) == {}

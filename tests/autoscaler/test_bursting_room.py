"""How many members there is room for in a cloud: by policy, by what hosts have free, by what was refused."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.burst.watching_room import Refusals, by_capacity, by_policy, listing, room
from policies.placement.capacity import UNBOUNDED
from policies.placement.observed import CloudView
from policies.placement.problem import Demand, Network, Place, Rules, Share

WEB = ("app-shop", "web")


def demand(*shares: Share) -> Demand:
    return Demand(
        "web", 1, Rules("p", ((Network("home", "one-after-another", shares),),)), cpu=500, memory=2**20
    )


def share(most: int, zone: str = "", cloud: str = "local") -> Share:
    return Share(Place("home", zone or "all", cloud, zone), most)


def node(name: str, zone: str, cpu: str = "2") -> dict[str, Any]:
    labels = {"topology.kubernetes.io/zone": zone}
    ready = [{"type": "Ready", "status": "True"}]
    allocatable = {"cpu": cpu, "memory": "4Gi", "pods": "110"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {},
        "status": {"conditions": ready, "allocatable": allocatable},
    }


def pod(host: str, cluster: str = "web", cpu: str = "500m", **about: Any) -> dict[str, Any]:
    container = {"resources": {"requests": {"cpu": cpu, "memory": "1Mi"}}}
    return {
        "metadata": {"namespace": "app-shop", "labels": {"altostratus.dev/cluster": cluster}, **about},
        "spec": {"nodeName": host, "containers": [container]},
        "status": {"phase": "Running"},
    }


SEEN = listing(
    CloudView([node("host1", "a"), node("host2", "b")], [pod("host1"), pod("host1", "other"), pod("host2")])
)


def test_the_policy_bounds_what_its_partitions_in_this_cloud_may_have() -> None:
    both = demand(share(3, "a"), share(2, "b"), share(9, cloud="away"))
    assert by_policy(both, "local") == 5
    assert by_policy(both, "away") == 9
    assert by_policy(both, "far") is None
    assert by_policy(demand(share(UNBOUNDED)), "local") is None


@pytest.mark.parametrize(
    ("shares", "fits"),
    [
        ([share(99)], 2 + 2 + 3),
        ([share(99, "a")], 1 + 2),
        ([share(99, "a"), share(99)], 2 + 2 + 3),
        ([share(99, "c")], 0),
    ],
)
def test_hosts_have_room_for_who_is_there_and_who_fits(shares: list[Share], fits: int) -> None:
    assert by_capacity(demand(*shares), "local", WEB, SEEN) == fits


def test_members_that_end_make_no_room_yet_and_count_no_more() -> None:
    ending = listing(CloudView([node("host1", "a")], [pod("host1", deletionTimestamp="now")]))
    assert by_capacity(demand(share(99)), "local", WEB, ending) == 3


def test_the_least_bound_counts_and_free_room_takes_nothing_away() -> None:
    wide, narrow = demand(share(99)), demand(share(4))
    assert room(wide, "local", WEB, SEEN, scheduled=2, asked=2, full=False) == 7
    assert room(narrow, "local", WEB, SEEN, scheduled=2, asked=2, full=False) == 4
    assert room(wide, "local", WEB, SEEN, scheduled=2, asked=9, full=False) == 9
    assert room(narrow, "local", WEB, SEEN, scheduled=2, asked=9, full=False) == 4
    assert room(wide, "local", WEB, None, scheduled=2, asked=9, full=False) == 99
    assert room(demand(share(UNBOUNDED)), "local", WEB, None, scheduled=2, asked=9, full=False) is None


def test_what_the_scheduler_refused_is_no_room() -> None:
    assert room(demand(share(99)), "local", WEB, SEEN, scheduled=2, asked=5, full=True) == 2


def test_a_place_that_refused_is_tried_again_ever_later() -> None:
    fresh = Refusals()
    assert [fresh.note("web", True, at) for at in (0.0, 30.0, 59.0)] == [True] * 3
    assert fresh.note("web", False, 61.0) is False
    assert fresh.note("web", True, 62.0) is True
    assert fresh.note("web", False, 181.0) is True, "twice as long the second time"
    assert fresh.note("web", False, 183.0) is False

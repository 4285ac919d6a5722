"""Placement's live data, from nodes and Pods as the API server writes them."""

from fractions import Fraction
from typing import Any

import pytest

from policies.placement.observed import CloudView, amount, clouds_of, free_hosts, with_live
from policies.placement.place import place
from policies.placement.problem import Demand, Network, Place, Problem, Rules, Share


def node(name: str, zone: str = "", ready: bool = True, **spec: Any) -> dict[str, Any]:
    labels = {"topology.kubernetes.io/zone": zone} if zone else {}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def pod(host: str | None, cluster: str = "web", phase: str = "Running", **more: Any) -> dict[str, Any]:
    asked = {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}
    labels = {"altostratus.dev/application": "shop", "altostratus.dev/cluster": cluster}
    reason = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    status: dict[str, Any] = {"phase": phase} if host else {"phase": "Pending", "conditions": [reason]}
    return {
        "metadata": {"name": "p", "labels": labels, **more},
        "spec": {"containers": [asked], **({"nodeName": host} if host else {})},
        "status": status,
    }


def share(name: str, most: int = 9, zone: str = "", cloud: str = "local") -> Share:
    return Share(Place("home", name, cloud, zone), most)


def problem(*shares: Share, members: int = 4) -> Problem:
    by = Rules("r", ((Network("home", "one-after-another", shares),),))
    return Problem((Demand("web", members, by, cpu=500, memory=2**30),))


def seen(before: Problem, *pods: dict[str, Any], nodes: Any = None) -> Problem:
    view = CloudView(nodes or [node("h1", "a"), node("h2", "b")], pods)
    return with_live(before, {"local": view}, "shop", {"web": "web"})


@pytest.mark.parametrize(
    ("text", "number"),
    [("500m", Fraction(1, 2)), ("2", 2), ("4Gi", 4 * 2**30), ("1.5k", 1500), ("8040820Ki", 8040820 * 1024)],
)
def test_quantities_are_numbers(text: str, number: Any) -> None:
    assert amount(text) == number


def test_free_is_what_pods_leave_of_nodes_that_take_members() -> None:
    view = CloudView(
        [
            node("h1"),
            node("cordoned", unschedulable=True),
            node("broken", ready=False),
            node("kept", taints=[{"key": "x", "effect": "NoSchedule"}]),
        ],
        [pod("h1"), pod("h1", phase="Succeeded"), pod(None)],
    )
    [host] = free_hosts(view)
    assert (host.name, host.cpu, host.memory, host.members) == ("h1", 1500, 3 * 2**30, 9)


def test_what_runs_before_the_others_counts_where_it_is_larger() -> None:
    first = pod("h1")
    first["spec"]["initContainers"] = [{"resources": {"requests": {"cpu": "1500m"}}}]
    [host] = free_hosts(CloudView([node("h1")], [first]))
    assert (host.cpu, host.memory) == (500, 3 * 2**30)


def test_members_are_counted_where_their_host_belongs() -> None:
    found = seen(problem(share("a", zone="a"), share("b", zone="b")), pod("h1"), pod("h2"), pod("h2"))
    assert found.demands[0].now == {"home/a": 1, "home/b": 2}
    ended = seen(problem(share("a", zone="a")), pod("h1", deletionTimestamp="now"), pod("h1", cluster="x"))
    assert ended.demands[0].now == {}


def test_members_on_hosts_of_several_places_fill_them_in_order() -> None:
    found = seen(problem(share("a", 1), share("b", 1)), *[pod("h1")] * 3)
    assert found.demands[0].now == {"home/a": 2, "home/b": 1}


def test_members_on_hosts_of_no_place_have_to_go() -> None:
    found = seen(problem(share("a", zone="a")), pod("h2"))
    assert found.demands[0].now == {"local/no-partition": 1}
    web = place(found).clusters["web"]
    assert web.members == {"home/a": 4}


def test_a_member_that_cannot_be_scheduled_closes_its_cloud_for_its_cluster() -> None:
    before = problem(share("a", zone="a"), share("far", cloud="other"))
    found = seen(before, pod("h1"), pod(None))
    web = place(found).clusters["web"]
    assert web.members == {"home/a": 1, "home/far": 3}
    assert "home/a has members that cannot be scheduled" in web.allotments[1].reasons[0]


def test_capacity_of_a_cloud_that_was_asked_bounds_what_goes_there() -> None:
    found = seen(problem(share("a", zone="a"), members=9))
    assert place(found).clusters["web"].placed == 4
    assert clouds_of(found.demands) == ("local",)

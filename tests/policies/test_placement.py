"""Placement by examples: each order, bound and attraction, with the reasons it gives."""

from collections.abc import Mapping
from typing import Any

from policies.placement.place import place
from policies.placement.problem import ClusterPlacement, Demand, Host, Network, Place, Problem, Rules, Share


def share(name: str, most: int = 4, least: int = 0, weight: int = 1, **more: Any) -> Share:
    network, _, partition = name.partition("/")
    return Share(Place(network, partition, more.pop("cloud", network), **more), most, least, weight)


def network(order: Any, *shares: Share) -> Network:
    return Network(shares[0].place.network, order, shares)


def rules(*networks: Network, name: str = "rules", **more: Any) -> Rules:
    return Rules(name, tuple((each,) for each in networks), **more)


def web(members: int, by: Rules, **more: Any) -> Demand:
    return Demand("web", members, by, **more)


def placed(*demands: Demand, **more: Any) -> Mapping[str, ClusterPlacement]:
    return place(Problem(demands, **more)).clusters


def only(members: int, by: Rules, hosts: Any = None, **more: Any) -> ClusterPlacement:
    return placed(web(members, by, **more), hosts=hosts or {})["web"]


def reasons(result: ClusterPlacement, key: str) -> str:
    return "; ".join(next(a for a in result.allotments if a.place.key == key).reasons)


HOME = network("one-after-another", share("home/rack-1"), share("home/rack-2"))
RENTED = network("one-after-another", share("rented/zone-a", 12))


def test_one_partition_is_full_before_the_next_is_used_in_the_declared_order() -> None:
    by = rules(network("one-after-another", share("home/z"), share("home/a"), share("home/m")))
    result = only(6, by)
    assert result.members == {"home/z": 4, "home/a": 2}
    assert reasons(result, "home/z") == "4 new: first in order"
    assert reasons(result, "home/a") == "2 new: next in order, as home/z is at its max of 4"


def test_round_robin_is_even_and_weights_are_shares() -> None:
    even = rules(network("round-robin", share("home/a", 9), share("home/b", 9), share("home/c", 9)))
    assert only(7, even).members == {"home/a": 3, "home/b": 2, "home/c": 2}
    by_weight = rules(network("weighted", share("home/a", 90, weight=3), share("home/b", 90, weight=1)))
    result = only(20, by_weight)
    assert result.members == {"home/a": 15, "home/b": 5}
    assert reasons(result, "home/a") == "15 new: by its weight of 3 in home"


def test_overflow_goes_to_the_next_network_partition_and_says_why() -> None:
    result = only(11, rules(HOME, RENTED))
    assert result.members == {"home/rack-1": 4, "home/rack-2": 4, "rented/zone-a": 3}
    assert reasons(result, "rented/zone-a") == (
        "3 new: overflow, as home/rack-1 is at its max of 4, home/rack-2 is at its max of 4"
    )


def test_what_no_place_takes_is_told() -> None:
    result = only(21, rules(HOME, RENTED))
    assert (result.placed, result.unplaced) == (20, 1)
    assert result.reasons == (
        "1 member finds no place: home/rack-1 is at its max of 4, home/rack-2 is at its max of 4, "
        "rented/zone-a is at its max of 12",
    )


def test_members_leave_in_the_reverse_order() -> None:
    now = {"home/rack-1": 4, "home/rack-2": 4, "rented/zone-a": 3}
    result = only(7, rules(HOME, RENTED), now=now)
    assert result.members == {"home/rack-1": 4, "home/rack-2": 3}
    assert reasons(result, "rented/zone-a") == "3 leave: fewer members are wanted"


def test_minimums_come_first_and_members_stay_where_they_are() -> None:
    by = rules(network("one-after-another", share("home/a", 9), share("home/b", 9, least=2)))
    assert only(3, by).members == {"home/a": 1, "home/b": 2}
    moved = only(4, by, now={"home/a": 4})
    assert moved.members == {"home/a": 2, "home/b": 2}
    assert reasons(moved, "home/a") == "2 stay: first in order; 2 leave: for the minimum of another place"
    kept = only(4, rules(HOME), now={"home/rack-2": 4})
    assert kept.members == {"home/rack-2": 4}
    assert kept.allotments[0].arriving == 0


def test_too_few_for_every_minimum_is_no_reason_to_move() -> None:
    by = rules(network("one-after-another", share("home/a", 9, least=2), share("home/b", 9, least=2)))
    assert only(2, by, now={"home/b": 2}).members == {"home/b": 2}
    assert only(3, by, now={"home/b": 2}).members == {"home/a": 1, "home/b": 2}


def test_a_lowered_max_and_a_place_no_longer_used_move_exactly_those_members() -> None:
    now = {"home/rack-1": 6, "old/spare": 2}
    result = only(8, rules(HOME), now=now)
    assert result.members == {"home/rack-1": 4, "home/rack-2": 4}
    assert "2 leave: over its max of 4" in reasons(result, "home/rack-1")
    assert reasons(result, "old/spare") == "2 leave: rules does not name old/spare"


def host(name: str, cpu: int = 1000, memory: int = 2**30, members: int = 100, **more: Any) -> Host:
    return Host(name, cpu, memory, members, **more)


def test_room_is_what_hosts_have_free_for_members_of_that_size() -> None:
    hosts = {"home": (host("h1", 700), host("h2", 700))}
    result = only(5, rules(HOME, RENTED), hosts, cpu=500, memory=2**20)
    assert result.members == {"home/rack-1": 2, "rented/zone-a": 3}  # 1400 free, but 200 on each are too few
    assert "home/rack-1 has no host with room for another member (500m processor and 1Mi memory)" in reasons(
        result, "rented/zone-a"
    )
    short = only(5, rules(HOME), hosts, cpu=500)
    assert (short.placed, short.unplaced) == (2, 3)
    assert only(5, rules(HOME), {"home": ()}).placed == 0


def test_hosts_belong_to_places_by_zone_region_and_labels() -> None:
    by = rules(
        network(
            "one-after-another",
            share("home/a", zone="a"),
            share("home/b", zone="b", labels=(("disk", "fast"),)),
        )
    )
    hosts = {
        "home": (
            host("h1", members=1, zone="a"),
            host("h2", members=2, zone="b"),
            host("h3", members=3, zone="b", labels={"disk": "fast"}),
        )
    }
    assert only(9, by, hosts).members == {"home/a": 1, "home/b": 3}


def test_members_that_cannot_be_scheduled_are_no_room() -> None:
    result = only(3, rules(HOME), now={"home/rack-1": 3}, unschedulable={"home/rack-1": 2})
    assert result.members == {"home/rack-1": 1, "home/rack-2": 2}
    assert "2 leave: cannot be scheduled there" in reasons(result, "home/rack-1")
    assert "home/rack-1 has members that cannot be scheduled" in reasons(result, "home/rack-2")


def test_places_that_share_hosts_share_their_room() -> None:
    even = rules(network("round-robin", share("home/a", 9), share("home/b", 9)))
    result = only(6, even, {"home": (host("h1", members=3),)})
    assert (result.placed, result.unplaced) == (3, 3)


def test_minimums_of_all_clusters_come_before_the_rest_of_any() -> None:
    hosts = {"home": (host("h1", members=5),)}
    by = rules(network("round-robin", share("home/a", 9)))
    result = placed(Demand("a", 9, by, minimum=2), Demand("b", 2, by, minimum=2), hosts=hosts)
    assert (result["a"].placed, result["b"].placed) == (3, 2)


def test_a_quota_bounds_all_applications_together_and_minimums_have_the_first_call() -> None:
    by = rules(RENTED, quota=10)
    result = placed(Demand("a", 8, by, minimum=1), Demand("b", 4, by, minimum=2), quota_used={"rules": 5})
    assert (result["a"].placed, result["b"].placed) == (3, 2)
    assert result["a"].reasons == ("5 wait for the quota of rules: 10 members",)


def test_cost_decides_between_equals_only_where_asked() -> None:
    shares = (share("home/dear", 9, cost=0.5), share("home/cheap", 9, cost=0.1))
    cheap = rules(network("round-robin", *shares), prefer_cheap=True)
    assert only(3, cheap).members == {"home/dear": 1, "home/cheap": 2}
    assert only(2, cheap, now={"home/dear": 1, "home/cheap": 2}).members == {"home/dear": 1, "home/cheap": 1}
    assert only(3, rules(network("round-robin", *shares))).members == {"home/dear": 2, "home/cheap": 1}
    assert round(only(3, cheap).cost, 3) == 0.7
    untold = (share("home/untold", 9), share("home/told", 9, cost=9.0), share("home/free", 9, cost=0.0))
    by = rules(network("round-robin", *untold), prefer_cheap=True)
    assert only(1, by).members == {"home/free": 1}
    assert only(2, by).members == {"home/free": 1, "home/told": 1}


def test_spread_over_zones_counts_zones_not_partitions() -> None:
    shares = (share("home/a1", 9, zone="a"), share("home/a2", 9, zone="a"), share("home/b", 9, zone="b"))
    zones = rules(network("round-robin", *shares), spread="zones")
    assert only(4, zones).members == {"home/a1": 1, "home/a2": 1, "home/b": 2}
    assert only(4, rules(network("round-robin", *shares))).members == {
        "home/a1": 2,
        "home/a2": 1,
        "home/b": 1,
    }


def test_clusters_go_near_their_data_first_in_place_then_in_cloud() -> None:
    by = rules(
        network("one-after-another", share("home/a", 2), share("home/b", 2)),
        network("one-after-another", share("away/a", 2), share("away/b", 9)),
    )
    data = rules(network("one-after-another", share("away/a", 2), share("away/b", 9)))
    result = placed(web(5, by, near=("db",)), Demand("db", 1, data))
    assert result["web"].members == {"away/a": 2, "away/b": 3}
    assert reasons(result["web"], "away/a") == "2 new: near db"
    assert reasons(result["web"], "away/b").startswith("3 new: in the cloud of db, next in order")


def test_clusters_that_want_to_be_near_each_other_are_placed_too() -> None:
    by = rules(HOME)
    result = placed(Demand("a", 1, by, near=("b",)), Demand("b", 1, by, near=("a",)))
    assert (result["a"].members, result["b"].members) == ({"home/rack-1": 1}, {"home/rack-1": 1})


def test_networks_of_one_group_are_used_together() -> None:
    by = Rules("rules", ((HOME, RENTED),))
    assert only(7, by).members == {"home/rack-1": 4, "rented/zone-a": 3}
    assert only(14, by).members == {"home/rack-1": 4, "home/rack-2": 3, "rented/zone-a": 7}


def test_a_group_instance_is_kept_in_one_place_that_holds_it_whole() -> None:
    by = rules(network("one-after-another", share("home/a", 9), share("home/b", 9)))
    hosts = {"home": (host("h1", cpu=1500, zone="z"), host("h2", cpu=4000))}
    zoned = rules(network("one-after-another", share("home/a", 9, zone="z"), share("home/b", 9)))
    unit = [
        Demand("g.1/engine", 2, zoned, cpu=500, minimum=1, together="g.1"),
        Demand("g.1/cache", 2, zoned, cpu=500, minimum=1, together="g.1"),
    ]
    result = placed(*unit, hosts=hosts)
    assert [each.members for each in result.values()] == [{"home/b": 2}, {"home/b": 2}]
    assert reasons(result["g.1/cache"], "home/b").startswith("2 new: with the rest of g.1")
    split = placed(
        Demand("x", 12, by, minimum=12, together="g.1"), Demand("y", 12, by, minimum=12, together="g.1")
    )
    assert split["x"].reasons == ("no place holds the whole of g.1; its members go one by one",)


def test_instances_of_a_group_are_spread_by_the_order_and_grow_where_they_are() -> None:
    by = rules(network("round-robin", share("home/a", 9), share("home/b", 9)))
    units = [Demand(f"g.{n}/engine", 2, by, together=f"g.{n}") for n in (1, 2, 3)]
    assert [each.members for each in placed(*units).values()] == [{"home/a": 2}, {"home/b": 2}, {"home/a": 2}]
    grown = placed(Demand("g.2/engine", 4, by, now={"home/b": 2}, together="g.2"))
    assert grown["g.2/engine"].members == {"home/b": 4}


def test_the_same_problem_has_the_same_answer_whatever_the_order_of_mappings() -> None:
    by = rules(HOME, RENTED)
    one = only(6, by, now={"home/rack-2": 1, "home/rack-1": 1})
    two = only(6, by, now={"home/rack-1": 1, "home/rack-2": 1})
    assert one == two

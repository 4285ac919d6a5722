"""What the scheduler is told of policies whose partitions are zones of one cloud."""

from policies.placement.problem import Demand, Network, Order, Place, Rules, Share
from policies.placement.problem import Spread as SpreadRule
from policies.placement.scheduling import HOST, LOOSELY, Spread, scheduling

ZONE = "topology.kubernetes.io/zone"


def share(name: str, most: int = 4, *, zone: str | None = None, cloud: str = "here", **labels: str) -> Share:
    where = name if zone is None else zone
    return Share(Place("home", name, cloud, where, labels=tuple(labels.items())), most)


def demand(
    *shares: Share,
    order: Order = "one-after-another",
    spread: SpreadRule = "hosts",
    near: tuple[str, ...] = (),
) -> Demand:
    return Demand("web", 4, Rules("p", ((Network("home", order, shares),),), spread), near=near)


def test_members_run_in_the_partitions_of_their_cloud_and_nowhere_else() -> None:
    told = scheduling(demand(share("a"), share("b"), share("c", cloud="there")), "here")
    assert told is not None
    assert told.allowed == ({ZONE: "a"}, {ZONE: "b"})
    elsewhere = scheduling(demand(share("c", cloud="there")), "here")
    assert elsewhere is None


def test_an_order_is_a_preference_that_spreading_yields_to() -> None:
    told = scheduling(demand(share("b"), share("a"), share("c")), "here")
    assert told is not None
    assert told.preferred == ((100, {ZONE: "b"}), (50, {ZONE: "a"}), (1, {ZONE: "c"}))
    assert told.spread == (Spread(HOST, LOOSELY), Spread(ZONE, 4, strict=True))


def test_round_robin_keeps_zones_even_and_no_zone_over_the_largest_max() -> None:
    told = scheduling(demand(share("a", 2), share("b", 6), order="round-robin"), "here")
    assert told is not None
    assert not told.preferred
    assert told.spread == (Spread(HOST), Spread(ZONE), Spread(ZONE, 6, strict=True))


def test_being_near_data_comes_before_the_order() -> None:
    told = scheduling(demand(share("b"), share("a"), near=("db",)), "here")
    assert told is not None
    assert (told.preferred, told.near, told.near_key) == ((), ("db",), ZONE)
    assert told.spread == (Spread(HOST, LOOSELY),)


def test_a_partition_without_labels_is_every_host_and_tells_nothing_apart() -> None:
    told = scheduling(demand(share("a"), share("rest", zone=""), order="round-robin"), "here")
    assert told is not None
    assert told.allowed == ()
    assert told.spread == (Spread(HOST),)


def test_partitions_may_be_told_apart_by_labels_of_hosts() -> None:
    racks = [share(name, zone="z", rack=name) for name in ("r1", "r2")]
    told = scheduling(demand(*racks, order="round-robin", spread="none"), "here")
    assert told is not None
    assert told.allowed == ({"rack": "r1", ZONE: "z"}, {"rack": "r2", ZONE: "z"})
    assert told.spread == (Spread("rack"), Spread("rack", 4, strict=True))

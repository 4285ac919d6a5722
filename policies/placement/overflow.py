"""Which clusters may have members in clouds beyond their application's own, and how many go where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from blueprints.balancing.model import Balancer
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.plan import Plan, PlannedCluster
from policies.placement.documents import restricted
from policies.placement.place import place
from policies.placement.problem import ClusterPlacement, Demand, Host, Network, Problem

PASSES_ON = ("haproxy", "nginx")
"""The drivers whose balancers take further members at run time."""


@dataclass(frozen=True)
class Overflowing:
    """clusters: the clouds beyond home by cluster id, in the policy's order. refused: by cluster id, why one
    whose policy names further clouds stays at home."""

    clusters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_cloud(self) -> dict[str, tuple[str, ...]]:
        """The clusters that may be in each further cloud; clouds in the order of their first naming."""
        found: dict[str, tuple[str, ...]] = {}
        for id, clouds in self.clusters.items():
            for cloud in clouds:
                found[cloud] = (*found.get(cloud, ()), id)
        return found


NOWHERE = Overflowing()


def makes_copies(policy: ApplicationPolicy | None) -> bool:
    """Whether an application policy ever makes whole copies; then no single cluster overflows."""
    return policy is not None and policy.makes_copies


def overflowing(
    plan: Plan, demands: Mapping[str, Demand], policy: ApplicationPolicy | None, home: str
) -> Overflowing:
    """With whole copies the policy's places in further clouds are the room of the copies there."""
    if makes_copies(policy):
        return NOWHERE
    clusters: dict[str, tuple[str, ...]] = {}
    refused: dict[str, str] = {}
    for id, cluster in plan.clusters.items():
        named = dict.fromkeys(share.place.cloud for share in demands[id].rules.shares)
        beyond = tuple(cloud for cloud in named if cloud != home)
        if cluster.deployment is None or not beyond or home not in named:
            continue
        if why := _refusal(plan, cluster):
            refused[id] = why
        else:
            clusters[id] = beyond
    return Overflowing(clusters, refused)


def _refusal(plan: Plan, cluster: PlannedCluster) -> str:
    """Why members in another cloud would be of no use, or do harm; empty where they can be."""
    if cluster.level:
        return "it is inside a group, whose instances stay together"
    if cluster.use.autoscaling is None:
        return "it has no autoscaling policy, and what people set stays at home"
    if cluster.persistence:
        return "it keeps data, and members elsewhere would begin with data of their own"
    if not cluster.ports:
        return ""  # nobody calls it: wherever its members are, they work
    mine = [each for each in plan.balancers if cluster.id in each.clusters]
    shared = any(cluster.id in each.clusters for each in plan.shared)
    if shared and not mine:
        return "it is behind a load balancer that applications share, which is told of no further members"
    if not mine:
        return (
            "it is called by its Service, which reaches members of its own cloud only; "
            "a load balancer in front of it reaches both"
        )
    return next((why for each in mine if (why := _unfit(each))), "")


def _unfit(balancer: Balancer) -> str:
    document = balancer.document
    if document.driver not in PASSES_ON:
        return f"its load balancer's driver {document.driver} takes no further members"
    if document.affinity is not None or document.algorithm == "source":
        return (
            "its load balancer keeps clients on one member, "
            "and what leads to another cloud goes to any member there"
        )
    return ""


@dataclass(frozen=True, slots=True)
class Want:
    """A cluster with what it is to have over all clouds: `demand.members`, those there by place in
    `demand.now`. least: how many are at home before others are elsewhere, as far as its places there take
    them; the documents' minimum."""

    demand: Demand
    least: int


@dataclass(frozen=True)
class Spread:
    """Members by cloud, home's first; how many find no place, and why members are beyond home, or nowhere."""

    clouds: Mapping[str, int]
    unplaced: int = 0
    reasons: tuple[str, ...] = ()

    @property
    def beyond(self) -> int:
        """Members in further clouds."""
        return sum(list(self.clouds.values())[1:])


def spread_over_clouds(
    wants: Sequence[Want],
    home: str,
    hosts: Mapping[str, tuple[Host, ...]],
    near: Sequence[Demand] = (),
) -> dict[str, Spread]:
    """The placement of clusters by their policies, home first, summed up by cloud, by cluster id.

    hosts: free capacity by cloud, beside everything that runs; a cloud that is left out is bound by the
    policy alone. near: clusters that others want to be close to; they stay as they are.
    """
    fixed = [replace(each, members=sum(each.now.values()), full=_all_places(each)) for each in near]
    wants = [replace(want, demand=from_home(want.demand, home)) for want in wants]
    found = place(Problem((*fixed, *(want.demand for want in wants)), hosts)).clusters
    at_home = place(Problem((*fixed, *(_only_at_home(want, home) for want in wants)), hosts)).clusters
    return {
        id: _by_cloud(want, home, found[id], at_home[id].placed)
        for want in wants
        for id in [want.demand.cluster]
    }


def _all_places(demand: Demand) -> frozenset[str]:
    return frozenset(share.place.key for share in demand.rules.shares)


def from_home(demand: Demand, home: str) -> Demand:
    """With the places in the home's cloud first, where the application has moved away from the first one."""
    rules = demand.rules
    if any(_is_in(network, home) for group in rules.groups[:1] for network in group):
        return demand
    here = tuple((network,) for network in rules.networks if _is_in(network, home))
    rest = (tuple(network for network in group if not _is_in(network, home)) for group in rules.groups)
    return replace(demand, rules=replace(rules, groups=(*here, *(group for group in rest if group))))


def _only_at_home(want: Want, home: str) -> Demand:
    """The least, with no places but the home's."""
    rules = want.demand.rules
    networks = [network.name for network in rules.networks if _is_in(network, home)]
    here = restricted(rules, networks, "it is not at home")
    return replace(want.demand, members=want.least, minimum=want.least, rules=here)


def _is_in(network: Network, cloud: str) -> bool:
    return network.shares[0].place.cloud == cloud


def _by_cloud(want: Want, home: str, found: ClusterPlacement, at_home: int) -> Spread:
    """at_home: how many of the least its places there take."""
    clouds = dict.fromkeys((home, *(share.place.cloud for share in want.demand.rules.shares)), 0)
    said = []
    for each in found.allotments:
        if each.place.cloud in clouds:
            clouds[each.place.cloud] += each.members
            if each.place.cloud != home and each.arriving:
                said += [f"{each.place.key}: {reason}" for reason in each.reasons if " new" in reason]
    raised = max(0, at_home - clouds[home])
    clouds[home] += raised
    for cloud in reversed([name for name in clouds if name != home]):
        least = sum(s.min for s in want.demand.rules.shares if s.place.cloud == cloud)
        given = min(raised, max(0, clouds[cloud] - least))
        clouds[cloud] -= given
        raised -= given
    unplaced = max(0, want.demand.members - sum(clouds.values()))
    return Spread(clouds, unplaced, (*said, *(found.reasons if unplaced else ())))


def settled(demand: Demand, counts: Mapping[str, int]) -> dict[str, int]:
    """Members by place key, from members by cloud: a cloud's places in order, each up to its max; what is
    over all of them is in the first."""
    now: dict[str, int] = {}
    for cloud, count in counts.items():
        shares = [share for share in demand.rules.shares if share.place.cloud == cloud]
        left = count
        for share in shares:
            here = min(left, share.max)
            if here:
                now[share.place.key] = here
            left -= here
        if left and shares:
            first = shares[0].place.key
            now[first] = now.get(first, 0) + left
    return now

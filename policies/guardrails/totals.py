"""Rules about how much: deployment policies, tenants' quotas, and cost. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from policies.guardrails.resource import LABEL_APPLICATION, LABEL_CLUSTER, WORKLOADS, Resource, mapping


@dataclass(frozen=True)
class Amounts:
    """What members take together: processors in thousandths, memory and storage in bytes."""

    applications: int = 0
    members: int = 0
    cpu: int = 0
    memory: int = 0
    storage: int = 0

    def __add__(self, other: "Amounts") -> "Amounts":
        return Amounts(
            self.applications + other.applications,
            self.members + other.members,
            self.cpu + other.cpu,
            self.memory + other.memory,
            self.storage + other.storage,
        )


@dataclass(frozen=True)
class ClusterFacts:
    """What the documents say of a cluster: a member's size, its policy, and an hour's cost of a member."""

    member: Amounts = Amounts(members=1)
    policy: str = ""
    capacity: int | None = None
    """The most members the policy has place for; None: no bound."""
    cost: float | None = None


@dataclass(frozen=True)
class StackFacts:
    """What a stack's documents say, beside its resources.

    `clusters` by their Kubernetes names. `quotas`: members by deployment policy; `used`: what other
    applications use of them. `tenant_used`: what the tenant's other applications take.
    """

    application: str = ""
    clusters: Mapping[str, ClusterFacts] = field(default_factory=dict)
    quotas: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)
    tenant: str = ""
    tenant_quota: Mapping[str, int] = field(default_factory=dict)
    """Amounts' fields by name, as far as they are bounded."""
    tenant_used: Amounts = Amounts()


@dataclass(frozen=True)
class Members:
    """The members of a workload of ours, as its resource asks for them."""

    cluster: str
    count: int
    urn: str


def members_of(resources: Iterable[Resource], application: str = "") -> list[Members]:
    """Every workload of ours whose replicas are known."""
    found = []
    for each in resources:
        cluster = each.labels.get(LABEL_CLUSTER)
        ours = not application or each.labels.get(LABEL_APPLICATION) == application
        if not (each.kubernetes and each.kind in WORKLOADS and isinstance(cluster, str) and ours):
            continue
        replicas = mapping(each.inputs.get("spec")).get("replicas", 1)
        if isinstance(replicas, (int, float)):
            found.append(Members(cluster, int(replicas), each.urn))
    return found


def over_policy(members: Iterable[Members], facts: StackFacts) -> Iterator[tuple[str, str]]:
    """Clusters over their deployment policy's places, and policies over their quota, as (URN, what)."""
    totals: dict[str, int] = {}
    for each in members:
        known = facts.clusters.get(each.cluster)
        if known is None or not known.policy:
            continue
        totals[known.policy] = totals.get(known.policy, 0) + each.count
        if known.capacity is not None and each.count > known.capacity:
            yield (
                each.urn,
                (
                    f"{each.cluster} asks for {each.count} members, and the deployment policy {known.policy} "
                    f"has place for {known.capacity}"
                ),
            )
    for policy, count in totals.items():
        quota, others = facts.quotas.get(policy), facts.used.get(policy, 0)
        if quota is not None and count + others > quota:
            yield (
                "",
                (
                    f"the deployment policy {policy} allows {quota} members over all applications; this "
                    f"stack asks for {count}, others have {others}"
                ),
            )


_UNITS = {
    "cpu": (1000, "processors"),
    "memory": (2**30, "GiB of memory"),
    "storage": (2**30, "GiB of storage"),
}


def over_quota(members: Iterable[Members], facts: StackFacts) -> Iterator[str]:
    """What the tenant's applications would take over its quota."""
    if not facts.tenant:
        return
    taken = facts.tenant_used + Amounts(applications=1)
    for each in members:
        size = facts.clusters.get(each.cluster, ClusterFacts()).member
        taken += Amounts(
            0, each.count, *(each.count * part for part in (size.cpu, size.memory, size.storage))
        )
    for name, bound in facts.tenant_quota.items():
        amount = getattr(taken, name)
        if amount > bound:
            divisor, unit = _UNITS.get(name, (1, name))
            yield (
                f"tenant {facts.tenant} may have {bound / divisor:g} {unit} in all its applications; "
                f"with this update it would have {amount / divisor:g}"
            )


def cost_per_hour(members: Iterable[Members], facts: StackFacts, default: float = 0.0) -> float:
    """The cost of an hour of all members, where a place's own is not known by `default` each."""
    total = 0.0
    for each in members:
        known = facts.clusters.get(each.cluster)
        price = known.cost if known is not None and known.cost is not None else default
        total += each.count * price
    return total


def over_ceiling(cost: float, ceiling: float | None) -> Iterator[str]:
    """Whether an hour of the stack costs more than it may."""
    if ceiling is not None and cost > ceiling + 1e-9:
        yield f"an hour of this stack would cost {cost:.4g}, over its ceiling of {ceiling:.4g}"

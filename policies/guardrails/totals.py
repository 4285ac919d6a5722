"""Rules about how much: deployment policies, tenants' quotas, and cost. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from policies.guardrails.amounts import NOTHING, ONE_MEMBER, Amounts, size_of
from policies.guardrails.resource import LABEL_CLUSTER, WORKLOADS, Resource, containers, mapping


@dataclass(frozen=True)
class ClusterFacts:
    """What the documents say of a cluster: a member's size, its policy, and an hour's cost of a member."""

    member: Amounts = ONE_MEMBER
    policy: str = ""
    capacity: int | None = None
    """The most members the policy has place for; None: no bound."""
    cost: float | None = None
    least: int = 0
    """The members that it has whatever a quota says."""


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
    tenant_used: Amounts = NOTHING
    unjudged: Mapping[str, str] = field(default_factory=dict)
    """Other applications' stacks of which nothing says what they take, with the reason."""
    helpers: frozenset[str] = frozenset()
    """Workloads that are no members: the application's balancers, and what Altostratus runs beside them."""
    hosts: int = 1
    """The machines of the cloud."""


NOTHING_KNOWN = StackFacts()


@dataclass(frozen=True)
class Members:
    """What a workload asks for: so many Pods, each of `size`; `cluster` is empty where it is none of ours."""

    cluster: str
    count: int
    urn: str
    name: str = ""
    size: Amounts = ONE_MEMBER


def members_of(resources: Iterable[Resource], facts: StackFacts = NOTHING_KNOWN) -> list[Members]:
    """Every workload whose Pods can be counted, beside what runs for the application and is no member.

    Replicas that are not known yet are not counted.
    """
    found = []
    for each in resources:
        if not makes_pods(each) or each.object_name in facts.helpers:
            continue
        name, cluster = each.object_name, each.labels.get(LABEL_CLUSTER)
        if not isinstance(cluster, str):
            # Whatever has a cluster's name is its object, and may change how many it has.
            cluster = name if name in facts.clusters else ""
        count = _pods(each, facts.hosts)
        if isinstance(count, (int, float)):
            found.append(Members(cluster, int(count), each.urn, name, size_of(each)))
    return found


def makes_pods(resource: Resource) -> bool:
    """Whether Pods run because of a resource."""
    return resource.kubernetes and (
        resource.kind in WORKLOADS or next(containers(resource), None) is not None
    )


def _pods(workload: Resource, hosts: int) -> Any:
    spec = mapping(workload.inputs.get("spec"))
    if workload.kind == "PodTemplate":
        return 0  # others make Pods of it
    if workload.kind == "DaemonSet":
        return hosts
    if workload.kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    key = "parallelism" if workload.kind in ("Job", "CronJob") else "replicas"
    count = spec.get(key)
    return (0 if workload.patch else 1) if count is None else count


def over_policy(members: Iterable[Members], facts: StackFacts) -> Iterator[tuple[str, str]]:
    """Clusters over their deployment policy's places, and policies over their quota, as (URN, what).

    The documents' minimums are given over a quota too: no application waits until others give back.
    """
    totals: dict[str, int] = {}
    minimums: dict[str, int] = {}
    for each in members:
        known = facts.clusters.get(each.cluster)
        if known is None or not known.policy:
            continue
        totals[known.policy] = totals.get(known.policy, 0) + each.count
        minimums[known.policy] = minimums.get(known.policy, 0) + min(each.count, known.least)
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
        if quota is not None:
            yield from (("", each) for each in _unjudged(f"the deployment policy {policy}", facts))
        if quota is not None and count > max(quota - others, minimums[policy]):
            yield (
                "",
                (
                    f"the deployment policy {policy} allows {quota} members over all applications, and over "
                    f"that only their minimums; this stack asks for {count} (at least {minimums[policy]}), "
                    f"others have {others}"
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
    if facts.tenant_quota:
        yield from _unjudged(f"tenant {facts.tenant}", facts)
    taken = facts.tenant_used + Amounts(applications=1)
    for each in members:
        known = facts.clusters.get(each.cluster)
        size = known.member if known is not None else each.size
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


def _unjudged(whose: str, facts: StackFacts) -> Iterator[str]:
    for stack, reason in facts.unjudged.items():
        yield (
            f"the quota of {whose} cannot be judged: what {stack} takes of it is not known ({reason}). "
            f"Mend its documents, or remove {stack}"
        )


def over_ceiling(
    members: Iterable[Members], facts: StackFacts, ceiling: float | None, default: float | None = None
) -> Iterator[str]:
    """Whether an hour of the stack costs more than it may, or what it costs cannot be known.

    `default`: the price of a member for an hour where its place tells none.
    """
    if ceiling is None:
        return
    total = 0.0
    for each in members:
        known = facts.clusters.get(each.cluster)
        price = known.cost if known is not None and known.cost is not None else default
        if price is not None:
            total += each.count * price
        elif each.count:
            yield (
                f"there is no price for a member of {each.name}, so the ceiling of {ceiling:.4g} an hour "
                "cannot be kept: say `cost` in every partition it may use (0 where it costs nothing), or "
                '`memberHour` in the configuration: {"cost": {"memberHour": 0.02}}'
            )
    if total > ceiling + 1e-9:
        yield f"an hour of this stack would cost {total:.4g}, over its ceiling of {ceiling:.4g}"

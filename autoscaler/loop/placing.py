"""What documents say about where members and copies go, as far as the loop needs it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.plan import Plan
from blueprints.workspace import Workspace
from policies.placement.documents import problem_of
from policies.placement.overflow import NOWHERE, Overflowing, overflowing
from policies.placement.problem import Demand


@dataclass(frozen=True)
class Placing:
    """`policy`: the application's, where it has one; `clouds` by the network partitions it names; `demands`:
    what each cluster may use, by its id; `entries`: the paths of the clusters that requests come in by;
    `overflowing`: the clusters that may have members in further clouds, and `holds`: how many seconds each
    keeps such a cloud that it does not need; `leads`: the seconds from asking for members in a cloud to their
    serving, where documents say them."""

    policy: ApplicationPolicy | None
    clouds: Mapping[str, str] = field(default_factory=dict)
    demands: Mapping[str, Demand] = field(default_factory=dict)
    entries: frozenset[str] = frozenset()
    overflowing: Overflowing = NOWHERE
    holds: Mapping[str, float] = field(default_factory=dict)
    leads: Mapping[str, float] = field(default_factory=dict)


def placing(workspace: Workspace, plan: Plan, home: str) -> Placing | None:
    """None where no policy says anything about places. Raises DocumentError."""
    name = plan.application.placement
    if name is None and not any(cluster.deployment for cluster in plan.clusters.values()):
        return None
    policy = workspace.get(ApplicationPolicy, name) if name else None
    networks = [network for group in policy.groups for network in group] if policy else []
    demands = {demand.cluster: demand for demand in problem_of(workspace, plan, home=home).demands}
    overflow = overflowing(plan, demands, policy, home)
    return Placing(
        policy,
        {network: workspace.get(NetworkPartition, network).cloud for network in networks},
        demands,
        entries(plan),
        overflow,
        {id: _hold(workspace, plan.clusters[id].deployment) for id in overflow.clusters},
        _leads(workspace),
    )


def _leads(workspace: Workspace) -> dict[str, float]:
    """Of several network partitions of one cloud the longest counts."""
    found: dict[str, float] = {}
    for each in workspace.all(NetworkPartition):
        if each.lead_time is not None:
            found[each.cloud] = max(found.get(each.cloud, 0.0), each.lead_time.seconds)
    return found


def _hold(workspace: Workspace, deployment: str | None) -> float:
    return workspace.get(DeploymentPolicy, deployment).hold.seconds if deployment else 0.0


def entries(plan: Plan) -> frozenset[str]:
    """Behind the application's balancers; without any, what shows itself outside the cluster."""
    balancers = (*plan.balancers, *plan.shared)
    behind = {cluster for balancer in balancers for cluster in balancer.clusters}
    if not behind:
        behind = {
            cluster.id
            for cluster in plan.clusters.values()
            if any(port.exposure != "cluster" for port in cluster.ports)
        }
    return frozenset(plan.clusters[each].path for each in behind if each in plan.clusters)

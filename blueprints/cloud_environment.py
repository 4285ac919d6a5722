"""What network partitions give the members that run in them: environment variables. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.environment import EnvironmentValue
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.plan import Plan, PlannedCluster
from blueprints.workspace import Workspace

Here = Mapping[str, NetworkPartition]
"""The network partitions of one cloud, by name."""


def in_cloud(workspace: Workspace, plan: Plan, cloud: str) -> Plan:
    """The plan with the variables that its members get for running in this cloud.

    They are the weakest: a link's, the cartridge's and the application's of the same name win. They come from
    the network partitions of the cloud that the cluster's deployment policy names, else from those that the
    application's policy names, else from all that there are; the first to name a variable wins.
    Raises DocumentError where a policy is not there.
    """
    here = {each.name: each for each in workspace.all(NetworkPartition) if each.cloud == cloud}
    if not any(network.environment for network in here.values()):
        return plan
    clusters = {id: _surrounded(workspace, plan, each, here) for id, each in plan.clusters.items()}
    return replace(plan, clusters=clusters)


def _surrounded(workspace: Workspace, plan: Plan, cluster: PlannedCluster, here: Here) -> PlannedCluster:
    linked = {received.variable for link in cluster.links for received in link.exports}
    given: dict[str, EnvironmentValue] = {}
    for network in _networks(workspace, plan, cluster, here):
        given = {**network.environment, **given}
    more = {name: value for name, value in given.items() if name not in linked}
    return replace(cluster, environment={**more, **cluster.environment})


def _networks(
    workspace: Workspace, plan: Plan, cluster: PlannedCluster, here: Here
) -> tuple[NetworkPartition, ...]:
    for named in _named(workspace, plan, cluster):
        if found := tuple(here[name] for name in named if name in here):
            return found
    return tuple(here.values())


def _named(workspace: Workspace, plan: Plan, cluster: PlannedCluster) -> Iterator[list[str]]:
    if cluster.deployment is not None:
        policy = workspace.get(DeploymentPolicy, cluster.deployment)
        yield [share.name for share in policy.network_partitions]
    if plan.application.placement is not None:
        groups = workspace.get(ApplicationPolicy, plan.application.placement).groups
        yield [name for group in groups for name in group]

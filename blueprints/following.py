"""A copy whose clusters with data follow those of the application's home. Pure.

Such a copy runs all clusters. Each one with data has its own members, which follow home's and take no
writes; what `${primary}` means leads to home. Once a move has made the copy the application's home its
members stand on their own: they keep what they were told, so that none of them is restarted.
"""

from collections.abc import Mapping
from dataclasses import replace

from blueprints.names import LABEL_LIMIT, shorten
from blueprints.plan import Data, Plan, PlannedCluster, PlannedPort

HOME_SUFFIX = "-home"


def data_clusters(plan: Plan) -> tuple[str, ...]:
    """The ids of the clusters that keep data."""
    return tuple(id for id, cluster in plan.clusters.items() if cluster.persistence)


def unfit(plan: Plan) -> dict[str, str]:
    """Why clusters with data cannot be followed, by id; those that can be are left out."""
    found = {id: _unfit(plan.clusters[id]) for id in data_clusters(plan)}
    return {id: why for id, why in found.items() if why}


def _unfit(cluster: PlannedCluster) -> str:
    if cluster.cartridge.replication is None:
        return f"its cartridge {cluster.cartridge.name} declares no replication"
    if cluster.bounds.max > 1:
        return "it can have several members, each with data of its own"
    if cluster.family != cluster.id:
        return "it is in a group that can have several instances"
    return ""


def following(plan: Plan, data: Data) -> Plan:
    """The plan of a copy whose data follows home's, or once did.

    `remote` gets home's clusters under their `home_id`. Data that follows ends with its copy.
    """
    changed = {each.id: _follower(each, data) for each in _data(plan)}
    homes = {home_id(each.id): _home(each) for each in _data(plan)} if data == "follows" else {}
    return replace(plan, clusters={**plan.clusters, **changed}, remote={**plan.remote, **homes}, data=data)


def let_out(plan: Plan) -> tuple[PlannedCluster, ...]:
    """What a home shows to copies whose data follows its own."""
    found = ((cluster, followed_of(cluster)) for cluster in _data(plan))
    return tuple(replace(cluster, ports=(replace(port, primary=""),)) for cluster, port in found)


def _data(plan: Plan) -> list[PlannedCluster]:
    return [plan.clusters[id] for id in data_clusters(plan)]


def home_id(cluster: str) -> str:
    """What a copy calls home's members of a cluster that it has itself."""
    return f"{cluster}@home"


def followed_of(cluster: PlannedCluster) -> PlannedPort:
    """The port on which a cluster's data is followed. Raises StopIteration where it cannot be."""
    return next(port for port in cluster.ports if port.primary)


def _follower(cluster: PlannedCluster, data: Data) -> PlannedCluster:
    port = home_port(followed_of(cluster))
    kept = cluster.persistence
    if data == "follows":
        kept = tuple(each.model_copy(update={"retain": False, "protect": False}) for each in kept)
    return replace(cluster, follows=f"{port.host}:{port.service_port}", persistence=kept)


def _home(cluster: PlannedCluster) -> PlannedCluster:
    return replace(cluster, ports=(home_port(followed_of(cluster)),))


def home_port(port: PlannedPort) -> PlannedPort:
    """The same port at home, under the name that it has in a copy."""
    service = shorten(f"{port.service}{HOME_SUFFIX}", LABEL_LIMIT)
    host = f"{service}{port.host.removeprefix(port.service)}"
    return replace(port, service=service, host=host, primary="", exposure="cluster", node_port=None)


def followers(plan: Plan) -> Mapping[str, PlannedCluster]:
    """The clusters that follow, or once followed, home's."""
    return {id: cluster for id, cluster in plan.clusters.items() if cluster.follows}

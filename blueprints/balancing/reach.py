"""Which clusters a route can lead to from where its balancer stands, with every instance they may have."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from blueprints.balancing.names import Groups
from blueprints.composition import ComposedCluster, ComposedGroup, ComposedLevel
from blueprints.kinds.ports import Port

HTTP_PROTOCOLS = frozenset({"http", "https", "http2", "grpc", "websocket"})

INSTANCES_LIMIT = 32
"""The most instances of a group that are prepared for before they run."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A cluster below a level: its path from there."""

    path: tuple[str, ...]
    cluster: ComposedCluster


def reach(level: ComposedLevel, path: str) -> Reached | None:
    """The cluster at a path; an alias alone is also found deeper, where only one has it."""
    steps = tuple(path.split("/"))
    found = level.descend(steps)
    if isinstance(found, ComposedCluster):
        return Reached(steps, found)
    if found is None and len(steps) == 1:
        matches = [
            Reached(p, c) for p, c in level.paths() if p[-1] == path and isinstance(c, ComposedCluster)
        ]
        return matches[0] if len(matches) == 1 else None
    return None


def first_http(level: ComposedLevel) -> Reached | None:
    """The first cluster with an http port, in the order of the document; groups come after clusters."""
    for alias, cluster in level.clusters.items():
        if cluster.cartridge is not None and http_port(cluster) is not None:
            return Reached((alias,), cluster)
    for alias, group in level.groups.items():
        found = first_http(group.level)
        if found is not None:
            return Reached((alias, *found.path), found.cluster)
    return None


def http_port(cluster: ComposedCluster) -> Port | None:
    """Its first port that speaks http in any form."""
    ports = cluster.cartridge.all_ports if cluster.cartridge else ()
    return next((port for port in ports if port.protocol in HTTP_PROTOCOLS), None)


def port_of(cluster: ComposedCluster, name: str | None, *, http: bool) -> Port | None:
    """The named port; without a name the first http port, else the first that is not udp."""
    ports = cluster.cartridge.all_ports if cluster.cartridge else ()
    if name is not None:
        return next((port for port in ports if port.name == name), None)
    if http and (found := http_port(cluster)) is not None:
        return found
    return next((port for port in ports if port.carrier == "tcp"), None)


def instances(
    level: ComposedLevel, path: tuple[str, ...], outer: Groups, running: Collection[Groups]
) -> Iterator[Groups]:
    """The groups around every copy that the cluster at a path may have.

    Beyond INSTANCES_LIMIT of a group only those that are running count.
    """
    found: list[Groups] = [outer]
    for alias in path[:-1]:
        group: ComposedGroup = level.groups[alias]
        found = [
            (*groups, (alias, number))
            for groups in found
            for number in range(1, group.instances.max + 1)
            if number <= INSTANCES_LIMIT or (*groups, (alias, number)) in running
        ]
        level = group.level
    yield from found


def level_at(root: ComposedLevel, aliases: tuple[str, ...]) -> ComposedLevel:
    """The level inside groups. Raises KeyError."""
    for alias in aliases:
        root = root.groups[alias].level
    return root

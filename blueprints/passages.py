"""What goes through a link: ports of clusters, under the Services' names that members know. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from blueprints.plan import PlannedCluster, PlannedPort

ALIVE = "alive"
"""The key of the port that says whether a gateway answers; no passage is called so."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One port of a cluster.

    key: what both ends call it, such as `db:mysql`. service: the Service that a link makes, with `port`.
    host: the full host name that the gateway leads to.
    """

    key: str
    service: str
    host: str
    port: int
    port_name: str

    def under(self, service: str) -> "Passage":
        """The same, for a link whose Service has another name."""
        return replace(self, service=service)


def passages(clusters: Iterable[PlannedCluster]) -> tuple[Passage, ...]:
    """Every TCP port of these clusters, and the Service of whoever takes writes where a port has one."""
    return tuple(each for cluster in clusters for port in cluster.ports for each in _of(cluster, port))


def _of(cluster: PlannedCluster, port: PlannedPort) -> Iterator[Passage]:
    if port.transport != "tcp":
        return
    key = f"{cluster.id}:{port.name}"
    yield Passage(key, port.service, port.host, port.service_port, port.name)
    if port.primary:
        yield Passage(f"{key}:primary", port.primary, port.primary_host, port.service_port, port.name)

"""Networks of other clouds that a cloud's hosts join, and where other clouds reach its hosts. Pure."""

from ipaddress import IPv4Address

from components.hosts.config import DockerHosts, MadeHosts
from components.hosts.topology import Topology


def joined_at(first: IPv4Address, index: int) -> str:
    """The address of the host with this index in a network that a cloud joins from `first` on."""
    return str(first + index)


def reach(config: MadeHosts, topology: Topology) -> list[str]:
    """The addresses under which other clouds reach the hosts.

    Those that are told; else those in the joined networks; else the hosts' own.
    """
    if config.reached_at:
        return list(config.reached_at)
    joins = config.joins if isinstance(config, DockerHosts) else {}
    joined = [joined_at(first, index) for first in joins.values() for index in range(len(topology.hosts))]
    return joined or [host.address for host in topology.hosts]

"""Which hosts a cloud has, where they are, and what each one is for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from components.hosts.config import AwsHosts, DockerHosts, MadeHosts

RESOLVER = "169.254.20.10"
"""Address of every host's own resolver: link-local, so the same on all of them."""

CONTROL_PLANE = "control-plane"
ETCD = "etcd"
WORKER = "worker"

DISCOVERY = "discovery"
"""The name of the discovery service's machine among the hosts' names."""

_DISCOVERY_OFFSET = 2
_REGISTRY_OFFSET = 3
_CLOUDS_OWN = 4
"""So many addresses at the start of a range are the cloud's own, where it says so (AWS)."""

_FIRST_HOST_OFFSET = 10
_ETCD_MEMBERS = 3


@dataclass(frozen=True)
class Host:
    """One machine: `roles` holds some of control-plane, etcd and worker, in that order; `pod_cidr` is
    the range of its Pods' addresses."""

    name: str
    address: str
    roles: tuple[str, ...]
    zone: str
    pod_cidr: IPv4Network
    region: str = ""


@dataclass(frozen=True)
class Topology:
    """The hosts of one cloud and the addresses they share.

    `memory_mib` and `millicpus` are each host's limits; 0 means none.
    """

    cloud: str
    hosts: tuple[Host, ...]
    subnet: IPv4Network
    pod_cidr: IPv4Network
    service_cidr: IPv4Network
    memory_mib: int
    millicpus: int
    resolver: str = RESOLVER
    first_service: int = 0
    """So many addresses are passed over before those of the cloud's services."""
    own_registry: bool = True
    """Whether the cloud may have a registry of its own beside its hosts."""
    registries: Mapping[str, str] = field(default_factory=dict)
    """Registries of others, with the authority (PEM) that hosts trust there, by address."""

    @property
    def control_planes(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if CONTROL_PLANE in host.roles)

    @property
    def etcd_members(self) -> tuple[Host, ...]:
        return tuple(host for host in self.hosts if ETCD in host.roles)

    @property
    def etcd_candidates(self) -> tuple[Host, ...]:
        """The hosts that hold etcd now, or would with more hosts. A member that is no longer one still
        has to tell the others, so these keep their access."""
        return self.hosts[:_ETCD_MEMBERS]

    @property
    def gateway(self) -> str:
        return str(self.subnet[1])

    @property
    def discovery_address(self) -> str:
        return str(self.subnet[self.first_service + _DISCOVERY_OFFSET])

    @property
    def discovery_url(self) -> str:
        return f"https://{self.discovery_address}:8087"

    @property
    def registry(self) -> str:
        """Where the registry of its own is (`components.registry`)."""
        return f"{self.subnet[_REGISTRY_OFFSET]}:5000"

    @property
    def api_service_address(self) -> IPv4Address:
        """The address of the `kubernetes` Service: always the first of the service range."""
        return self.service_cidr[1]


def etcd_members_for(hosts: int) -> int:
    """How many of `hosts` machines hold etcd: an odd number, as an even one tolerates no more faults."""
    return _ETCD_MEMBERS if hosts >= _ETCD_MEMBERS else 1


def plan(cloud: str, config: MadeHosts) -> Topology:
    """Lay out the cloud: the first hosts are control planes and etcd members, and all run Pods."""
    members = etcd_members_for(config.hosts)
    hosts = []
    for index in range(config.hosts):
        roles = [WORKER]
        if index < members:
            roles.insert(0, ETCD)
        if index < config.control_planes:
            roles.insert(0, CONTROL_PLANE)
        hosts.append(
            Host(
                name=f"host{index + 1}",
                address=_address(config, index),
                roles=tuple(roles),
                zone=config.zones[index % len(config.zones)] if config.zones else cloud,
                pod_cidr=_pod_range(config.pod_cidr, index),
                region=config.region or "",
            )
        )
    return Topology(
        cloud=cloud,
        hosts=tuple(hosts),
        subnet=config.subnet,
        pod_cidr=config.pod_cidr,
        service_cidr=config.service_cidr,
        memory_mib=config.limits[0],
        millicpus=config.limits[1],
        first_service=_CLOUDS_OWN if isinstance(config, AwsHosts) else 0,
        own_registry=isinstance(config, DockerHosts),
        registries=config.registries,
    )


def _address(config: MadeHosts, index: int) -> str:
    """Hosts come one after another in their zone's part of the subnet."""
    parts = config.zone_ranges
    return str(parts[index % len(parts)][_FIRST_HOST_OFFSET + index // len(parts)])


def _pod_range(pod_cidr: IPv4Network, index: int) -> IPv4Network:
    """The /24 of the host with this index."""
    return IPv4Network((int(pod_cidr.network_address) + index * 256, 24))

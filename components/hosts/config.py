"""The settings of a `hosts-<cloud>` stack: the object `altostratus:hosts`."""

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from toolchain import paths

FIRST_HOST = 10
"""Offset of the first host in the subnet; the addresses below belong to the cloud's services."""

_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_POD_BITS_PER_HOST = 24
_NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"
_REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
_AMI = r"^ami-[0-9a-f]{8,17}$"
_MACHINE_TYPE = r"^[a-z0-9-]+\.[a-z0-9-]+$"
_XEN = re.compile(
    r"(c1|c3|c4|cc1|cc2|cg1|cr1|d2|f1|g2|g3|g3s|h1|hi1|hs1|i2|i3|m1|m2|m3|m4|p2|p3|r3|r4|t1|t2|x1|x1e)"
    r"\.(?!metal$)"
)
"""AWS' families from before Nitro (its list of them is closed); metal is Nitro throughout."""
_ADDRESS = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$"
_REACHED = r"^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"
_REGISTRY = r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$"
_DOCKER_NETWORK = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"

_MEANINGS = {
    _REGION: "write a region such as eu-central-1",
    _AMI: "write the id of a machine image such as ami-0123456789abcdef0",
    _MACHINE_TYPE: "write a machine type such as m6i.large",
    _ADDRESS: "write an IPv4 address such as 9.9.9.9",
    _REGISTRY: "write a registry's address such as registry.example.org:5000",
    _REACHED: "write an IPv4 address or a host name",
    _DOCKER_NETWORK: "write the name of a Docker network such as alto-local",
}


class HostsConfigError(ValueError):
    """The settings cannot be used; `problems` has one sentence for each fault."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "The settings `altostratus:hosts` of this stack are not right:\n"
            + "\n".join(f"  - {problem}" for problem in problems)
        )


def _network(value: Any) -> IPv4Network:
    if isinstance(value, IPv4Network):
        return value
    if not isinstance(value, str) or "/" not in value:
        raise ValueError("write an IPv4 range such as 10.88.0.0/24")
    try:
        return IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{error}; write an IPv4 range such as 10.88.0.0/24") from None


def _address(value: Any) -> IPv4Address:
    if isinstance(value, IPv4Address):
        return value
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("write an IPv4 address such as 10.88.0.200") from None


def _memory(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]*)(Mi|Gi)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write an amount with its unit, such as 4Gi or 3072Mi")
    mebibytes = int(match[1]) * (1024 if match[2] == "Gi" else 1)
    if mebibytes < 1024:
        raise ValueError("a host needs at least 1Gi")
    return mebibytes


def _authority(value: Any) -> str:
    try:
        text = (paths.root() / value).read_text("utf-8") if isinstance(value, str) else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    if "BEGIN CERTIFICATE" not in text:
        raise ValueError("write the path of a file that holds the authority's certificate (PEM)")
    return text


Network = Annotated[IPv4Network, BeforeValidator(_network)]
Address = Annotated[IPv4Address, BeforeValidator(_address)]
Reached = Annotated[str, Field(pattern=_REACHED)]
Registry = Annotated[str, Field(pattern=_REGISTRY)]
Authority = Annotated[str, BeforeValidator(_authority)]


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class MadeHosts(_Settings):
    """Hosts that a driver makes.

    Zones are given to the hosts in turn, the region to all: their labels topology.kubernetes.io/zone and
    region, which NetworkPartitions name. Left out, the cloud's name is the only zone. `reached_at`: where
    other clouds reach the ports of Services; left out, the hosts' own addresses.

    `registries`: registries of others that hosts trust by an authority of their own, by address (host:port,
    or host); written as the path of its certificate (PEM) from the project's folder, read as its text.
    """

    hosts: Annotated[int, Field(ge=1, le=100)] = 3
    control_planes: Literal[1, 3] = 1
    subnet: Network = IPv4Network("10.88.0.0/24")
    pod_cidr: Network = IPv4Network("10.244.0.0/16")
    service_cidr: Network = IPv4Network("10.96.0.0/16")
    zones: tuple[Annotated[str, Field(pattern=_NAME)], ...] = Field(default=(), strict=False)
    region: Annotated[str, Field(pattern=_NAME)] | None = None
    reached_at: tuple[Reached, ...] = Field(default=(), strict=False)
    registries: dict[Registry, Authority] = Field(default_factory=dict)

    @property
    def limits(self) -> tuple[int, int]:
        """The memory (MiB) and processors (thousandths) of each host; 0: all that its machine has."""
        return 0, 0

    @property
    def zone_ranges(self) -> tuple[IPv4Network, ...]:
        """The part of the subnet that each zone has; one for all where subnets span zones."""
        return (self.subnet,)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = []
        if self.control_planes > self.hosts:
            problems.append(f"controlPlanes is {self.control_planes}, but there are only {self.hosts} hosts")
        each = -(-self.hosts // len(self.zone_ranges))
        # The first addresses are the cloud's own, the last one is the broadcast address.
        if self.zone_ranges[0].num_addresses <= FIRST_HOST + each:
            problems.append(
                f"subnet {self.subnet} is too small for {self.hosts} hosts (they start at .{FIRST_HOST})"
            )
        if (
            self.pod_cidr.prefixlen > _POD_BITS_PER_HOST
            or 2 ** (_POD_BITS_PER_HOST - self.pod_cidr.prefixlen) < self.hosts
        ):
            problems.append(f"podCidr {self.pod_cidr} is too small: every host takes a /24 of it")
        if not 12 <= self.service_cidr.prefixlen <= 28:
            problems.append(f"serviceCidr {self.service_cidr} must be between a /12 and a /28")
        ranges = {
            "subnet": self.subnet,
            "podCidr": self.pod_cidr,
            "serviceCidr": self.service_cidr,
            "the link-local range": _LINK_LOCAL,
        }
        names = list(ranges)
        for index, first in enumerate(names):
            for second in names[index + 1 :]:
                if ranges[first].overlaps(ranges[second]):
                    problems.append(f"{first} {ranges[first]} overlaps {second} {ranges[second]}")
        if problems:
            raise HostsConfigError(problems)
        return self


class DockerHosts(MadeHosts):
    """Hosts that are containers on this machine's Docker engine.

    `memory_mib` (0: no limit) is written as `memory: 4Gi`; `cpus` is a number of processors.
    `joins`: further Docker networks that hosts are on, by name, with the address of the first host there;
    the next host has the next one. So clouds on one engine reach each other.
    """

    driver: Literal["docker"] = "docker"
    memory_mib: Annotated[int, BeforeValidator(_memory), Field(alias="memory")] = 0
    cpus: Annotated[float, Field(gt=0, le=1024, strict=False)] | None = None
    privileged: bool | None = None
    """None: asked of the machine at the first use of its engine."""
    joins: dict[Annotated[str, Field(pattern=_DOCKER_NETWORK)], Address] = Field(default_factory=dict)

    @property
    def millicpus(self) -> int:
        return 0 if self.cpus is None else round(self.cpus * 1000)

    @property
    def limits(self) -> tuple[int, int]:
        return self.memory_mib, self.millicpus

    @model_validator(mode="after")
    def _joins_others(self) -> Self:
        problems = [
            f"joins.{name} begins at {first}, which is in the hosts' own {self.subnet}: name another network"
            for name, first in self.joins.items()
            if first in self.subnet
        ]
        if problems:
            raise HostsConfigError(problems)
        return self


class CloudHosts(MadeHosts):
    """Hosts that are machines of a cloud.

    `image`: the machine image, with all that `toolchain/images/host` and `discovery` put into theirs.
    `disk_gib`: the disk under /var, which outlives its machine. `admin_cidrs` reach the API server, SSH and
    discovery: who updates the stack comes from there. `public_cidrs` reach the ports of Services, which are
    open to nobody unless it is given.
    """

    image: Annotated[str, Field(min_length=1)]
    key_pair: str | None = None
    disk_gib: Annotated[int, Field(ge=8, le=16384)] = 40
    admin_cidrs: tuple[Network, ...] = Field(default=(), strict=False)
    public_cidrs: tuple[Network, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Self:
        if not self.admin_cidrs:
            raise HostsConfigError(
                [
                    "adminCidrs names nobody, so not even the update that makes the hosts would reach them: "
                    "write the ranges that you come from, such as [203.0.113.7/32]"
                ]
            )
        return self


class OpenStackHosts(CloudHosts):
    """Hosts in an OpenStack, reached as `OS_*` variables or `clouds.yaml` say.

    `image`: its name or id; `flavor`: the size of a host; `external_network`: the name of the network that
    routers and floating addresses come from; `volume_type`: the type of the disks under /var, such as one
    that encrypts; `volume_zone`: the block storage's zone for them, left out, each is in its host's.
    """

    driver: Literal["openstack"]
    flavor: Annotated[str, Field(min_length=1)]
    external_network: Annotated[str, Field(min_length=1)]
    region: str | None = None
    volume_type: Annotated[str, Field(min_length=1)] | None = None
    volume_zone: Annotated[str, Field(min_length=1)] | None = None
    dns_servers: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field(default=(), strict=False)


class AwsHosts(CloudHosts):
    """Hosts in an AWS region, reached with the usual AWS credentials.

    `image`: the id of an AMI; `machine_type`: such as m6i.large; `zones`: availability zones, each of which
    gets an equal part of `subnet`.
    """

    driver: Literal["aws"]
    region: Annotated[str, Field(pattern=_REGION)]
    image: Annotated[str, Field(pattern=_AMI)]
    machine_type: Annotated[str, Field(pattern=_MACHINE_TYPE)] = "m6i.large"
    zones: tuple[Annotated[str, Field(pattern=_NAME)], ...] = Field(min_length=1, strict=False)

    @property
    def zone_ranges(self) -> tuple[IPv4Network, ...]:
        bits = (len(self.zones) - 1).bit_length()
        # AWS has no subnets smaller than a /28.
        parts = self.subnet.subnets(prefixlen_diff=min(bits, max(28 - self.subnet.prefixlen, 0)))
        return tuple(parts)[: len(self.zones)]

    @model_validator(mode="after")
    def _within_aws(self) -> Self:
        if not 16 <= self.subnet.prefixlen <= 28:
            raise HostsConfigError([f"subnet {self.subnet} must be between a /16 and a /28, as AWS wants it"])
        if len(self.zone_ranges) < len(self.zones):
            raise HostsConfigError([f"subnet {self.subnet} is too small for {len(self.zones)} zones"])
        if _XEN.match(self.machine_type):
            raise HostsConfigError(
                [
                    f"machineType {self.machine_type} is from before Nitro, and its disks have other names "
                    "than hosts look for; write a newer one such as m6i.large or t3.large"
                ]
            )
        if wrong := [zone for zone in self.zones if not zone.startswith(self.region)]:
            raise HostsConfigError([f"zones {', '.join(wrong)} are not in region {self.region}"])
        return self


class ExistingCluster(_Settings):
    """A cluster made by others: registered by its kubeconfig, and checked.

    `kubeconfig` is a path; without it the secret setting `altostratus:kubeconfig` is used. `reached_at`:
    where other clouds reach the ports of Services; left out, its nodes' addresses.
    """

    driver: Literal["existing"]
    kubeconfig: str | None = None
    context: str | None = None
    storage_class: str | None = None
    reached_at: tuple[Reached, ...] = Field(default=(), strict=False)


AnyHosts = DockerHosts | OpenStackHosts | AwsHosts | ExistingCluster
_ADAPTER: TypeAdapter[AnyHosts] = TypeAdapter(Annotated[AnyHosts, Field(discriminator="driver")])
_DRIVERS = ("docker", "openstack", "aws", "existing")


def load_hosts_config(value: Any) -> AnyHosts:
    """Check the object under `altostratus:hosts`; a missing `driver` means `docker`.

    Raises HostsConfigError with every fault found.
    """
    if not isinstance(value, dict):
        raise HostsConfigError(["write an object, such as {driver: docker, hosts: 3, subnet: 10.88.0.0/24}"])
    try:
        return _ADAPTER.validate_python({"driver": "docker", **value})
    except HostsConfigError:
        raise
    except ValidationError as error:
        raise HostsConfigError([_in_words(fault) for fault in error.errors()]) from None


def _in_words(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"] if part not in (*_DRIVERS, "[key]"))
    kind = fault["type"]
    if kind == "extra_forbidden":
        return f"{where} is not a setting of hosts; check its spelling"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"driver must be {', '.join(_DRIVERS[:-1])} or existing, not {fault['input'].get('driver')!r}"
    if kind == "string_pattern_mismatch" and fault["ctx"]["pattern"] in _MEANINGS:
        return f"{where} is {fault['input']!r}; {_MEANINGS[fault['ctx']['pattern']]}"
    if kind == "too_short":
        return f"{where} is empty; name at least one"
    if kind == "missing":
        return f"{where} is missing, which this driver needs"
    if kind == "value_error":
        inner = fault["ctx"]["error"]
        if isinstance(inner, HostsConfigError):
            return "; ".join(inner.problems)
        return f"{where} is {fault['input']!r}: {inner}"
    return f"{where} is {fault['input']!r}: {fault['msg'].lower()}"

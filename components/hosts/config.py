"""The settings of a `hosts-<cloud>` stack: the object `altostratus:hosts`."""

import re
from ipaddress import IPv4Network
from typing import Annotated, Any, Literal

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

FIRST_HOST = 10
"""Offset of the first host in the subnet; the addresses below belong to the cloud's services."""

_LINK_LOCAL = IPv4Network("169.254.0.0/16")
_POD_BITS_PER_HOST = 24
_NAME = r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"


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


def _memory(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]*)(Mi|Gi)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write an amount with its unit, such as 4Gi or 3072Mi")
    mebibytes = int(match[1]) * (1024 if match[2] == "Gi" else 1)
    if mebibytes < 1024:
        raise ValueError("a host needs at least 1Gi")
    return mebibytes


Network = Annotated[IPv4Network, BeforeValidator(_network)]


class _Settings(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )


class DockerHosts(_Settings):
    """Hosts that are containers on this machine's Docker engine.

    `memory_mib` (0: no limit) is written as `memory: 4Gi`; `cpus` is a number of processors.
    Zones are given to the hosts in turn.
    """

    driver: Literal["docker"] = "docker"
    hosts: Annotated[int, Field(ge=1, le=100)] = 3
    control_planes: Literal[1, 3] = 1
    subnet: Network = IPv4Network("10.88.0.0/24")
    pod_cidr: Network = IPv4Network("10.244.0.0/16")
    service_cidr: Network = IPv4Network("10.96.0.0/16")
    memory_mib: Annotated[int, BeforeValidator(_memory), Field(alias="memory")] = 0
    cpus: Annotated[float, Field(gt=0, le=1024, strict=False)] | None = None
    zones: tuple[Annotated[str, Field(pattern=_NAME)], ...] = Field(default=(), strict=False)
    privileged: bool | None = None
    """None: asked of the machine at the first use of its engine."""

    @property
    def millicpus(self) -> int:
        return 0 if self.cpus is None else round(self.cpus * 1000)

    @model_validator(mode="after")
    def _fits(self) -> "DockerHosts":
        problems = []
        if self.control_planes > self.hosts:
            problems.append(f"controlPlanes is {self.control_planes}, but there are only {self.hosts} hosts")
        if self.subnet.num_addresses <= FIRST_HOST + self.hosts:
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


class ExistingCluster(_Settings):
    """A cluster made by others: registered by its kubeconfig, and checked.

    `kubeconfig` is a path; without it the secret setting `altostratus:kubeconfig` is used.
    """

    driver: Literal["existing"]
    kubeconfig: str | None = None
    context: str | None = None
    storage_class: str | None = None


HostsConfig = Annotated[DockerHosts | ExistingCluster, Field(discriminator="driver")]
_ADAPTER: TypeAdapter[DockerHosts | ExistingCluster] = TypeAdapter(HostsConfig)


def load_hosts_config(value: Any) -> DockerHosts | ExistingCluster:
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
    where = ".".join(str(part) for part in fault["loc"] if part not in ("docker", "existing"))
    kind = fault["type"]
    if kind == "extra_forbidden":
        return f"{where} is not a setting of hosts; check its spelling"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"driver must be docker or existing, not {fault['input'].get('driver')!r}"
    if kind == "value_error":
        inner = fault["ctx"]["error"]
        if isinstance(inner, HostsConfigError):
            return "; ".join(inner.problems)
        return f"{where} is {fault['input']!r}: {inner}"
    return f"{where} is {fault['input']!r}: {fault['msg'].lower()}"

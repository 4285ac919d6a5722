"""The HostCluster document: machines with etcd, flannel, containerd and Kubernetes."""

import ipaddress
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from blueprints.model import Document, Model, fault
from blueprints.quantities import Cpu, Memory


class PortRange(Model):
    """Ports of hosts that Services may take."""

    lower: int = Field(default=30000, ge=1, le=65535)
    """The first."""
    upper: int = Field(default=32767, ge=1, le=65535)
    """The last."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower > self.upper:
            raise fault("ALT1112", f"lower {self.lower} is over upper {self.upper}", at=("lower",))
        return self


class ExistingCluster(Model):
    """A Kubernetes cluster that is registered, not made."""

    kubeconfig: str | None = None
    """The kubeconfig's path; left out, it is given by `alto cloud register`."""
    context: str | None = None
    """The context in it; left out, its current one."""
    endpoint: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    """The address of its API server, for the record."""


class HostCluster(Document):
    """A cloud: where host clusters live and how large they are."""

    KIND: ClassVar[str] = "HostCluster"

    driver: Literal["docker", "openstack", "aws", "existing"]
    """What makes the machines; existing registers a cluster that is there."""
    hosts: int = Field(default=3, ge=1, le=500)
    """How many machines."""
    control_planes: Literal[1, 3, 5] = 1
    """How many of them are control planes."""
    subnet: str | None = None
    """The network of the machines, such as 10.88.0.0/24; left out, a free one."""
    pod_cidr: str = "10.244.0.0/16"
    """The network of members."""
    service_cidr: str = "10.96.0.0/16"
    """The network of Services."""
    cpus: Cpu | None = None
    """Processors of each machine."""
    memory: Memory | None = None
    """Memory of each machine."""
    machine_type: str | None = Field(default=None, max_length=128)
    """The cloud's own name for the size of a machine."""
    region: str | None = Field(default=None, max_length=63)
    """The cloud's region."""
    image: str | None = Field(default=None, max_length=512)
    """The machines' image; left out, the pinned one of the driver."""
    key_pair: str | None = Field(default=None, max_length=255)
    """The cloud's key pair for emergency access."""
    node_ports: PortRange = PortRange()
    """Ports of hosts that Services may take."""
    existing: ExistingCluster | None = None
    """The cluster to register, for driver existing."""

    @field_validator("subnet", "pod_cidr", "service_cidr")
    @classmethod
    def _network(cls, text: str | None) -> str | None:
        if text is not None:
            try:
                ipaddress.ip_network(text)
            except ValueError:
                raise fault(
                    "ALT1113",
                    f"{text!r} is not a network",
                    hint="Write an address with host bits zero and a prefix, such as 10.88.0.0/24.",
                ) from None
        return text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.control_planes > self.hosts:
            raise fault(
                "ALT1112", f"{self.control_planes} control planes on {self.hosts} hosts are too many",
                at=("controlPlanes",),
            )  # fmt: skip
        if self.existing is not None and self.driver != "existing":
            raise fault("ALT1111", "existing goes with driver: existing only", at=("existing",))
        networks = [
            (field, ipaddress.ip_network(text))
            for field, text in (
                ("subnet", self.subnet),
                ("podCidr", self.pod_cidr),
                ("serviceCidr", self.service_cidr),
            )
            if text
        ]
        for index, (field, network) in enumerate(networks):
            for other, earlier in networks[:index]:
                if network.overlaps(earlier):
                    raise fault("ALT1113", f"{field} {network} overlaps {other} {earlier}", at=(field,))
        return self

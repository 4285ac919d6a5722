"""The DeploymentPolicy document: where the members of a cluster go."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from blueprints.kinds.cartridge_use import UNBOUNDED
from blueprints.model import Document, Items, Model, fault
from blueprints.names import AliasPath, ResourceName
from blueprints.quantities import Duration
from blueprints.rules import unique


class PartitionShare(Model):
    """How much of one partition may be used."""

    name: ResourceName
    """A partition of the network partition."""
    max: int = Field(ge=1, le=UNBOUNDED)
    """The most members of one cluster in it."""
    min: int = Field(default=0, ge=0, le=UNBOUNDED)
    """The fewest members of one cluster in it, as far as it has that many."""
    weight: int = Field(default=1, ge=1, le=1000)
    """Its share under order weighted."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise fault("ALT1112", f"min {self.min} is over max {self.max}", at=("min",))
        return self


class NetworkPartitionShare(Model):
    """How a network partition is filled."""

    name: ResourceName
    """The NetworkPartition document."""
    order: Literal["one-after-another", "round-robin", "weighted"] = "one-after-another"
    """Fill one partition after another, all evenly, or all by weight."""
    partitions: Items[PartitionShare] = Field(min_length=1)
    """The partitions, in order."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("partitions", self.partitions)
        return self

    @property
    def capacity(self) -> int:
        """The most members of one cluster in it."""
        return sum(p.max for p in self.partitions)


class Quota(Model):
    """A bound over all applications that use this policy."""

    members: int = Field(ge=1, le=1_000_000)
    """The most members of all their clusters together."""


class DeploymentPolicy(Document):
    """Which network partitions and partitions members go to, in what order, and how many."""

    KIND: ClassVar[str] = "DeploymentPolicy"

    network_partitions: Items[NetworkPartitionShare] = Field(min_length=1)
    """The network partitions, in order; overflow goes to the next one."""
    quota: Quota | None = None
    """A bound over all applications that use this policy."""
    spread: Literal["none", "hosts", "zones"] = "hosts"
    """What members are kept apart by, where there is room."""
    near: Items[AliasPath] = ()
    """Clusters to be close to, for the sake of their data."""
    prefer_cheap: bool = False
    """Whether cost decides between partitions that are otherwise equal."""
    hold: Duration = Duration("10m")
    """How long a further cloud must not be needed before the members' stack there goes."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("networkPartitions", self.network_partitions)
        return self

    @property
    def capacity(self) -> int:
        """The most members of one cluster in one copy."""
        return sum(n.capacity for n in self.network_partitions)

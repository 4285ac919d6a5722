"""The NetworkPartition document: a cloud, and the zones in it."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from blueprints.kinds.environment import Environment, ExportReference
from blueprints.kinds.replication import REPLICATE_FROM
from blueprints.model import Document, Items, Model, fault
from blueprints.names import ResourceName
from blueprints.quantities import Duration
from blueprints.rules import unique


class Partition(Model):
    """A zone of a cloud."""

    name: ResourceName
    """The name deployment policies refer to."""
    description: str | None = None
    """What it is."""
    zone: str | None = Field(default=None, max_length=63)
    """The zone, as in the hosts' label topology.kubernetes.io/zone."""
    region: str | None = Field(default=None, max_length=63)
    """The region, as in the hosts' label topology.kubernetes.io/region."""
    node_labels: dict[str, str] = Field(default_factory=dict, max_length=32)
    """Labels a host must have to belong to it; left out with zone and region, every host does."""
    cost: Annotated[float, Field(ge=0, le=1e6)] | None = None
    """The cost of a member for an hour, in any one currency; left out, it counts as the dearest."""


class NetworkPartition(Document):
    """A cloud as a place for members."""

    KIND: ClassVar[str] = "NetworkPartition"

    cloud: ResourceName
    """The cloud: the name of a HostCluster, or of a registered kubeconfig."""
    partitions: Items[Partition] = Field(min_length=1)
    """Its zones."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables of every member in it, under those that the cartridge and the application set."""
    lead_time: Duration | None = None
    """From asking for members here to their serving; left out, it is measured. Of several network partitions
    of one cloud the longest counts."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("partitions", self.partitions)
        return self

    @model_validator(mode="after")
    def _belongs_to_nobody(self) -> Self:
        """Its variables are every member's, whatever the cartridge."""
        for name, value in self.environment.items():
            if isinstance(value, ExportReference):
                raise fault(
                    "ALT1111",
                    "an export is a cluster's, and a network partition has none",
                    at=("environment", name, "export"),
                    hint="Write the text itself, or set the variable on the clusters that need it.",
                )
            if name == REPLICATE_FROM:
                raise fault("ALT1111", f"{name} is given by the platform", at=("environment", name))
        return self

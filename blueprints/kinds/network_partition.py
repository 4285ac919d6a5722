"""The NetworkPartition document: a cloud, and the zones in it."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from blueprints.kinds.environment import Environment
from blueprints.model import Document, Items, Model
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
    """The cost of a member for an hour, in any one currency."""


class NetworkPartition(Document):
    """A cloud as a place for members."""

    KIND: ClassVar[str] = "NetworkPartition"

    cloud: ResourceName
    """The cloud: the name of a HostCluster, or of a registered kubeconfig."""
    partitions: Items[Partition] = Field(min_length=1)
    """Its zones."""
    environment: Environment = Field(default_factory=dict)
    """Environment variables of every member in it."""
    load_balancer_addresses: Items[str] = ()
    """Addresses of load balancers that stand in front of it already."""
    lead_time: Duration | None = None
    """From asking for a copy here to its serving; left out, it is measured."""

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        unique("partitions", self.partitions)
        return self

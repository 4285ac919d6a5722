"""The interface of a driver: what it can do, its configuration, and how it comes to run.

docs/load-balancer-drivers.md is the guide.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pulumi

from blueprints.balancing.capabilities import Capabilities
from blueprints.balancing.model import Balancer


@dataclass(frozen=True)
class Facts:
    """What a configuration needs to know besides the balancer's model. Plain values only."""

    cloud: str
    replicas: int
    public_ports: Mapping[str, int]
    """The port that clients know each listener by, such as its port on every host."""
    certificates: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By https listener: folders of its certificates; the first serves all names that no other is for."""
    listen: str = ""
    """The IPv4 address that listeners bind to; empty for all."""


@dataclass(frozen=True)
class Site:
    """Where a balancer is made. `secret` looks up a secret of the stack by (name, who wants it)."""

    cloud: str
    namespace: pulumi.Input[str]
    node_addresses: pulumi.Input[Sequence[str]]
    images: Mapping[str, pulumi.Input[str]]
    """Images of the cloud's platform by key."""
    secret: Callable[[str, str], pulumi.Output[str]]
    members: int
    """How many members it stands in front of now."""


@dataclass(frozen=True)
class Made:
    """What a driver made: where clients come in."""

    addresses: pulumi.Output[list[str]]
    """Addresses, or names, that lead to it."""
    ports: Mapping[str, pulumi.Output[int]]
    """The port of each listener at these addresses."""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """More that people and programs want to know, such as where its state is told."""


class Driver(Protocol):
    """Turns balancers into something that runs. One object serves any number of balancers."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do; asked for more, a document is refused before anything is made."""

    def configuration(self, balancer: Balancer, facts: Facts) -> Mapping[str, str]:
        """Its configuration as files by name. Pure: equal models give equal text."""

    def create(self, balancer: Balancer, site: Site, parent: pulumi.Resource) -> Made:
        """Register the resources of a balancer as children of `parent`."""

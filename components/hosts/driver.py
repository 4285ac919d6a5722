"""What a driver does: it makes machines that boot an Ignition config.

Everything above it (roles, files, certificates, joining) is the same for all drivers.
"""

from dataclasses import dataclass
from typing import Protocol

import pulumi

from components.hosts.topology import Host


@dataclass(frozen=True)
class Machine:
    """A machine that exists. Made anew it has another `id`, but keeps its `name` and its disk."""

    name: pulumi.Output[str]
    id: pulumi.Output[str]
    resource: pulumi.Resource


class HostDriver(Protocol):
    """Makes machines. `name` is what the Node resource is told, so that it can reach them."""

    name: str

    def discovery(self, certificate: pulumi.Input[str], private_key: pulumi.Input[str]) -> Machine:
        """The machine of the etcd discovery service, with its certificate and key (PEM)."""
        ...

    def host(self, host: Host, ignition: pulumi.Input[str]) -> Machine:
        """A host that is provisioned with `ignition` (JSON, spec 3.3.0) at its first boot.

        A later change of `ignition` does not touch a machine that is there.
        """
        ...

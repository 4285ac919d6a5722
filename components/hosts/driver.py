"""What a driver does: it makes machines that boot an Ignition config.

Everything above it (roles, files, certificates, joining) is the same for all drivers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pulumi

from components.hosts.topology import Host


@dataclass(frozen=True)
class Machine:
    """A machine that exists. Made anew it has another `id`, but keeps its `name` and its disk."""

    name: pulumi.Output[str]
    id: pulumi.Output[str]
    resource: pulumi.Resource


@dataclass(frozen=True)
class Surroundings:
    """What a driver adds to a host's provisioning, as far as it knows it only once other things are made.

    `files`: text by path, private to root. `disk`: the device that becomes /var and outlives its machine.
    """

    files: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    disk: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class Access:
    """How a machine is reached to run programs on it: a private key, and the host key it shows (OpenSSH)."""

    private_key: pulumi.Output[str]
    host_key: pulumi.Output[str]


class HostDriver(Protocol):
    """Makes machines. `name` is what the Node resource is told, so that it can reach them.

    `network_name`: what its network is called. `public`: the addresses under which machines are reached from
    outside it, by name (hosts, and `DISCOVERY`); they are known before the machines are, and stay when one is
    made anew. Empty, and `access` None, where the workstation reaches machines as they are. `endpoint`: the
    name of a balancer before all API servers, where there is one.
    """

    name: str
    network_name: pulumi.Output[str]
    public: Mapping[str, pulumi.Output[str]]
    endpoint: pulumi.Output[str] | None
    access: Access | None

    def discovery(self, certificate: pulumi.Input[str], private_key: pulumi.Input[str]) -> Machine:
        """The machine of the etcd discovery service, with its certificate and key (PEM)."""
        ...

    def host(self, host: Host, ignition: pulumi.Input[str]) -> Machine:
        """A host that is provisioned with `ignition` (JSON, spec 3.3.0) at its first boot.

        A later change of `ignition` does not touch a machine that is there.
        """
        ...

    def surroundings(self, host: Host) -> Surroundings | None:
        """What the host needs beside what every host has; called before `host`."""
        ...

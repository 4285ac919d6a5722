"""The Ignition config of the discovery service's machine."""

from collections.abc import Mapping

import pulumi

from components.hosts.discovery_machine import discovery_document
from components.hosts.ignition import ButaneError, ignition_config
from components.hosts.topology import Topology
from toolchain import install


def discovery_ignition(
    topology: Topology,
    certificate: pulumi.Input[str],
    private_key: pulumi.Input[str],
    files: Mapping[str, pulumi.Input[str]],
) -> pulumi.Output[str]:
    """The config (JSON), a secret, once everything in it is known."""
    tools = install.ensure(["butane", "ignition-validate"])

    def render(known: list[object]) -> str:
        document = discovery_document(topology, str(known[0]), str(known[1]), dict(known[2]))  # type: ignore[call-overload]
        try:
            return ignition_config(document, tools["butane"], tools["ignition-validate"])
        except ButaneError as error:
            raise pulumi.RunError(f"discovery: {error}") from error

    return pulumi.Output.secret(pulumi.Output.all(certificate, private_key, dict(files)).apply(render))

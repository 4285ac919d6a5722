"""The address ranges of a cloud and the places of its machines, as a Pulumi resource that keeps them."""

import pulumi

from components.hosts.config import AwsHosts, CloudHosts, MadeHosts
from components.hosts.provided import ProvidedResource
from components.hosts.topology import Topology


class Ranges(ProvidedResource):
    """What stays for a cloud's life. What has addresses of it depends on it, and so is not touched either."""

    def __init__(
        self,
        resource_name: str,
        topology: Topology,
        config: MadeHosts,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(
            "altostratus:hosts:Ranges",
            resource_name,
            {
                "subnet": str(topology.subnet),
                "podCidr": str(topology.pod_cidr),
                "serviceCidr": str(topology.service_cidr),
                "places": places(topology, config) or None,
            },
            opts,
        )


def places(topology: Topology, config: MadeHosts) -> dict[str, str]:
    """Where a cloud's machines are, and its zones' subnets; none for containers, which a zone only labels."""
    if not isinstance(config, CloudHosts):
        return {}
    found = {
        host.name: f"{host.address} in {host.zone}" + (f" of {host.region}" if host.region else "")
        for host in topology.hosts
    }
    if isinstance(config, AwsHosts):
        ranges = zip(config.zones, config.zone_ranges, strict=True)
        found |= {f"zone {zone}": str(cidr) for zone, cidr in ranges}
    return found

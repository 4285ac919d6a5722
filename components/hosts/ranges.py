"""The address ranges of a cloud, as a Pulumi resource that refuses to change them."""

import pulumi

from components.hosts.provided import ProvidedResource
from components.hosts.topology import Topology


class Ranges(ProvidedResource):
    """What stays for a cloud's life. What has addresses of it depends on it, and so is not touched either."""

    def __init__(
        self, resource_name: str, topology: Topology, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(
            "altostratus:hosts:Ranges",
            resource_name,
            {
                "subnet": str(topology.subnet),
                "podCidr": str(topology.pod_cidr),
                "serviceCidr": str(topology.service_cidr),
            },
            opts,
        )

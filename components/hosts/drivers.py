"""Which driver makes a cloud's hosts."""

import pulumi

from components.hosts.config import AwsHosts, DockerHosts, MadeHosts, OpenStackHosts
from components.hosts.docker_driver import DockerDriver
from components.hosts.driver import HostDriver
from components.hosts.ranges import Ranges
from components.hosts.topology import Topology


def driver_for(topology: Topology, config: MadeHosts, ranges: Ranges, parent: pulumi.Resource) -> HostDriver:
    """The driver of a cloud. Drivers of clouds far away are imported when one is asked for: their SDKs are
    large."""
    if isinstance(config, OpenStackHosts):
        from components.hosts.openstack_driver import OpenStackDriver

        return OpenStackDriver(topology, config, ranges, parent)
    if isinstance(config, AwsHosts):
        from components.hosts.aws_driver import AwsDriver

        return AwsDriver(topology, config, ranges, parent)
    if isinstance(config, DockerHosts):
        return DockerDriver(topology, config, ranges, parent)
    raise TypeError(f"no driver makes {type(config).__name__}")

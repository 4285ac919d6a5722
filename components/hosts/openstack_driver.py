"""Hosts as servers of an OpenStack: a network of their own, fixed addresses, disks that outlive them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pulumi

from components.hosts.cloud_access import CloudAccess
from components.hosts.config import OpenStackHosts
from components.hosts.driver import Access, Machine, Surroundings
from components.hosts.reach import rules
from components.hosts.topology import DISCOVERY, Host, Topology
from components.hosts.user_data import TooLarge, inline, nova_limit

if TYPE_CHECKING:
    import pulumi_openstack as openstack

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DISK_ID = 20
"""The guest sees so many characters of a volume's id in its disk's serial number."""
_DHCP_ADDRESSES = 4


class OpenStackDriver:
    """A network with a router, a security group, and for each host a port, a volume and a server.

    Each machine has a floating address, and so each API server. The SDK is imported here only: most clouds
    are no OpenStack.
    """

    name = "openstack"

    def __init__(
        self, topology: Topology, config: OpenStackHosts, after: pulumi.Resource, parent: pulumi.Resource
    ) -> None:
        import pulumi_openstack

        self._sdk = pulumi_openstack
        self._topology = topology
        self._config = config
        self._prefix = f"alto-{topology.cloud}"
        provider = pulumi_openstack.Provider(
            f"{topology.cloud}-openstack",
            region=config.region,
            opts=pulumi.ResourceOptions(parent=parent, depends_on=[after]),
        )
        # Names are free to repeat in OpenStack, but addresses are not.
        self._options = pulumi.ResourceOptions(parent=parent, provider=provider, delete_before_replace=True)
        self._keys = CloudAccess(topology.cloud, parent)
        self.access: Access | None = self._keys.access
        self._network = self._sdk.networking.Network(
            f"{topology.cloud}-network", name=self._prefix, admin_state_up=True, opts=self._options
        )
        self._subnet = self._create_subnet()
        self._routed = self._create_router()
        self._group = self._create_group()
        self._image = self._find_image()
        self._volumes: dict[str, openstack.blockstorage.Volume] = {}
        self.network_name = self._network.name
        self._ports: dict[str, openstack.networking.Port] = {}
        self._floating: dict[str, openstack.networking.FloatingIpAssociate] = {}
        self.public: Mapping[str, pulumi.Output[str]] = self._create_addresses()
        self.endpoint: pulumi.Output[str] | None = None

    def surroundings(self, host: Host) -> Surroundings:
        volume = self._sdk.blockstorage.Volume(
            f"{self._topology.cloud}-{host.name}-var",
            name=f"{self._prefix}-{host.name}",
            size=self._config.disk_gib,
            volume_type=self._config.volume_type,
            availability_zone=self._config.volume_zone or self._zone(host),
            # Ranges owns where a host is, and so its disk: nothing else may make an empty one in its place.
            opts=pulumi.ResourceOptions.merge(
                self._options, pulumi.ResourceOptions(ignore_changes=["availabilityZone"])
            ),
        )
        self._volumes[host.name] = volume
        return Surroundings(self._keys.files(), volume.id.apply(disk_of))

    def discovery(self, certificate: pulumi.Input[str], private_key: pulumi.Input[str]) -> Machine:
        from components.hosts.discovery_ignition import discovery_ignition

        ignition = discovery_ignition(self._topology, certificate, private_key, self._keys.files())
        return self._machine(DISCOVERY, self._create_server(DISCOVERY, ignition, None, None))

    def host(self, host: Host, ignition: pulumi.Input[str]) -> Machine:
        server = self._create_server(host.name, ignition, self._volumes[host.name], self._zone(host))
        return self._machine(host.name, server)

    def _machine(self, name: str, server: openstack.compute.Instance) -> Machine:
        # Reached by its address; another server is another id.
        address = self.public[name]
        return Machine(address, pulumi.Output.concat(address, "/", server.id), server)

    def _zone(self, host: Host) -> str | None:
        return host.zone if self._config.zones else None

    def _create_subnet(self) -> openstack.networking.Subnet:
        network = self._topology.subnet
        # What asks for an address gets one of the last: the others are given out here.
        pool = self._sdk.networking.SubnetAllocationPoolArgs(
            start=str(network[-1 - _DHCP_ADDRESSES]), end=str(network[-2])
        )
        return self._sdk.networking.Subnet(
            f"{self._topology.cloud}-subnet",
            name=self._prefix,
            network_id=self._network.id,
            ip_version=4,
            cidr=str(network),
            gateway_ip=self._topology.gateway,
            allocation_pools=[pool],
            dns_nameservers=list(self._config.dns_servers),
            opts=self._options,
        )

    def _create_router(self) -> pulumi.Resource:
        external = self._sdk.networking.get_network_output(
            name=self._config.external_network,
            external=True,
            opts=pulumi.InvokeOutputOptions(parent=self._options.parent, provider=self._options.provider),
        )
        router = self._sdk.networking.Router(
            f"{self._topology.cloud}-router",
            name=self._prefix,
            admin_state_up=True,
            external_network_id=external.id,
            opts=self._options,
        )
        joined: pulumi.Resource = self._sdk.networking.RouterInterface(
            f"{self._topology.cloud}-router-interface",
            router_id=router.id,
            subnet_id=self._subnet.id,
            opts=self._options,
        )
        return joined

    def _create_group(self) -> openstack.networking.SecGroup:
        group = self._sdk.networking.SecGroup(
            f"{self._topology.cloud}-hosts",
            name=self._prefix,
            description=f"Hosts of the cloud {self._topology.cloud}",
            opts=self._options,
        )
        self._sdk.networking.SecGroupRule(
            f"{self._topology.cloud}-among-hosts",
            direction="ingress",
            ethertype="IPv4",
            remote_group_id=group.id,
            security_group_id=group.id,
            opts=self._options,
        )
        for rule in rules(self._config):
            self._sdk.networking.SecGroupRule(
                f"{self._topology.cloud}-{rule.name}",
                direction="ingress",
                ethertype="IPv4",
                protocol=rule.protocol,
                port_range_min=rule.first,
                port_range_max=rule.last,
                remote_ip_prefix=rule.source,
                security_group_id=group.id,
                opts=self._options,
            )
        return group

    def _create_addresses(self) -> dict[str, pulumi.Output[str]]:
        """A port and a floating address for each machine, there before it; the latter by its name."""
        cloud = self._topology.cloud
        inside = {DISCOVERY: self._topology.discovery_address}
        inside |= {host.name: host.address for host in self._topology.hosts}
        found = {}
        for name, address in inside.items():
            self._ports[name] = self._create_port(name, address)
            floating = self._sdk.networking.FloatingIp(
                f"{cloud}-{name}-floating",
                pool=self._config.external_network,
                description=f"{name} of the cloud {cloud}",
                opts=self._options,
            )
            self._floating[name] = self._sdk.networking.FloatingIpAssociate(
                f"{cloud}-{name}-address",
                floating_ip=floating.address,
                port_id=self._ports[name].id,
                opts=pulumi.ResourceOptions.merge(
                    self._options, pulumi.ResourceOptions(depends_on=[self._routed])
                ),
            )
            found[name] = floating.address
        return found

    def _find_image(self) -> pulumi.Input[str]:
        if _ID.fullmatch(self._config.image):
            return self._config.image
        found: pulumi.Output[str] = self._sdk.images.get_image_output(
            name=self._config.image,
            most_recent=True,
            opts=pulumi.InvokeOutputOptions(parent=self._options.parent, provider=self._options.provider),
        ).id
        return found

    def _create_port(self, name: str, address: str) -> openstack.networking.Port:
        fixed = self._sdk.networking.PortFixedIpArgs(subnet_id=self._subnet.id, ip_address=address)
        return self._sdk.networking.Port(
            f"{self._topology.cloud}-{name}-port",
            name=f"{self._prefix}-{name}",
            network_id=self._network.id,
            admin_state_up=True,
            fixed_ips=[fixed],
            security_group_ids=[self._group.id],
            opts=self._options,
        )

    def _create_server(
        self,
        name: str,
        ignition: pulumi.Input[str],
        volume: openstack.blockstorage.Volume | None,
        zone: str | None,
    ) -> openstack.compute.Instance:
        sdk = self._sdk
        fitted: pulumi.Output[str] = pulumi.Output.from_input(ignition).apply(lambda t: _user_data(name, t))
        data: pulumi.Output[str] = pulumi.Output.secret(fitted)
        return sdk.compute.Instance(
            f"{self._topology.cloud}-{name}",
            name=f"{self._prefix}-{name}",
            flavor_name=self._config.flavor,
            availability_zone=zone,
            key_pair=self._config.key_pair,
            networks=[sdk.compute.InstanceNetworkArgs(port=self._ports[name].id)],
            block_devices=self._disks(volume),
            # Ignition reads it from there also while the network is not up yet.
            config_drive=True,
            stop_before_destroy=True,
            user_data=data,
            tags=[f"altostratus.cloud={self._topology.cloud}"],
            opts=pulumi.ResourceOptions.merge(
                self._options,
                # Provisioned once: what changes later reaches a host through its Node.
                pulumi.ResourceOptions(
                    depends_on=[self._floating[name]], ignore_changes=["userData", "blockDevices"]
                ),
            ),
        )

    def _disks(
        self, volume: openstack.blockstorage.Volume | None
    ) -> list[openstack.compute.InstanceBlockDeviceArgs]:
        sdk = self._sdk
        disks = [
            sdk.compute.InstanceBlockDeviceArgs(
                uuid=self._image,
                source_type="image",
                destination_type="local",
                boot_index=0,
                delete_on_termination=True,
            )
        ]
        if volume is not None:
            # Attached as the server is made: Ignition finds it at the first boot.
            disks.append(
                sdk.compute.InstanceBlockDeviceArgs(
                    uuid=volume.id,
                    source_type="volume",
                    destination_type="volume",
                    boot_index=-1,
                    delete_on_termination=False,
                )
            )
        return disks


def disk_of(volume: str) -> str:
    """The device of a volume in its server."""
    return f"/dev/disk/by-id/virtio-{volume[:_DISK_ID]}"


def _user_data(name: str, ignition: str) -> str:
    try:
        return inline(ignition, nova_limit())
    except TooLarge as error:
        raise pulumi.RunError(f"{name}: {error}; make its files fewer, or the cloud's hosts") from error

"""Hosts as containers of the local Docker engine, each with a systemd of its own."""

import re
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_docker as docker

from components.engine_image import engine_image
from components.hosts.config import DockerHosts
from components.hosts.driver import Access, Machine
from components.hosts.host_image import BuildContext, discovery_image, host_image
from components.hosts.joining import joined_at
from components.hosts.ranges import Ranges
from components.hosts.topology import Host, Topology

LABEL = "altostratus.cloud"
ROLE_LABEL = "altostratus.role"
WAY_OUT = "ALTOSTRATUS_GATEWAY"
"""The variable that tells a host of several networks its own network's gateway."""

_CAP_SYS_RESOURCE = 24
_STATUS = Path("/proc/self/status")


class DockerDriver:
    """One network, and on it a container with a fixed address and a named volume for each host.

    Names are `alto-<cloud>` and `alto-<cloud>-<machine>`; everything carries the label
    `altostratus.cloud=<cloud>`.
    """

    name = "docker"
    endpoint: pulumi.Output[str] | None = None
    access: Access | None = None

    def __init__(
        self, topology: Topology, config: DockerHosts, ranges: Ranges, parent: pulumi.Resource
    ) -> None:
        self._topology = topology
        self._config = config
        self._parent = parent
        self._prefix = f"alto-{topology.cloud}"
        self.public: Mapping[str, pulumi.Output[str]] = {}
        self._privileged = may_be_privileged() if config.privileged is None else config.privileged
        self.network = docker.Network(
            f"{topology.cloud}-network",
            name=self._prefix,
            driver="bridge",
            ipam_configs=[
                docker.NetworkIpamConfigArgs(subnet=str(topology.subnet), gateway=topology.gateway)
            ],
            labels=[
                docker.NetworkLabelArgs(label=label, value=value) for label, value in self._labels("network")
            ],
            opts=pulumi.ResourceOptions.merge(self._options(), pulumi.ResourceOptions(depends_on=[ranges])),
        )
        self.network_name = self.network.name
        self._host_image = self._image("host", host_image())
        self._discovery_image = self._image("discovery", discovery_image())

    def discovery(self, certificate: pulumi.Input[str], private_key: pulumi.Input[str]) -> Machine:
        container = docker.Container(
            f"{self._topology.cloud}-discovery",
            name=f"{self._prefix}-discovery",
            hostname="discovery",
            image=self._discovery_image.image_name,
            envs=[f"DISCOVERY_URL={self._topology.discovery_url}"],
            restart="unless-stopped",
            networks_advanced=[self._at(self._topology.discovery_address)],
            labels=self._container_labels("discovery"),
            uploads=[
                _upload("/etc/altostratus/discovery.crt", certificate, "0644"),
                _upload("/etc/altostratus/discovery.key", private_key, "0600"),
            ],
            # Its image serves the cluster's birth; a newer one is no reason to make it again.
            opts=self._options(ignore_changes=["image"]),
        )
        return Machine(container.name, container.id, container)

    def surroundings(self, host: Host) -> None:
        return None

    def host(self, host: Host, ignition: pulumi.Input[str]) -> Machine:
        name = f"{self._prefix}-{host.name}"
        volume = docker.Volume(
            f"{self._topology.cloud}-{host.name}-var",
            name=name,
            labels=[
                docker.VolumeLabelArgs(label=label, value=value) for label, value in self._labels("host")
            ],
            opts=self._options(),
        )
        container = docker.Container(
            f"{self._topology.cloud}-{host.name}",
            name=name,
            hostname=host.name,
            image=self._host_image.image_name,
            restart="unless-stopped",
            networks_advanced=[self._at(host.address), *self._joined(host)],
            # Of several networks Docker takes any one for the way out.
            envs=[f"{WAY_OUT}={self._topology.gateway}"] if self._config.joins else None,
            labels=self._container_labels("host"),
            volumes=[docker.ContainerVolumeArgs(container_path="/var", volume_name=volume.name)],
            tmpfs={"/run": "exec,mode=755", "/tmp": "exec"},  # noqa: S108
            cgroupns_mode="private",
            stop_signal="SIGRTMIN+3",
            stop_timeout=30,
            memory=self._config.memory_mib or None,
            cpus=None if self._config.cpus is None else f"{self._config.cpus:g}",
            uploads=[_upload("/etc/altostratus/config.ign", ignition, "0600")],
            **self._rights(),
            # Provisioned once: what changes later reaches a host through its Node.
            opts=self._options(ignore_changes=["uploads", "image"]),
        )
        return Machine(container.name, container.id, container)

    def _image(self, name: str, context: BuildContext) -> docker.Image:
        opts = pulumi.ResourceOptions(parent=self._parent)
        return engine_image(f"{self._topology.cloud}-{name}-image", context, opts)

    def _rights(self) -> dict[str, object]:
        """What systemd and the kubelet need: all rights, or all but one where a machine lacks that one."""
        if self._privileged:
            return {"privileged": True}
        return {
            "capabilities": docker.ContainerCapabilitiesArgs(adds=["ALL"], drops=["CAP_SYS_RESOURCE"]),
            "security_opts": ["seccomp=unconfined", "apparmor=unconfined"],
            "device_cgroup_rules": ["a *:* rwm"],
        }

    def _at(self, address: str) -> docker.ContainerNetworksAdvancedArgs:
        return docker.ContainerNetworksAdvancedArgs(name=self.network.name, ipv4_address=address)

    def _joined(self, host: Host) -> list[docker.ContainerNetworksAdvancedArgs]:
        index = self._topology.hosts.index(host)
        return [
            docker.ContainerNetworksAdvancedArgs(name=name, ipv4_address=joined_at(first, index))
            for name, first in sorted(self._config.joins.items())
        ]

    def _labels(self, role: str) -> list[tuple[str, str]]:
        return [(LABEL, self._topology.cloud), (ROLE_LABEL, role)]

    def _container_labels(self, role: str) -> list[docker.ContainerLabelArgs]:
        return [docker.ContainerLabelArgs(label=label, value=value) for label, value in self._labels(role)]

    def _options(self, ignore_changes: list[str] | None = None) -> pulumi.ResourceOptions:
        # Names are fixed, so a successor cannot stand beside what it replaces.
        return pulumi.ResourceOptions(
            parent=self._parent, delete_before_replace=True, ignore_changes=ignore_changes
        )


def may_be_privileged(status: Path = _STATUS) -> bool:
    """Whether the engine here can start privileged containers.

    It cannot where the machine itself lacks CAP_SYS_RESOURCE. Where there is no `/proc`, the
    engine runs in a machine of its own and can.
    """
    try:
        found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status.read_text(), re.MULTILINE)
    except OSError:
        return True
    return found is None or bool(int(found[1], 16) >> _CAP_SYS_RESOURCE & 1)


def _upload(file: str, content: pulumi.Input[str], permissions: str) -> docker.ContainerUploadArgs:
    return docker.ContainerUploadArgs(file=file, content=content, permissions=permissions)

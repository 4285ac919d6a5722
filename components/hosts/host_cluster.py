"""`altostratus:hosts:HostCluster`: machines, provisioned and joined into one Kubernetes cluster."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi

from components.hosts.config import MadeHosts
from components.hosts.discovery import DiscoveryToken
from components.hosts.driver import Endpoint, HostDriver, Machine
from components.hosts.drivers import driver_for
from components.hosts.host_files import (
    PRIVATE,
    UNITS_BY_PATH,
    HostFile,
    Materials,
    host_files,
    machines_file,
)
from components.hosts.ignition import ButaneError, butane_document, ignition_config
from components.hosts.joining import reach
from components.hosts.kubeconfig import admin_kubeconfig
from components.hosts.node import Node
from components.hosts.ranges import Ranges
from components.hosts.topology import Host, Topology, plan
from components.hosts.trust import Trust
from toolchain import install

READY_SECONDS = 300


class HostCluster(pulumi.ComponentResource):
    """A cluster of hosts made by a driver.

    Outputs: `kubeconfig` (secret), `nodes` ([{name, address, roles}]), `address` (of the first
    control plane), `etcd` (secret: caCertificate, certificate, privateKey, endpoints),
    `certificate_authority` (secret: certificate, privateKey; signs what the cloud's services show),
    `reach` (addresses under which other clouds reach the hosts).
    """

    kubeconfig: pulumi.Output[str]
    nodes: pulumi.Output[list[dict[str, Any]]]
    address: pulumi.Output[str]
    etcd: pulumi.Output[dict[str, Any]]
    certificate_authority: pulumi.Output[dict[str, str]]
    network: pulumi.Output[str]
    reach: pulumi.Output[list[str]]

    def __init__(
        self,
        cloud: str,
        config: MadeHosts,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("altostratus:hosts:HostCluster", cloud, None, opts)
        self.topology = plan(cloud, config)
        ranges = Ranges(f"{cloud}-ranges", self.topology, pulumi.ResourceOptions(parent=self))
        driver = driver_for(self.topology, config, ranges, parent=self)
        trust = Trust(self.topology, ranges, parent=self, endpoint=driver.endpoint)
        kubeconfig = _kubeconfig(self.topology, trust, driver.endpoint)
        token = self._discovery(driver, trust)
        ready = self._hosts(driver, trust, token, kubeconfig)
        # What uses the cluster waits for its hosts, not only for its certificates.
        joined = pulumi.Output.all(*(node.id for node in ready))
        self.kubeconfig = pulumi.Output.secret(
            pulumi.Output.all(kubeconfig, joined).apply(lambda all_: all_[0])
        )
        self.nodes = joined.apply(lambda _: [_described(host) for host in self.topology.hosts])
        self.address = pulumi.Output.from_input(self.topology.control_planes[0].address)
        self.etcd = pulumi.Output.secret(_etcd_access(self.topology, trust))
        authority = trust.authorities["cloud"]
        keys: dict[str, Any] = {
            "certificate": authority.certificate,
            "privateKey": authority.private_key,
        }
        self.certificate_authority = pulumi.Output.secret(pulumi.Output.from_input(keys))
        self.network = driver.network_name
        self.reach = pulumi.Output.from_input(reach(config, self.topology))
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "nodes": self.nodes,
                "address": self.address,
                "etcd": self.etcd,
                "certificateAuthority": self.certificate_authority,
                "network": self.network,
                "reach": self.reach,
            }
        )

    def _discovery(self, driver: HostDriver, trust: Trust) -> DiscoveryToken:
        certificate = trust.certificates["discovery"]
        service = driver.discovery(certificate.certificate, certificate.private_key)
        return DiscoveryToken(
            f"{self.topology.cloud}-discovery-token",
            endpoint=self.topology.discovery_url,
            ca_certificate=trust.authorities["cloud"].certificate,
            size=len(self.topology.etcd_members),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[service.resource]),
        )

    def _hosts(
        self, driver: HostDriver, trust: Trust, token: DiscoveryToken, kubeconfig: pulumi.Output[str]
    ) -> list[Node]:
        tools = install.ensure(["butane", "ignition-validate"])
        machines = {
            host.name: driver.host(host, self._ignition(driver, trust, token, host, tools))
            for host in self.topology.hosts
        }
        nodes: list[Node] = []
        for host in self.topology.hosts:
            nodes.append(self._node(driver, trust, token, kubeconfig, host, machines, nodes[-1:]))
        return nodes

    def _ignition(
        self, driver: HostDriver, trust: Trust, token: DiscoveryToken, host: Host, tools: dict[str, Path]
    ) -> pulumi.Output[str]:
        around = driver.surroundings(host)
        if around is None:
            return trust.materials(token.url, _ignition_of(self.topology, host, tools))
        materials = trust.materials(token.url, lambda materials: materials)
        rendered: pulumi.Output[str] = pulumi.Output.all(materials, dict(around.files), around.disk).apply(
            lambda known: _ignition_of(self.topology, host, tools, known[1], known[2])(known[0])
        )
        return pulumi.Output.secret(rendered)

    def _node(
        self,
        driver: HostDriver,
        trust: Trust,
        token: DiscoveryToken,
        kubeconfig: pulumi.Output[str],
        host: Host,
        machines: dict[str, Machine],
        after: list[Node],
    ) -> Node:
        # Through these a host leaves etcd.
        peers = [each for each in self.topology.hosts if each == host or each in self.topology.etcd_members]
        return Node(
            f"{self.topology.cloud}-{host.name}-joined",
            driver=driver.name,
            access=driver.access,
            host=host.name,
            # By name: a machine made anew takes its predecessor's place, and nobody has to leave first.
            machine_id=machines[host.name].name,
            # By id: when one of them, or this one, is made anew, its place in the cluster is looked at.
            peers=[{"name": each.name, "machineId": machines[each.name].id} for each in peers],
            address=host.address,
            roles=list(host.roles),
            kubeconfig=kubeconfig,
            files=pulumi.Output.all(
                trust.materials(token.url, lambda materials: host_files(self.topology, host, materials)),
                {name: each.id for name, each in machines.items()},
            ).apply(lambda known: _pushed({**known[0], **machines_file(self.topology, host, known[1])})),
            units=UNITS_BY_PATH,
            ready_timeout_seconds=READY_SECONDS,
            # One after the other: a change that is pushed to a bad end stops at the first host.
            opts=pulumi.ResourceOptions(parent=self, depends_on=after, delete_before_replace=True),
        )


def _ignition_of(
    topology: Topology,
    host: Host,
    tools: dict[str, Path],
    more: Mapping[str, str] | None = None,
    disk: str | None = None,
) -> Callable[[Materials], str]:
    def render(materials: Materials) -> str:
        own = {path: HostFile(content, PRIVATE) for path, content in (more or {}).items()}
        document = butane_document({**host_files(topology, host, materials), **own}, disk)
        try:
            return ignition_config(document, tools["butane"], tools["ignition-validate"])
        except ButaneError as error:
            raise pulumi.RunError(f"{host.name}: {error}") from error

    return render


def _pushed(files: dict[str, HostFile]) -> dict[str, dict[str, str]]:
    return {path: {"content": file.content, "mode": f"{file.mode:04o}"} for path, file in files.items()}


def _kubeconfig(topology: Topology, trust: Trust, endpoint: Endpoint | None) -> pulumi.Output[str]:
    inside = {host.name: f"https://{host.address}:6443" for host in topology.control_planes}
    admin = trust.certificates["admin"]

    def written(known: list[Any]) -> str:
        # Where there is one, the way from outside is the first.
        servers = {"outside": f"https://{known[3]}:6443", **inside} if known[3] else inside
        return admin_kubeconfig(topology.cloud, servers, *known[:3])

    return pulumi.Output.secret(
        pulumi.Output.all(
            trust.authorities["kubernetes"].certificate,
            admin.certificate,
            admin.private_key,
            endpoint.host if endpoint is not None else "",
        ).apply(written)
    )


def _etcd_access(topology: Topology, trust: Trust) -> pulumi.Output[dict[str, Any]]:
    admin = trust.certificates["etcd-admin"]
    return pulumi.Output.from_input(
        {
            "caCertificate": trust.authorities["etcd"].certificate,
            "certificate": admin.certificate,
            "privateKey": admin.private_key,
            "endpoints": [f"https://{host.address}:2379" for host in topology.etcd_members],
        }
    )


def _described(host: Host) -> dict[str, Any]:
    return {"name": host.name, "address": host.address, "roles": list(host.roles)}

"""`altostratus:hosts:HostCluster`: machines, provisioned and joined into one Kubernetes cluster."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi

from components.hosts.config import CloudHosts, MadeHosts
from components.hosts.discovery import DiscoveryToken
from components.hosts.driver import HostDriver, Machine
from components.hosts.drivers import driver_for
from components.hosts.host_files import (
    PRIVATE,
    UNITS_BY_PATH,
    HostFile,
    Materials,
    host_files,
    machines_file,
)
from components.hosts.ignition import (
    ButaneError,
    Unit,
    butane_document,
    ignition_config,
    machine_files,
    machine_units,
)
from components.hosts.joining import reach
from components.hosts.kubeconfig import admin_kubeconfig
from components.hosts.node import Node
from components.hosts.ranges import Ranges
from components.hosts.reach import API, DISCOVERY_PORT
from components.hosts.topology import DISCOVERY, Host, Topology, plan
from components.hosts.trust import Trust
from toolchain import install

READY_SECONDS = 300


class HostCluster(pulumi.ComponentResource):
    """A cluster of hosts made by a driver.

    Outputs: `kubeconfig` (secret), `nodes` ([{name, address, roles}], and `publicAddress` where Services are
    open to the outside), `address` (of the first control plane), `etcd` (secret: caCertificate,
    certificate, privateKey, endpoints),
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
        ranges = Ranges(f"{cloud}-ranges", self.topology, config, pulumi.ResourceOptions(parent=self))
        driver = driver_for(self.topology, config, ranges, parent=self)
        trust = Trust(self.topology, ranges, self, driver.public, driver.endpoint)
        kubeconfig = _kubeconfig(self.topology, trust, driver)
        token = self._discovery(driver, trust)
        ready = self._hosts(driver, trust, token, kubeconfig)
        # What uses the cluster waits for its hosts, not only for its certificates.
        joined = pulumi.Output.all(*(node.id for node in ready))
        self.kubeconfig = pulumi.Output.secret(
            pulumi.Output.all(kubeconfig, joined).apply(lambda all_: all_[0])
        )
        self.nodes = _nodes(self.topology, config, driver, joined)
        self.address = pulumi.Output.from_input(self.topology.control_planes[0].address)
        self.etcd = pulumi.Output.secret(_etcd_access(self.topology, trust))
        authority = trust.authorities["cloud"]
        keys: dict[str, Any] = {
            "certificate": authority.certificate,
            "privateKey": authority.private_key,
        }
        self.certificate_authority = pulumi.Output.secret(pulumi.Output.from_input(keys))
        self.network = driver.network_name
        self.reach = _reach(self.topology, config, driver)
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
        outside = driver.public.get(DISCOVERY)
        return DiscoveryToken(
            f"{self.topology.cloud}-discovery-token",
            endpoint=self.topology.discovery_url,
            reached_at=None
            if outside is None
            else pulumi.Output.format("https://{}:{}", outside, DISCOVERY_PORT),
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

        def render(known: list[Any]) -> str:
            own = {path: HostFile(content, PRIVATE) for path, content in known[1].items()}
            given = _ignition_of(
                self.topology, host, tools, {**machine_files(), **own}, known[2], machine_units()
            )
            return given(known[0])

        rendered: pulumi.Output[str] = pulumi.Output.all(materials, dict(around.files), around.disk).apply(
            render
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
    more: Mapping[str, HostFile] | None = None,
    disk: str | None = None,
    more_units: Sequence[Unit] = (),
) -> Callable[[Materials], str]:
    def render(materials: Materials) -> str:
        files = {**host_files(topology, host, materials), **(more or {})}
        document = butane_document(files, disk, more_units)
        try:
            return ignition_config(document, tools["butane"], tools["ignition-validate"])
        except ButaneError as error:
            raise pulumi.RunError(f"{host.name}: {error}") from error

    return render


def _pushed(files: dict[str, HostFile]) -> dict[str, dict[str, str]]:
    return {path: {"content": file.content, "mode": f"{file.mode:04o}"} for path, file in files.items()}


def _kubeconfig(topology: Topology, trust: Trust, driver: HostDriver) -> pulumi.Output[str]:
    # A balancer before them all comes first, as the first is what is used.
    hosts: dict[str, pulumi.Input[str]] = {}
    if driver.endpoint is not None:
        hosts["balancer"] = driver.endpoint
    hosts |= {host.name: host.address for host in topology.control_planes}
    hosts |= {name: address for name, address in driver.public.items() if name in hosts}
    admin = trust.certificates["admin"]

    def written(known: list[Any]) -> str:
        servers = {name: f"https://{host}:{API}" for name, host in known[3].items()}
        return admin_kubeconfig(topology.cloud, servers, *known[:3])

    return pulumi.Output.secret(
        pulumi.Output.all(
            trust.authorities["kubernetes"].certificate, admin.certificate, admin.private_key, hosts
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


def _nodes(
    topology: Topology, config: MadeHosts, driver: HostDriver, joined: pulumi.Output[list[str]]
) -> pulumi.Output[list[dict[str, Any]]]:
    # Where nobody outside may use Services, they have no address there.
    public = driver.public if isinstance(config, CloudHosts) and config.public_cidrs else {}

    def described(known: list[Any]) -> list[dict[str, Any]]:
        return [
            {"name": host.name, "address": host.address, "roles": list(host.roles)}
            | ({"publicAddress": known[1][host.name]} if host.name in known[1] else {})
            for host in topology.hosts
        ]

    return pulumi.Output.all(joined, dict(public)).apply(described)


def _reach(topology: Topology, config: MadeHosts, driver: HostDriver) -> pulumi.Output[list[str]]:
    if driver.public and not config.reached_at:
        return pulumi.Output.all(*(driver.public[host.name] for host in topology.hosts))
    return pulumi.Output.from_input(reach(config, topology))

"""A real host cluster through `pulumi up`: made, left alone, harmed, healed, shrunk, grown, removed."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Network
from typing import Any

import docker
import httpx2
import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Node

from autoscaler.act import environment
from autoscaler.act.pulumi_cli import Pulumi, UpdateResult
from autoscaler.act.update_errors import UpdateError
from console import subnets
from tests.waiting import until
from toolchain import base_image, engine, install, plugin_install

pytestmark = pytest.mark.cluster

ETCDCTL = (
    "etcdctl",
    "--cacert=/etc/etcd/pki/ca.crt",
    "--cert=/etc/etcd/pki/member.crt",
    "--key=/etc/etcd/pki/member.key",
)


@dataclass
class Cloud:
    """The cloud of this run: `hosts-<name>`, with settings that tests change."""

    name: str
    cli: Pulumi
    engine: Any
    settings: dict[str, Any]

    @property
    def stack(self) -> str:
        return f"hosts-{self.name}"

    def up(self, **changes: Any) -> UpdateResult:
        self.settings |= changes
        self.cli.configure(self.stack, {"altostratus:hosts": self.settings})
        return self.cli.up(self.stack)

    def host(self, number: int) -> Any:
        return self.engine.containers.get(f"alto-{self.name}-host{number}")

    def nodes(self) -> dict[str, Any]:
        """The Kubernetes nodes by name."""
        kubeconfig = yaml.safe_load(self.cli.outputs(self.stack)["kubeconfig"])
        # Members of etcd that have just come or gone may keep the API server waiting.
        client = Client(
            config=KubeConfig.from_dict(kubeconfig).get(), trust_env=False, timeout=httpx2.Timeout(60)
        )
        return {node.metadata.name: node for node in client.list(Node)}

    def ready(self) -> set[str]:
        """Names of the ready nodes; none while the API server does not answer."""
        try:
            nodes = self.nodes()
        except httpx2.HTTPError:
            return set()
        return {
            name
            for name, node in nodes.items()
            if any(each.type == "Ready" and each.status == "True" for each in node.status.conditions)
        }

    def healthy_members(self, number: int = 1) -> set[str]:
        """Names of the etcd members, asked for their health through one host; none unless all are well."""
        listing = self._run(number, *ETCDCTL, "--endpoints=https://127.0.0.1:2379", "member", "list")
        rows = [[part.strip() for part in line.split(",")] for line in (listing or "").splitlines()]
        endpoints = ",".join(row[4] for row in rows)
        health = self._run(number, *ETCDCTL, f"--endpoints={endpoints}", "endpoint", "health")
        return set() if health is None else {row[2] for row in rows}

    def leftovers(self) -> list[str]:
        label = {"label": f"altostratus.cloud={self.name}"}
        found = [
            *self.engine.containers.list(all=True, filters=label),
            *self.engine.volumes.list(filters=label),
            *self.engine.networks.list(filters=label),
        ]
        return [each.name for each in found]

    def _run(self, number: int, *command: str) -> str | None:
        """What it says; None where it fails."""
        result = self.host(number).exec_run(list(command))
        return result.output.decode() if result.exit_code == 0 else None


def await_hosts(cloud: Cloud, asked: int = 1) -> None:
    """All three are ready and members of etcd, by the word of one of them."""
    three = {"host1", "host2", "host3"}
    until(lambda: cloud.ready() == three, "three nodes are ready")
    until(lambda: cloud.healthy_members(asked) == three, "three members of etcd are healthy")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    patch = pytest.MonkeyPatch()
    patch.setenv("ALTO_HOME", str(tmp_path_factory.mktemp("home")))
    install.ensure()
    client = docker.DockerClient(base_url=engine.ensure().host, timeout=600)
    base_image.ensure_base()
    plugin_install.ensure()
    ranges = [
        config["Subnet"]
        for network in client.networks.list()
        for config in network.attrs["IPAM"]["Config"] or []
        if "Subnet" in config
    ]
    # Demos that are made at the same time choose among the first ones.
    subnet = subnets.free([*subnets.taken(ranges), IPv4Network("10.88.0.0/17")])
    settings = {"driver": "docker", "hosts": 3, "subnet": str(subnet)}
    made = Cloud(f"h{os.getpid()}", environment.pulumi(), client, settings)
    made.cli.init(made.stack)
    try:
        made.up()
        yield made
    finally:
        made.cli.destroy(made.stack)
        made.cli.remove(made.stack)
        left = made.leftovers()
        client.close()
        patch.undo()
        assert left == [], f"destroy left {left}"


def test_all_hosts_are_ready_and_members(cloud: Cloud) -> None:
    await_hosts(cloud)
    labels = cloud.nodes()["host1"].metadata.labels
    assert "node-role.kubernetes.io/control-plane" in labels


def test_a_second_up_changes_nothing(cloud: Cloud) -> None:
    assert not cloud.up().changed


def test_another_range_is_refused_before_anything_is_touched(cloud: Cloud) -> None:
    with pytest.raises(UpdateError, match="for this cloud's life"):
        cloud.up(podCidr="10.99.0.0/16")
    del cloud.settings["podCidr"]
    assert not cloud.up().changed


def test_nobody_gets_in_without_a_certificate(cloud: Cloud) -> None:
    address = cloud.cli.outputs(cloud.stack)["address"]
    for url, allowed in (
        (f"https://{address}:6443/readyz", True),
        (f"https://{address}:6443/api", False),
        (f"https://{address}:10250/pods", False),
        (f"https://{address}:2379/version", False),
    ):
        answers = partial(_answers, url)
        if allowed:
            until(answers, f"{url} answers")
        else:
            assert not answers(), url


def _answers(url: str) -> bool:
    command = ["curl", "--silent", "--insecure", "--fail", "--max-time", "30", url]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_stopped_host_is_healed_with_its_place_in_the_cluster(cloud: Cloud) -> None:
    before = cloud.nodes()["host2"].spec.podCIDR
    cloud.host(2).kill()
    cloud.up()
    await_hosts(cloud)
    node = cloud.nodes()["host2"]
    assert node.spec.podCIDR == before
    assert "node-role.kubernetes.io/etcd" in node.metadata.labels


def test_the_control_planes_host_can_be_lost_with_its_disk(cloud: Cloud) -> None:
    host = cloud.host(1)
    host.remove(force=True)
    cloud.engine.volumes.get(f"alto-{cloud.name}-host1").remove()
    cloud.up()
    await_hosts(cloud, asked=2)


def test_hosts_go_and_come_by_a_change_of_settings(cloud: Cloud) -> None:
    cloud.up(hosts=2)
    until(lambda: cloud.ready() == {"host1", "host2"}, "two nodes are ready")
    until(lambda: cloud.healthy_members() == {"host1"}, "one member of etcd is left")
    cloud.up(hosts=3)
    await_hosts(cloud)

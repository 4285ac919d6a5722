"""The component over Pulumi's mocks: what it registers, with what, and in which order."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from components.hosts import docker_driver, host_cluster
from components.hosts.config import DockerHosts
from components.hosts.docker_driver import may_be_privileged
from components.hosts.host_cluster import HostCluster
from components.hosts.host_image import BuildContext
from tests.hosts.clusters import pair, settings

_MARK = "4dabf18193072939515e22adb298388d"  # how the engine marks a secret on the wire


def plain(value: Any) -> Any:
    """Inputs as a plugin sees them, without the marks of secrets."""
    if isinstance(value, dict):
        return plain(value["value"]) if _MARK in value else {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


class Mocks(pulumi.runtime.Mocks):
    """Answers as the plugins would, and remembers every registration by name."""

    def __init__(self) -> None:
        self.registered: dict[str, pulumi.runtime.MockResourceArgs] = {}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.registered[args.name] = args
        made = pair(args.name)
        outputs = {
            "altostratus:pki:CertificateAuthority": {
                "certificate": made.certificate,
                "privateKey": made.private_key,
            },
            "altostratus:pki:Certificate": {"certificate": made.certificate, "privateKey": made.private_key},
            "altostratus:pki:KeyPair": {"publicKey": made.certificate, "privateKey": made.private_key},
            "altostratus:pki:Password": {"value": "a generated password", "bcrypt": "x"},
            "altostratus:etcd:DiscoveryToken": {"url": "https://10.88.0.2:8087/token"},
        }
        return f"{args.name}-id", {**args.inputs, **outputs.get(args.typ, {})}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        return {}

    def of_type(self, typ: str) -> dict[str, dict[str, Any]]:
        return {name: plain(args.inputs) for name, args in self.registered.items() if args.typ == typ}


@pytest.fixture(autouse=True, scope="module")
def tools() -> Iterator[None]:
    """No tools, no engine: the document itself stands in for the Ignition config made of it."""
    monkeypatch = pytest.MonkeyPatch()
    context = BuildContext("altostratus/host:0123", Path("/cache/host-0123"), "altostratus/base:1")
    monkeypatch.setattr(docker_driver, "host_image", lambda: context)
    monkeypatch.setattr(docker_driver, "discovery_image", lambda: context)
    monkeypatch.setattr(
        host_cluster.install, "ensure", lambda names: {name: Path("/bin") / name for name in names}
    )
    monkeypatch.setattr(host_cluster, "ignition_config", lambda document, *_: document)
    yield
    monkeypatch.undo()


@pytest.fixture(scope="module")
def mocks(tools: None) -> Mocks:
    """What three hosts on a machine without all rights register."""
    return make(settings(privileged=False))[0]


def make(config: DockerHosts) -> tuple[Mocks, dict[str, Any]]:
    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks, "altostratus", "hosts-local")
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test
    def program() -> pulumi.Output[None]:
        cluster = HostCluster("local", config)

        def keep(values: list[Any]) -> None:
            outputs.update(zip(("kubeconfig", "nodes", "etcd", "secret", "reach"), values, strict=True))

        secret = pulumi.Output.from_input(cluster.kubeconfig.is_secret())
        known = (cluster.kubeconfig, cluster.nodes, cluster.etcd, secret, cluster.reach)
        return pulumi.Output.all(*known).apply(keep)

    program()
    return mocks, outputs


def test_three_hosts_are_containers_with_a_network_and_a_disk_each(mocks: Mocks) -> None:
    containers = mocks.of_type("docker:index/container:Container")
    assert {inputs["name"] for inputs in containers.values()} == {
        "alto-local-discovery",
        "alto-local-host1",
        "alto-local-host2",
        "alto-local-host3",
    }
    host = containers["local-host2"]
    assert host["networksAdvanced"] == [{"name": "alto-local", "ipv4Address": "10.88.0.11"}]
    assert host["volumes"] == [{"containerPath": "/var", "volumeName": "alto-local-host2"}]
    assert host["hostname"] == "host2"
    assert host["restart"] == "unless-stopped"
    assert {"label": "altostratus.cloud", "value": "local"} in host["labels"]


def test_hosts_that_join_a_network_keep_their_own_way_out() -> None:
    mocks, outputs = make(settings(hosts=2, joins={"alto-other": "10.90.0.240"}))
    host = mocks.of_type("docker:index/container:Container")["local-host2"]
    assert host["networksAdvanced"] == [
        {"name": "alto-local", "ipv4Address": "10.88.0.11"},
        {"name": "alto-other", "ipv4Address": "10.90.0.241"},
    ]
    assert host["envs"] == ["ALTOSTRATUS_GATEWAY=10.88.0.1"]
    assert [node["address"] for node in outputs["nodes"]] == ["10.88.0.10", "10.88.0.11"]
    assert outputs["reach"] == ["10.90.0.240", "10.90.0.241"]


def test_other_clouds_reach_hosts_at_their_own_addresses_or_where_they_are_told(mocks: Mocks) -> None:
    assert "envs" not in mocks.of_type("docker:index/container:Container")["local-host1"]
    _, outputs = make(settings(hosts=1))
    assert outputs["reach"] == ["10.88.0.10"]
    _, outputs = make(settings(hosts=1, joins={"x": "10.90.0.1"}, reachedAt=["edge.example.org"]))
    assert outputs["reach"] == ["edge.example.org"]


def test_everything_of_the_engine_carries_the_clouds_label(mocks: Mocks) -> None:
    for kind in ("container:Container", "network:Network", "volume:Volume"):
        for name, inputs in mocks.of_type(f"docker:index/{kind}").items():
            assert {"label": "altostratus.cloud", "value": "local"} in inputs["labels"], name


def test_rights_are_all_or_all_but_one(mocks: Mocks) -> None:
    whole, _ = make(settings(privileged=True))
    assert whole.of_type("docker:index/container:Container")["local-host1"]["privileged"] is True
    host = mocks.of_type("docker:index/container:Container")["local-host1"]
    assert host["capabilities"] == {"adds": ["ALL"], "drops": ["CAP_SYS_RESOURCE"]}
    assert "privileged" not in host


@pytest.mark.parametrize(
    ("bounding", "privileged"), [("000001ffffffffff", True), ("000001fffeffffff", False)]
)
def test_rights_follow_from_what_the_machine_has(tmp_path: Path, bounding: str, privileged: bool) -> None:
    status = tmp_path / "status"
    status.write_text(f"CapEff:\t0000000000000000\nCapBnd:\t{bounding}\nCapAmb:\t0000000000000000\n")
    assert may_be_privileged(status) is privileged
    assert may_be_privileged(tmp_path / "absent")


def test_sizes_become_limits_and_reach_the_kubelet() -> None:
    mocks, _ = make(settings(memory="4Gi", cpus=1.5))
    host = mocks.of_type("docker:index/container:Container")["local-host1"]
    assert (host["memory"], host["cpus"]) == (4096, "1.5")
    assert "MEMORY_MIB=4096\\nMILLICPUS=1500" in host["uploads"][0]["content"]


def test_each_host_is_provisioned_with_its_own_document(mocks: Mocks) -> None:
    for number in (1, 2, 3):
        uploads = mocks.of_type("docker:index/container:Container")[f"local-host{number}"]["uploads"]
        assert [upload["file"] for upload in uploads] == ["/etc/altostratus/config.ign"]
        assert uploads[0]["permissions"] == "0600"
        document = yaml.safe_load(uploads[0]["content"])
        files = {file["path"]: file["contents"]["inline"] for file in document["storage"]["files"]}
        assert f"local-cert-kubelet-host{number}" in files["/etc/kubernetes/pki/kubelet.crt"]
        assert ("/etc/kubernetes/control-plane.env" in files) is (number == 1)


def test_nodes_keep_their_identity_when_a_machine_is_made_anew() -> None:
    mocks, _ = make(settings(hosts=4))
    node = mocks.of_type("altostratus:hosts:Node")["local-host4-joined"]
    assert node["machineId"] == "alto-local-host4"
    assert node["roles"] == ["worker"]
    assert {"name": "host4", "machineId": "local-host4-id"} in node["peers"]
    assert {"name": "host1", "machineId": "local-host1-id"} in node["peers"]


def test_a_control_planes_files_change_with_any_machine_and_a_workers_do_not(mocks: Mocks) -> None:
    nodes = mocks.of_type("altostratus:hosts:Node")
    path = "/etc/kubernetes/bootstrap/machines"
    assert "host3 local-host3-id" in nodes["local-host1-joined"]["files"][path]["content"]
    assert path not in nodes["local-host2-joined"]["files"]


def test_files_are_pushed_with_octal_modes_and_their_units(mocks: Mocks) -> None:
    node = mocks.of_type("altostratus:hosts:Node")["local-host1-joined"]
    assert node["files"]["/etc/kubernetes/pki/apiserver.key"]["mode"] == "0600"
    assert node["units"]["/etc/kubernetes/pki/kubelet"] == "kubelet.service"


def test_discovery_is_asked_for_as_many_members_as_there_will_be(mocks: Mocks) -> None:
    assert mocks.registered["local-discovery-token"].inputs["size"] == 3
    assert make(settings(hosts=2))[0].registered["local-discovery-token"].inputs["size"] == 1


def test_the_outputs_are_what_platforms_and_people_need() -> None:
    _, outputs = make(settings(controlPlanes=3))
    kubeconfig = yaml.safe_load(outputs["kubeconfig"])
    assert outputs["secret"] is True
    assert kubeconfig["current-context"] == "local"
    assert [each["cluster"]["server"] for each in kubeconfig["clusters"]] == [
        "https://10.88.0.10:6443",
        "https://10.88.0.11:6443",
        "https://10.88.0.12:6443",
    ]
    assert outputs["nodes"][0] == {
        "name": "host1",
        "address": "10.88.0.10",
        "roles": ["control-plane", "etcd", "worker"],
    }
    assert outputs["etcd"]["endpoints"] == [f"https://10.88.0.{number}:2379" for number in (10, 11, 12)]
    assert json.dumps(outputs["etcd"])

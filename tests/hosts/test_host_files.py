"""What is written to a host, by its roles."""

import base64
import json
import re
from pathlib import Path

import pytest
import yaml

from components.hosts.config import MadeHosts, load_hosts_config
from components.hosts.host_files import UNITS_BY_PATH, HostFile, encryption_key, host_files, machines_file
from components.hosts.ignition import units
from components.hosts.topology import Topology, plan
from tests.hosts.clusters import DISCOVERY_TOKEN, materials, pem, topology


def files_of(cloud: Topology, number: int) -> dict[str, HostFile]:
    return host_files(cloud, cloud.hosts[number - 1], materials(cloud))


def test_a_worker_gets_no_key_of_the_control_plane_or_of_etcd() -> None:
    files = files_of(topology(hosts=5), 5)
    text = "\n".join(file.content for file in files.values())
    for key in ("apiserver", "controller-manager", "scheduler", "bootstrap", "service account", "etcd-host"):
        assert f"PRIVATE KEY-----\n{key}" not in text
    assert DISCOVERY_TOKEN not in text
    assert not [path for path in files if "etcd" in path]


def test_a_host_gets_only_its_own_identity() -> None:
    files = files_of(topology(), 2)
    assert "kubelet-host2" in files["/etc/kubernetes/pki/kubelet.key"].content
    assert "etcd-host2" in files["/etc/etcd/pki/member.key"].content
    assert not [path for path, file in files.items() if "kubelet-host1" in file.content]


@pytest.mark.parametrize("number", [1, 2, 5])
def test_whatever_holds_a_secret_is_readable_by_root_alone(number: int) -> None:
    cloud = topology(hosts=5, control_planes=3)
    secrets = ("PRIVATE KEY", DISCOVERY_TOKEN, materials(cloud).encryption_key)
    for path, file in files_of(cloud, number).items():
        if any(secret in file.content for secret in secrets):
            assert file.mode == 0o600, path


def test_a_control_plane_knows_every_etcd_member_and_elects_only_when_it_has_rivals() -> None:
    alone = files_of(topology(), 1)["/etc/kubernetes/control-plane.env"].content.splitlines()
    assert "ETCD_SERVERS=https://10.88.0.10:2379,https://10.88.0.11:2379,https://10.88.0.12:2379" in alone
    assert "LEADER_ELECT=false" in alone
    rivals = files_of(topology(control_planes=3), 1)["/etc/kubernetes/control-plane.env"].content
    assert "LEADER_ELECT=true" in rivals


def test_every_hosts_balancer_reaches_every_control_plane() -> None:
    for number in (1, 4):
        text = files_of(topology(hosts=4, control_planes=3), number)[
            "/etc/altostratus/api-balancer.cfg"
        ].content
        assert re.findall(r"^    server (\S+) (\S+)$", text, re.MULTILINE) == [
            ("host1", "10.88.0.10:6443"),
            ("host2", "10.88.0.11:6443"),
            ("host3", "10.88.0.12:6443"),
        ]
        assert "bind 127.0.0.1:7443" in text
        assert "check-ssl verify required" in text


def test_kubeconfigs_on_hosts_point_to_files_that_are_there() -> None:
    files = files_of(topology(), 1)
    found = [path for path in files if path.endswith(".kubeconfig")]
    assert len(found) == 7
    for path in found:
        document = yaml.safe_load(files[path].content)
        assert document["clusters"][0]["cluster"]["certificate-authority"] in files
        user = document["users"][0]["user"]
        assert {user["client-certificate"], user["client-key"]} <= files.keys()


def test_the_kubelet_lets_nobody_in_unasked() -> None:
    kubelet = yaml.safe_load(files_of(topology(), 2)["/etc/kubernetes/kubelet.yaml"].content)
    assert kubelet["authentication"]["anonymous"] == {"enabled": False}
    assert kubelet["authorization"] == {"mode": "Webhook"}
    assert kubelet["readOnlyPort"] == 0
    assert kubelet["clusterDNS"] == ["169.254.20.10"]


def test_anonymous_callers_may_ask_for_health_and_nothing_else() -> None:
    document = yaml.safe_load(files_of(topology(), 1)["/etc/kubernetes/authentication.yaml"].content)
    assert document["anonymous"] == {"enabled": True, "conditions": [{"path": "/livez"}, {"path": "/readyz"}]}


def test_secrets_are_encrypted_at_rest_with_a_key_of_the_right_length() -> None:
    document = yaml.safe_load(files_of(topology(), 1)["/etc/kubernetes/encryption.yaml"].content)
    first = document["resources"][0]["providers"][0]["secretbox"]["keys"][0]["secret"]
    assert len(base64.b64decode(first)) == 32
    assert first == encryption_key("a generated password")


def test_a_host_that_may_become_a_member_knows_whether_it_is_one() -> None:
    two = files_of(topology(hosts=2), 2)["/etc/altostratus/etcd.env"].content
    assert 'MEMBERS="host1=10.88.0.10"' in two
    assert "NAME=host2" in two
    three = files_of(topology(hosts=3), 2)["/etc/altostratus/etcd.env"].content
    assert 'MEMBERS="host1=10.88.0.10 host2=10.88.0.11 host3=10.88.0.12"' in three


def test_manifests_and_settings_are_well_formed() -> None:
    files = files_of(topology(zones=["north"]), 1)
    nodes = [
        each for each in yaml.safe_load_all(files["/etc/kubernetes/bootstrap/nodes.yaml"].content) if each
    ]
    assert [node["metadata"]["name"] for node in nodes] == ["host1", "host2", "host3"]
    assert nodes[0]["metadata"]["labels"] == {
        "node-role.kubernetes.io/control-plane": "",
        "node-role.kubernetes.io/etcd": "",
        "node-role.kubernetes.io/worker": "",
        "topology.kubernetes.io/zone": "north",
    }
    assert json.loads(files["/etc/kubernetes/flannel.json"].content)["Network"] == "10.244.0.0/16"
    for path, file in files.items():
        if path.endswith(".yaml"):
            assert list(yaml.safe_load_all(file.content)), path


def test_units_named_for_files_exist_and_every_key_and_setting_has_one() -> None:
    known = {unit.name for unit in units()}
    assert set(UNITS_BY_PATH.values()) <= known
    unread = {
        "/etc/altostratus/cloud-ca.crt",  # read by etcd when it meets the others, once
        "/etc/kubernetes/resolv.conf",
        "/etc/sysctl.d/80-altostratus.conf",
    }
    for path in files_of(topology(control_planes=3), 1):
        looked_at_each_time = path.startswith("/etc/containerd/certs.d/") or path.endswith(".kubeconfig")
        if path not in unread and not looked_at_each_time and "bootstrap." not in path:
            assert any(path.startswith(prefix) for prefix in UNITS_BY_PATH), path


def test_control_planes_notice_a_machine_made_anew() -> None:
    cloud = topology()
    before = machines_file(cloud, cloud.hosts[0], {"host1": "a", "host2": "b", "host3": "c"})
    after = machines_file(cloud, cloud.hosts[0], {"host1": "a", "host2": "z", "host3": "c"})
    assert before.keys() == after.keys()
    assert before != after
    assert machines_file(cloud, cloud.hosts[1], {}) == {}


def test_a_registry_of_others_is_trusted_by_the_authority_that_the_settings_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text(pem("CERTIFICATE", "authority of others"))
    cloud = topology(registries={"registry.example.org:5000": str(tmp_path / "ca.pem")})
    files = files_of(cloud, 2)
    folder = "/etc/containerd/certs.d/registry.example.org:5000"
    assert files[f"{folder}/ca.crt"].content == pem("CERTIFICATE", "authority of others")
    assert f'ca = "{folder}/ca.crt"' in files[f"{folder}/hosts.toml"].content
    assert f"/etc/containerd/certs.d/{cloud.registry}/ca.crt" in files, "the cloud's own stays"


def test_machines_of_a_cloud_trust_no_address_where_no_registry_can_be() -> None:
    config = load_hosts_config(
        {
            "driver": "openstack",
            "image": "host",
            "flavor": "large",
            "externalNetwork": "public",
            "adminCidrs": ["192.0.2.0/24"],
        }
    )
    assert isinstance(config, MadeHosts)
    assert not [path for path in files_of(plan("far", config), 1) if "certs.d" in path]

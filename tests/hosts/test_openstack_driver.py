"""Hosts in an OpenStack: the whole program over the SDK's own types, its Ignition by the real tools."""

import base64
import gzip
import json
from typing import Any

import pytest

from components.hosts.config import HostsConfigError, load_hosts_config
from components.hosts.user_data import NOVA_LIMIT
from tests.hosts.cloud_mocks import VOLUME, CloudMocks, accepted, fit_for_joining, made, real_tools

# The SDK's own package imports its own deprecated modules.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_openstack")

SETTINGS: dict[str, Any] = {
    "driver": "openstack",
    "image": "altostratus-host",
    "flavor": "m1.large",
    "externalNetwork": "public",
    "zones": ["az-1", "az-2"],
    "adminCidrs": ["192.0.2.0/24"],
    "publicCidrs": ["0.0.0.0/0"],
    "dnsServers": ["9.9.9.9"],
    "keyPair": "emergency",
    "controlPlanes": 3,
    "volumeType": "encrypted",
    "volumeZone": "nova",
}
ANSWERS = {
    "openstack:networking/getNetwork:getNetwork": {"id": "external-id"},
    "openstack:images/getImage:getImage": {"id": "image-id"},
}
OUTPUTS = {"openstack:networking/floatingIp:FloatingIp": {"address": "203.0.113.{}"}}


@pytest.fixture(scope="module")
def cloud() -> tuple[CloudMocks, dict[str, Any]]:
    real_tools()
    return made(SETTINGS, OUTPUTS, ANSWERS)


@pytest.fixture
def mocks(cloud: tuple[CloudMocks, dict[str, Any]]) -> CloudMocks:
    return cloud[0]


def unpacked(user_data: str) -> dict[str, Any]:
    """The config inside user data, as Ignition would unpack it."""
    config = json.loads(user_data)
    inner = config["ignition"].get("config", {}).get("replace")
    if inner is None:
        return dict(config)
    assert inner["compression"] == "gzip"
    packed = base64.b64decode(inner["source"].removeprefix("data:;base64,"))
    return dict(json.loads(gzip.decompress(packed)))


def test_every_host_has_a_port_with_its_address_a_disk_and_a_server(mocks: CloudMocks) -> None:
    ports = mocks.of("networking/port:Port")
    addresses = {name: port["fixedIps"][0]["ipAddress"] for name, port in ports.items()}
    assert addresses == {
        "far-discovery-port": "10.88.0.2",
        "far-host1-port": "10.88.0.10",
        "far-host2-port": "10.88.0.11",
        "far-host3-port": "10.88.0.12",
    }
    assert all(port["securityGroupIds"] == ["far-hosts-id"] for port in ports.values())
    assert set(mocks.of("blockstorage/volume:Volume")) == {f"far-host{n}-var" for n in (1, 2, 3)}
    host = mocks.of("compute/instance:Instance")["far-host2"]
    assert (host["flavorName"], host["availabilityZone"], host["keyPair"]) == (
        "m1.large",
        "az-2",
        "emergency",
    )
    assert host["networks"] == [{"port": "far-host2-port-id"}]
    boot, disk = host["blockDevices"]
    assert (boot["uuid"], boot["bootIndex"]) == ("image-id", 0)
    assert (disk["uuid"], disk["deleteOnTermination"]) == (VOLUME, False)


def test_addresses_that_are_given_out_by_the_network_are_none_of_the_hosts(mocks: CloudMocks) -> None:
    subnet = mocks.of("networking/subnet:Subnet")["far-subnet"]
    assert subnet["allocationPools"] == [{"start": "10.88.0.251", "end": "10.88.0.254"}]
    assert (subnet["gatewayIp"], subnet["dnsNameservers"]) == ("10.88.0.1", ["9.9.9.9"])
    router = mocks.of("networking/router:Router")["far-router"]
    assert router["externalNetworkId"] == "external-id"


def test_only_who_is_named_reaches_the_hosts_from_outside(mocks: CloudMocks) -> None:
    rules = mocks.of("networking/secGroupRule:SecGroupRule")
    opened = {
        (r["remoteIpPrefix"], r["protocol"], r["portRangeMin"], r["portRangeMax"])
        for r in rules.values()
        if "remoteIpPrefix" in r
    }
    assert opened == {
        ("192.0.2.0/24", "tcp", 6443, 6443),
        ("192.0.2.0/24", "tcp", 22, 22),
        ("192.0.2.0/24", "tcp", 8087, 8087),
        ("0.0.0.0/0", "tcp", 30000, 32767),
        ("0.0.0.0/0", "udp", 30000, 32767),
    }
    among = rules["far-among-hosts"]
    assert among["remoteGroupId"] == among["securityGroupId"] == "far-hosts-id"


def test_every_machine_has_a_floating_address_that_its_certificate_names(
    cloud: tuple[CloudMocks, dict[str, Any]],
) -> None:
    mocks, outputs = cloud
    associated = mocks.of("networking/floatingIpAssociate:FloatingIpAssociate")
    assert {each["portId"]: each["floatingIp"] for each in associated.values()} == {
        "far-discovery-port-id": "203.0.113.100",
        **{f"far-host{number}-port-id": f"203.0.113.{number}" for number in (1, 2, 3)},
    }
    certificates = mocks.of("altostratus:pki:Certificate")
    assert "203.0.113.1" in certificates["far-cert-apiserver-host1"]["ipAddresses"]
    assert certificates["far-cert-discovery"]["ipAddresses"] == ["10.88.0.2", "203.0.113.100"]
    assert not certificates["far-cert-apiserver-etcd-client"]["ipAddresses"]
    assert "server: https://203.0.113.1:6443" in outputs["kubeconfig"]
    assert outputs["kubeconfig"].endswith("current-context: far\n")


def test_the_way_in_does_not_end_with_the_first_of_three_control_planes(
    cloud: tuple[CloudMocks, dict[str, Any]],
) -> None:
    mocks, outputs = cloud
    for number in (1, 2, 3):
        assert f"server: https://203.0.113.{number}:6443" in outputs["kubeconfig"]
        certificate = mocks.of("altostratus:pki:Certificate")[f"far-cert-apiserver-host{number}"]
        assert f"203.0.113.{number}" in certificate["ipAddresses"]


def test_the_token_is_fetched_where_a_workstation_reaches_it_and_members_are_told_the_inside(
    mocks: CloudMocks,
) -> None:
    token = mocks.of("altostratus:etcd:DiscoveryToken")["far-discovery-token"]
    assert token["reachedAt"] == "https://203.0.113.100:8087"
    assert token["endpoint"] == "https://10.88.0.2:8087"


def test_disks_have_a_type_and_a_zone_of_their_own_where_they_are_told(mocks: CloudMocks) -> None:
    for volume in mocks.of("blockstorage/volume:Volume").values():
        assert (volume["volumeType"], volume["availabilityZone"]) == ("encrypted", "nova")
    assert mocks.of("compute/instance:Instance")["far-host2"]["availabilityZone"] == "az-2"


def test_where_machines_are_is_kept(mocks: CloudMocks) -> None:
    kept = mocks.of("altostratus:hosts:Ranges")["far-ranges"]["places"]
    assert kept == {
        "host1": "10.88.0.10 in az-1",
        "host2": "10.88.0.11 in az-2",
        "host3": "10.88.0.12 in az-1",
    }


def test_ignition_is_user_data_that_fits_and_the_real_tools_accept(mocks: CloudMocks) -> None:
    for name, server in mocks.of("compute/instance:Instance").items():
        data = server["userData"]
        assert len(base64.b64encode(data.encode())) <= NOVA_LIMIT, name
        accepted(data)
        accepted(json.dumps(unpacked(data)))
        raw = mocks.raw("compute/instance:Instance", name)["userData"]
        assert isinstance(raw, dict), "user data holds keys, so it is a secret"


def test_ignition_is_the_hosts_own_with_a_disk_under_var_and_a_way_in(mocks: CloudMocks) -> None:
    config = unpacked(mocks.of("compute/instance:Instance")["far-host1"]["userData"])
    [disk] = config["storage"]["filesystems"]
    assert disk["device"] == f"/dev/disk/by-id/virtio-{VOLUME[:20]}"
    fit_for_joining(config)
    assert (disk["path"], disk["wipeFilesystem"]) == ("/var", False)
    assert "var.mount" in {unit["name"] for unit in config["systemd"]["units"]}
    files = {each["path"]: each for each in config["storage"]["files"]}
    assert {"/etc/kubernetes/kubelet.yaml", "/etc/etcd/pki/ca.crt", "/root/.ssh/authorized_keys"} <= set(
        files
    )
    assert files["/etc/ssh/ssh_host_ecdsa_key"]["mode"] == 0o600
    discovery = unpacked(mocks.of("compute/instance:Instance")["far-discovery"]["userData"])
    assert discovery["systemd"]["units"][0]["name"] == "altostratus-discovery.service"


def test_hosts_are_told_apart_by_server_and_reached_by_address(mocks: CloudMocks) -> None:
    node = mocks.of("altostratus:hosts:Node")["far-host1-joined"]
    assert (node["driver"], node["machineId"]) == ("openstack", "203.0.113.1")
    assert node["peers"][0] == {"name": "host1", "machineId": "203.0.113.1/far-host1-id"}
    assert node["access"]["hostKey"].startswith("ecdsa-sha2-nistp256 ")
    assert isinstance(mocks.raw("altostratus:hosts:Node", "far-host1-joined")["access"], dict)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"flavor": None}, "flavor"),
        ({"adminCidrs": ["anywhere"]}, "write an IPv4 range"),
        ({"adminCidrs": None}, "adminCidrs names nobody, so not even the update"),
        ({"machineType": "m6i.large"}, "machineType is not a setting of hosts"),
        ({"controlPlanes": 3, "hosts": 2}, "controlPlanes is 3, but there are only 2 hosts"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(change: dict[str, Any], said: str) -> None:
    values = {k: v for k, v in {**SETTINGS, **change}.items() if v is not None}
    with pytest.raises(HostsConfigError, match=said):
        load_hosts_config(values)

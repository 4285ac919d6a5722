"""Hosts in AWS: the whole program over the SDK's own types, its Ignition by the real tools."""

import json
import re
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from components.hosts.config import HostsConfigError, load_hosts_config
from components.hosts.user_data import EC2_LIMIT
from tests.hosts.cloud_mocks import VOLUME, CloudMocks, accepted, fit_for_joining, made, real_tools

# The SDK's own package imports its own deprecated modules.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pulumi_aws")

SETTINGS: dict[str, Any] = {
    "driver": "aws",
    "region": "eu-central-1",
    "image": "ami-0123456789abcdef0",
    "zones": ["eu-central-1a", "eu-central-1b"],
    "subnet": "10.90.0.0/24",
    "hosts": 4,
    "controlPlanes": 3,
    "adminCidrs": ["192.0.2.0/24"],
    "publicCidrs": ["198.51.100.0/24"],
}
BUCKET = "arn:aws:s3:::alto-far-1"
OUTPUTS = {
    "aws:lb/loadBalancer:LoadBalancer": {"dnsName": "alto-far.elb.example.org", "arn": "lb-arn"},
    "aws:lb/targetGroup:TargetGroup": {"arn": "targets-arn"},
    "aws:ec2/eip:Eip": {"publicIp": "203.0.113.{}"},
    "aws:s3/bucket:Bucket": {"arn": BUCKET, "bucket": "alto-far-1"},
}


@pytest.fixture(scope="module")
def cloud() -> tuple[CloudMocks, dict[str, Any]]:
    real_tools()
    return made(SETTINGS, OUTPUTS, {})


@pytest.fixture
def mocks(cloud: tuple[CloudMocks, dict[str, Any]]) -> CloudMocks:
    return cloud[0]


def test_each_zone_has_its_part_of_the_range_and_hosts_have_addresses_in_their_own(mocks: CloudMocks) -> None:
    subnets = mocks.of("ec2/subnet:Subnet")
    ranges = {name: IPv4Network(subnet["cidrBlock"]) for name, subnet in subnets.items()}
    assert sorted(str(each) for each in ranges.values()) == ["10.90.0.0/25", "10.90.0.128/25"]
    assert mocks.of("ec2/vpc:Vpc")["far-vpc"]["cidrBlock"] == "10.90.0.0/24"
    interfaces = mocks.of("ec2/networkInterface:NetworkInterface")
    assert len({tuple(each["privateIps"]) for each in interfaces.values()}) == 5
    for name, each in interfaces.items():
        subnet = ranges[each["subnetId"].removesuffix("-id")]
        [address] = map(IPv4Address, each["privateIps"])
        assert address in subnet, name
        # AWS keeps the first four addresses of a subnet, and the last.
        assert address not in (*list(subnet)[:4], subnet[-1]), name
        assert each["securityGroups"] == ["far-hosts-id"]
    assert interfaces["far-host2-interface"]["subnetId"] == "far-eu-central-1b-id"


def test_every_machine_has_a_public_address_from_its_first_moment_on(mocks: CloudMocks) -> None:
    addresses = mocks.of("ec2/eip:Eip")
    for name, instance in mocks.of("ec2/instance:Instance").items():
        interface = f"{name}-interface-id"
        assert instance["primaryNetworkInterface"] == {"networkInterfaceId": interface}
        assert addresses[f"{name}-address"]["networkInterface"] == interface


def test_user_data_is_small_tells_nothing_and_the_config_is_where_it_says(mocks: CloudMocks) -> None:
    for name, instance in mocks.of("ec2/instance:Instance").items():
        data = instance["userData"]
        assert len(data.encode()) <= EC2_LIMIT
        assert "PRIVATE KEY" not in data
        accepted(data)
        machine = name.removeprefix("far-")
        source = json.loads(data)["ignition"]["config"]["replace"]["source"]
        assert source == f"s3://alto-far-1/{machine}.ign"
        stored = mocks.of("s3/bucketObjectv2:BucketObjectv2")[f"{name}-ignition"]
        assert stored["key"] == f"{machine}.ign"
        accepted(stored["content"])
        raw = mocks.raw("s3/bucketObjectv2:BucketObjectv2", f"{name}-ignition")["content"]
        assert isinstance(raw, dict), "the config holds keys, so it is a secret"


def test_a_machine_may_read_its_own_config_and_nothing_else(mocks: CloudMocks) -> None:
    for machine in ("discovery", "host1", "host4"):
        allowed = mocks.of("iam/rolePolicy:RolePolicy")[f"far-{machine}-ignition"]
        assert allowed["role"] == f"far-{machine}-id"
        assert json.loads(allowed["policy"])["Statement"] == [
            {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/{machine}.ign"}
        ]
    private = mocks.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock")["far-ignition-private"]
    assert all(private[key] for key in private if key != "bucket")
    policy = json.loads(mocks.of("s3/bucketPolicy:BucketPolicy")["far-ignition-tls"]["policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_containers_do_not_reach_the_instances_role(mocks: CloudMocks) -> None:
    for instance in mocks.of("ec2/instance:Instance").values():
        assert instance["metadataOptions"]["httpTokens"] == "required"
        assert instance["metadataOptions"]["httpPutResponseHopLimit"] == 1
        assert instance["rootBlockDevice"]["encrypted"] is True
    config = mocks.of("s3/bucketObjectv2:BucketObjectv2")["far-host1-ignition"]["content"]
    assert "kubelet.service.d/10-metadata.conf" in config


def test_the_api_server_is_behind_a_balancer_that_its_certificates_name(
    cloud: tuple[CloudMocks, dict[str, Any]],
) -> None:
    mocks, outputs = cloud
    balancer = mocks.of("lb/loadBalancer:LoadBalancer")["far-api"]
    assert balancer["loadBalancerType"] == "network"
    assert balancer["subnets"] == ["far-eu-central-1a-id", "far-eu-central-1b-id"]
    attached = mocks.of("lb/targetGroupAttachment:TargetGroupAttachment")
    assert {each["targetId"] for each in attached.values()} == {f"far-host{n}-id" for n in (1, 2, 3)}
    listener = mocks.of("lb/listener:Listener")["far-api"]
    assert (listener["port"], listener["protocol"]) == (6443, "TCP")
    assert listener["defaultActions"][0]["targetGroupArn"] == "targets-arn"
    certificates = mocks.of("altostratus:pki:Certificate")
    for number in (1, 2, 3):
        assert "alto-far.elb.example.org" in certificates[f"far-cert-apiserver-host{number}"]["dnsNames"]
    servers = re.findall("server: (.*)", outputs["kubeconfig"])
    inside = [f"https://203.0.113.{number}:6443" for number in (1, 2, 3)]
    assert servers == ["https://alto-far.elb.example.org:6443", *inside]


def test_only_who_is_named_reaches_the_hosts_from_outside(mocks: CloudMocks) -> None:
    ingress = mocks.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    opened = {(r["cidrIpv4"], r["fromPort"], r["toPort"]) for r in ingress.values() if "cidrIpv4" in r}
    assert opened == {
        ("192.0.2.0/24", 6443, 6443),
        ("192.0.2.0/24", 22, 22),
        ("192.0.2.0/24", 8087, 8087),
        ("198.51.100.0/24", 30000, 32767),
    }
    assert ingress["far-among-hosts"]["referencedSecurityGroupId"] == "far-hosts-id"


def test_disks_are_encrypted_outlive_their_instance_and_are_found_by_ignition(mocks: CloudMocks) -> None:
    volume = mocks.of("ebs/volume:Volume")["far-host2-var"]
    assert (volume["encrypted"], volume["availabilityZone"]) == (True, "eu-central-1b")
    attached = mocks.of("ec2/volumeAttachment:VolumeAttachment")["far-host2-var-attached"]
    assert (attached["instanceId"], attached["volumeId"]) == ("far-host2-id", VOLUME)
    config = json.loads(mocks.of("s3/bucketObjectv2:BucketObjectv2")["far-host2-ignition"]["content"])
    device = config["storage"]["filesystems"][0]["device"]
    assert device == f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{VOLUME.replace('-', '')}"


def test_hosts_are_reached_over_ssh_at_their_public_address(mocks: CloudMocks) -> None:
    node = mocks.of("altostratus:hosts:Node")["far-host1-joined"]
    assert (node["driver"], node["machineId"], node["address"]) == ("aws", "203.0.113.1", "10.90.0.10")
    assert {peer["machineId"] for peer in node["peers"]} == {
        f"203.0.113.{number}/far-host{number}-id" for number in (1, 2, 3)
    }


def test_the_token_is_fetched_where_a_workstation_reaches_it_and_members_are_told_the_inside(
    mocks: CloudMocks,
) -> None:
    token = mocks.of("altostratus:etcd:DiscoveryToken")["far-discovery-token"]
    assert token["reachedAt"] == "https://203.0.113.100:8087"
    assert token["endpoint"] == "https://10.90.0.6:8087"
    named = mocks.of("altostratus:pki:Certificate")["far-cert-discovery"]["ipAddresses"]
    assert set(named) == {"10.90.0.6", "203.0.113.100"}


def test_a_machine_counts_as_provisioned_once_ignition_is_through(mocks: CloudMocks) -> None:
    for number in (1, 4):
        stored = mocks.of("s3/bucketObjectv2:BucketObjectv2")[f"far-host{number}-ignition"]
        fit_for_joining(json.loads(stored["content"]))


def test_services_are_told_at_public_addresses_where_they_are_open(
    cloud: tuple[CloudMocks, dict[str, Any]],
) -> None:
    public = [f"203.0.113.{number}" for number in (1, 2, 3, 4)]
    assert [node["publicAddress"] for node in cloud[1]["nodes"]] == public
    assert cloud[1]["reach"] == public


def test_where_machines_are_is_kept_and_their_zones_subnets_too(mocks: CloudMocks) -> None:
    kept = mocks.of("altostratus:hosts:Ranges")["far-ranges"]["places"]
    assert kept["host2"] == "10.90.0.138 in eu-central-1b of eu-central-1"
    assert kept["zone eu-central-1a"] == "10.90.0.0/25"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"zones": []}, "zones is empty; name at least one"),
        ({"zones": ["us-east-1a"]}, "zones us-east-1a are not in region eu-central-1"),
        ({"image": "debian"}, "image is 'debian'; write the id of a machine image"),
        ({"region": None}, "region is missing"),
        ({"subnet": "172.16.0.0/12"}, "must be between a /16 and a /28"),
        ({"subnet": "10.90.0.0/28"}, "too small"),
        ({"flavor": "m1"}, "flavor is not a setting of hosts"),
        ({"adminCidrs": []}, "adminCidrs names nobody"),
        ({"machineType": "t2.large"}, "machineType t2.large is from before Nitro"),
        ({"machineType": "m4.16xlarge"}, "write a newer one such as m6i.large"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(change: dict[str, Any], said: str) -> None:
    values = {k: v for k, v in {**SETTINGS, **change}.items() if v is not None}
    with pytest.raises(HostsConfigError, match=said):
        load_hosts_config(values)


@pytest.mark.parametrize("machine", ["t3.large", "m6i.large", "p3dn.24xlarge", "i3.metal", "c5.xlarge"])
def test_machines_of_nitro_may_be_any(machine: str) -> None:
    load_hosts_config({**SETTINGS, "machineType": machine})

"""Which host gets which role, address and zone, and what certificates follow from that."""

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from components.hosts.certificates import ETCD, KUBERNETES, certificates
from components.hosts.host_files import host_files
from components.hosts.topology import etcd_members_for
from tests.hosts.clusters import materials, topology


def test_three_hosts_make_one_control_plane_and_three_etcd_members() -> None:
    cloud = topology()
    assert [(host.name, host.address, host.roles) for host in cloud.hosts] == [
        ("host1", "10.88.0.10", ("control-plane", "etcd", "worker")),
        ("host2", "10.88.0.11", ("etcd", "worker")),
        ("host3", "10.88.0.12", ("etcd", "worker")),
    ]
    assert (cloud.discovery_url, cloud.registry) == ("https://10.88.0.2:8087", "10.88.0.3:5000")
    assert str(cloud.api_service_address) == "10.96.0.1"


@pytest.mark.parametrize(("hosts", "members"), [(1, 1), (2, 1), (3, 3), (4, 3), (9, 3)])
def test_etcd_has_an_odd_number_of_members(hosts: int, members: int) -> None:
    assert etcd_members_for(hosts) == members
    assert len(topology(hosts=hosts).etcd_members) == members


def test_zones_are_given_in_turn_and_default_to_the_cloud() -> None:
    assert [host.zone for host in topology(zones=["a", "b"]).hosts] == ["a", "b", "a"]
    assert {host.zone for host in topology().hosts} == {"local"}


def test_a_region_is_for_all_hosts_and_told_to_their_kubelets_only_where_it_is_given() -> None:
    with_region, without = topology(region="north", zones=["a", "b"]), topology(zones=["a", "b"])
    (said, unsaid) = (
        host_files(each, each.hosts[1], materials(each))["/etc/kubernetes/node.env"].content.splitlines()
        for each in (with_region, without)
    )
    labels = "NODE_LABELS=topology.kubernetes.io/zone=b"
    assert f"{labels},topology.kubernetes.io/region=north" in said
    assert labels in unsaid


@given(st.integers(1, 40), st.sampled_from([1, 3]))
@limits(max_examples=25, deadline=None)
def test_a_further_host_never_changes_the_hosts_that_are_there(hosts: int, planes: int) -> None:
    planes = planes if planes <= hosts else 1
    before, after = topology(hosts, planes), topology(hosts + 1, planes)
    kept = [(host.name, host.address, host.zone, host.pod_cidr) for host in after.hosts[:hosts]]
    assert kept == [(host.name, host.address, host.zone, host.pod_cidr) for host in before.hosts]
    assert len({host.pod_cidr for host in after.hosts}) == len(after.hosts)
    assert all(host.pod_cidr.subnet_of(after.pod_cidr) for host in after.hosts)
    assert after.control_planes == before.control_planes or hosts < 3


def test_every_certificate_says_who_may_use_it_and_where() -> None:
    specs = {spec.key: spec for spec in certificates(topology(control_planes=3))}
    kubelet = specs["kubelet-host2"]
    assert (kubelet.common_name, kubelet.organizations) == ("system:node:host2", ("system:nodes",))
    assert kubelet.ip_addresses == ("10.88.0.11",)
    server = specs["apiserver-host3"]
    assert server.usages == ("server",)
    assert set(server.ip_addresses) == {"127.0.0.1", "10.88.0.12", "10.96.0.1"}
    assert "kubernetes.default.svc.cluster.local" in server.dns_names
    assert specs["etcd-host1"].usages == ("server", "client")


def test_only_the_administrator_and_the_bootstrap_are_masters() -> None:
    masters = [spec.key for spec in certificates(topology()) if "system:masters" in spec.organizations]
    assert sorted(masters) == ["admin", "bootstrap"]


def test_etcd_trusts_nobody_whom_kubernetes_signed() -> None:
    specs = certificates(topology(hosts=5))
    assert {spec.key for spec in specs if spec.authority == ETCD} == {
        "apiserver-etcd-client",
        "etcd-admin",
        "etcd-host1",
        "etcd-host2",
        "etcd-host3",
    }
    assert {spec.key for spec in specs if spec.key.startswith("kubelet-")} == {
        f"kubelet-host{number}" for number in range(1, 6)
    }
    assert all(spec.authority == KUBERNETES for spec in specs if spec.key.startswith("kubelet-"))

"""The settings of a hosts stack: what is accepted, and every fault told at once in words."""

from ipaddress import IPv4Network

import pytest

from components.hosts.config import DockerHosts, ExistingCluster, HostsConfigError, load_hosts_config


def faults(**values: object) -> str:
    with pytest.raises(HostsConfigError) as caught:
        load_hosts_config(values)
    return "\n".join(caught.value.problems)


def test_settings_are_read_from_what_people_write() -> None:
    config = load_hosts_config(
        {
            "hosts": 5,
            "controlPlanes": 3,
            "subnet": "10.90.0.0/24",
            "memory": "4Gi",
            "cpus": 1.5,
            "zones": ["a", "b"],
        }
    )
    assert isinstance(config, DockerHosts)
    assert (config.hosts, config.control_planes) == (5, 3)
    assert config.subnet == IPv4Network("10.90.0.0/24")
    assert (config.memory_mib, config.millicpus) == (4096, 1500)
    assert config.zones == ("a", "b")


def test_nothing_written_means_three_hosts_on_docker() -> None:
    config = load_hosts_config({})
    assert isinstance(config, DockerHosts)
    assert (config.driver, config.hosts, config.control_planes, config.millicpus) == ("docker", 3, 1, 0)


def test_an_existing_cluster_needs_no_host_settings() -> None:
    config = load_hosts_config({"driver": "existing", "kubeconfig": "~/.kube/config", "context": "prod"})
    assert isinstance(config, ExistingCluster)
    assert (config.kubeconfig, config.context) == ("~/.kube/config", "prod")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"host": 3}, "host is not a setting"),
        ({"driver": "vmware"}, "driver must be docker, openstack, aws or existing, not 'vmware'"),
        ({"hosts": 0}, "hosts is 0"),
        ({"hosts": "3"}, "hosts is '3'"),
        ({"controlPlanes": 2}, "controlPlanes is 2"),
        ({"controlPlanes": 3, "hosts": 1}, "there are only 1 hosts"),
        ({"subnet": "10.88.0.0"}, "write an IPv4 range such as"),
        ({"joins": {"alto-other": "there"}}, "write an IPv4 address such as"),
        ({"joins": {"alto-other": "10.88.0.240"}}, "which is in the hosts' own 10.88.0.0/24"),
        ({"reachedAt": ["one two"]}, "write an IPv4 address or a host name"),
        ({"subnet": "10.88.0.1/24"}, "has host bits set"),
        ({"subnet": "10.88.0.0/29"}, "too small for 3 hosts"),
        ({"podCidr": "10.244.0.0/24"}, "every host takes a /24"),
        ({"podCidr": "10.88.0.0/16"}, "overlaps"),
        ({"subnet": "169.254.20.0/24"}, "overlaps the link-local range"),
        ({"memory": "4"}, "an amount with its unit"),
        ({"memory": "512Mi"}, "at least 1Gi"),
        ({"zones": ["North"]}, "zones.0 is 'North'"),
        ({"registries": {"r.example.org/x": "ca.pem"}}, "write a registry's address such as"),
        ({"registries": {"r.example.org": "/nowhere.pem"}}, "registries.r.example.org is '/nowhere.pem'"),
        ({"registries": {"r.example.org": "README.md"}}, "holds the authority's certificate (PEM)"),
        ({"driver": "existing", "hosts": 3}, "hosts is not a setting"),
    ],
)
def test_a_wrong_setting_is_told_with_its_value(values: dict[str, object], told: str) -> None:
    assert told in faults(**values)


def test_all_faults_are_told_at_once() -> None:
    told = faults(hosts=0, controlPlanes=2, colour="blue")
    assert all(part in told for part in ("hosts is 0", "controlPlanes is 2", "colour is not a setting"))
    told = faults(controlPlanes=3, hosts=2, podCidr="10.96.0.0/16")
    assert "only 2 hosts" in told
    assert "podCidr 10.96.0.0/16 overlaps serviceCidr" in told


def test_settings_that_are_no_object_are_refused() -> None:
    with pytest.raises(HostsConfigError, match="write an object"):
        load_hosts_config(["docker"])

"""Made-up clouds for these tests: topologies, and key material that only looks like it."""

from components.hosts.certificates import AUTHORITIES, certificates
from components.hosts.config import DockerHosts, load_hosts_config
from components.hosts.host_files import KeyPair, Materials, encryption_key
from components.hosts.topology import Topology, plan

DISCOVERY_TOKEN = "https://10.88.0.2:8087/0123456789abcdef"  # noqa: S105


def settings(**values: object) -> DockerHosts:
    config = load_hosts_config(values)
    assert isinstance(config, DockerHosts)
    return config


def topology(hosts: int = 3, control_planes: int = 1, **values: object) -> Topology:
    return plan("local", settings(hosts=hosts, controlPlanes=control_planes, **values))


def pem(kind: str, name: str) -> str:
    return f"-----BEGIN {kind}-----\n{name}\n-----END {kind}-----\n"


def pair(name: str) -> KeyPair:
    return KeyPair(pem("CERTIFICATE", name), pem("PRIVATE KEY", name))


def materials(cloud: Topology) -> Materials:
    return Materials(
        authorities={name: pem("CERTIFICATE", f"authority {name}") for name in AUTHORITIES},
        certificates={spec.key: pair(spec.key) for spec in certificates(cloud)},
        service_account=KeyPair(pem("PUBLIC KEY", "service account"), pem("PRIVATE KEY", "service account")),
        encryption_key=encryption_key("a generated password"),
        discovery_url=DISCOVERY_TOKEN,
    )

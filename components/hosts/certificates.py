"""Which certificates a cloud needs, and who may be whom. Pure: a list of what to issue.

Four authorities keep the realms apart: a key that opens etcd opens nothing else.
"""

from dataclasses import dataclass

from components.hosts.topology import DISCOVERY, Topology

CLOUD = "cloud"
"""Signs what the cloud's own services show: discovery, registry, git."""
KUBERNETES = "kubernetes"
ETCD = "etcd"
FRONT_PROXY = "front-proxy"
AUTHORITIES = (CLOUD, KUBERNETES, ETCD, FRONT_PROXY)

AUTHORITY_HOURS = 10 * 365 * 24
CERTIFICATE_HOURS = 365 * 24
RENEW_BEFORE_HOURS = 60 * 24

_BOTH = ("server", "client")
_SERVER = ("server",)
_CLIENT = ("client",)


@dataclass(frozen=True)
class CertificateSpec:
    """One certificate to issue: `key` names it within the cloud.

    `shown_by`: the machine that shows it also to who comes from outside the cloud's network; empty, nobody.
    """

    key: str
    authority: str
    common_name: str
    usages: tuple[str, ...]
    organizations: tuple[str, ...] = ()
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    shown_by: str = ""


def certificates(topology: Topology) -> list[CertificateSpec]:
    """Every certificate of the cloud, in a stable order."""
    specs = [
        CertificateSpec(
            key="discovery",
            authority=CLOUD,
            common_name="etcd discovery",
            usages=_SERVER,
            ip_addresses=(topology.discovery_address,),
            shown_by=DISCOVERY,
        ),
        CertificateSpec("apiserver-etcd-client", ETCD, "kube-apiserver", _CLIENT),
        CertificateSpec("apiserver-kubelet-client", KUBERNETES, "kube-apiserver-kubelet-client", _CLIENT),
        CertificateSpec("front-proxy-client", FRONT_PROXY, "front-proxy-client", _CLIENT),
        CertificateSpec("controller-manager", KUBERNETES, "system:kube-controller-manager", _CLIENT),
        CertificateSpec("scheduler", KUBERNETES, "system:kube-scheduler", _CLIENT),
        CertificateSpec("kube-proxy", KUBERNETES, "system:kube-proxy", _CLIENT),
        CertificateSpec("flannel", KUBERNETES, "flannel", _CLIENT),
        CertificateSpec("coredns", KUBERNETES, "coredns", _CLIENT),
        CertificateSpec("bootstrap", KUBERNETES, "altostratus-bootstrap", _CLIENT, ("system:masters",)),
        CertificateSpec("etcd-admin", ETCD, "altostratus-admin", _CLIENT),
        CertificateSpec("admin", KUBERNETES, "altostratus-admin", _CLIENT, ("system:masters",)),
    ]
    for host in topology.etcd_candidates:
        specs.append(
            CertificateSpec(
                key=f"etcd-{host.name}",
                authority=ETCD,
                common_name=host.name,
                usages=_BOTH,
                dns_names=(host.name, "localhost"),
                ip_addresses=(host.address, "127.0.0.1"),
            )
        )
    for host in topology.control_planes:
        specs.append(
            CertificateSpec(
                key=f"apiserver-{host.name}",
                authority=KUBERNETES,
                common_name="kube-apiserver",
                usages=_SERVER,
                dns_names=(
                    "kubernetes",
                    "kubernetes.default",
                    "kubernetes.default.svc",
                    "kubernetes.default.svc.cluster.local",
                    "localhost",
                    host.name,
                ),
                ip_addresses=("127.0.0.1", host.address, str(topology.api_service_address)),
                shown_by=host.name,
            )
        )
    for host in topology.hosts:
        specs.append(
            CertificateSpec(
                key=f"kubelet-{host.name}",
                authority=KUBERNETES,
                common_name=f"system:node:{host.name}",
                usages=_BOTH,
                organizations=("system:nodes",),
                dns_names=(host.name,),
                ip_addresses=(host.address,),
            )
        )
    return specs

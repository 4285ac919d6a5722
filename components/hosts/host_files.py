"""The files of one host, by its roles. Pure: topology and key material in, text out.

They are written twice in a host's life: by Ignition at the first boot, and again when
something in them changes (a renewed certificate, a further control plane).
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.hosts.certificates import CLOUD, ETCD, FRONT_PROXY, KUBERNETES
from components.hosts.kubeconfig import part_kubeconfig
from components.hosts.topology import CONTROL_PLANE, Host, Topology

_TEMPLATES = Path(__file__).parent / "butane" / "files"
_PKI = "/etc/kubernetes/pki"

PUBLIC = 0o644
PRIVATE = 0o600


@dataclass(frozen=True)
class KeyPair:
    """PEM texts: a certificate (or public key) and its private key."""

    certificate: str
    private_key: str


@dataclass(frozen=True)
class Materials:
    """Everything secret or issued that hosts are given.

    `authorities` are certificates by name; `certificates` are keyed as `certificates.certificates()`
    keys them; `encryption_key` is base64 of the 32 bytes that encrypt Secrets in etcd;
    `discovery_url` is the token's URL.
    """

    authorities: dict[str, str]
    certificates: dict[str, KeyPair]
    service_account: KeyPair
    encryption_key: str
    discovery_url: str


@dataclass(frozen=True)
class HostFile:
    content: str
    mode: int = PUBLIC


UNITS_BY_PATH = {
    "/etc/altostratus/api-balancer.cfg": "api-balancer.service",
    "/etc/altostratus/etcd.": "etcd.service",
    "/etc/containerd/config.toml": "containerd.service",
    "/etc/etcd/pki/": "etcd.service",
    "/etc/kubernetes/Corefile": "coredns.service",
    "/etc/kubernetes/authentication.yaml": "kube-apiserver.service",
    "/etc/kubernetes/bootstrap/": "cluster-bootstrap.service",
    "/etc/kubernetes/control-plane.env": "control-plane.target",
    "/etc/kubernetes/encryption.yaml": "kube-apiserver.service",
    "/etc/kubernetes/flannel.json": "flanneld.service",
    "/etc/kubernetes/kube-proxy.yaml": "kube-proxy.service",
    "/etc/kubernetes/kubelet.yaml": "kubelet.service",
    "/etc/kubernetes/node.env": "kubelet.service",
    f"{_PKI}/ca.crt": "cluster.target",
    f"{_PKI}/apiserver": "kube-apiserver.service",
    f"{_PKI}/controller-manager": "kube-controller-manager.service",
    f"{_PKI}/coredns": "coredns.service",
    f"{_PKI}/etcd-ca.crt": "kube-apiserver.service",
    f"{_PKI}/flannel": "flanneld.service",
    f"{_PKI}/front-proxy": "kube-apiserver.service",
    f"{_PKI}/kube-proxy": "kube-proxy.service",
    f"{_PKI}/kubelet": "kubelet.service",
    f"{_PKI}/scheduler": "kube-scheduler.service",
    f"{_PKI}/service-account": "control-plane.target",
}
"""Which unit reads the files under a path, and is started again when they change."""


def machines_file(topology: Topology, host: Host, machines: dict[str, str]) -> dict[str, HostFile]:
    """Which machine stands for each host now (`machines`: id by host name).

    It says nothing to Kubernetes. But when a machine is made anew, its node may be a new one too,
    so the control planes look at all nodes again.
    """
    if CONTROL_PLANE not in host.roles:
        return {}
    lines = "".join(f"{each.name} {machines[each.name]}\n" for each in topology.hosts)
    return {"/etc/kubernetes/bootstrap/machines": HostFile(lines)}


def encryption_key(password: str) -> str:
    """The key (base64, 32 bytes) that encrypts Secrets in etcd, from a generated password."""
    return base64.b64encode(hashlib.sha256(password.encode()).digest()).decode()


def host_files(topology: Topology, host: Host, materials: Materials) -> dict[str, HostFile]:
    """Every file of `host`, by its path on the host, sorted."""
    scope = {"host": host, "cluster": topology, "secrets": materials}
    files = _every_host(scope, host, materials)
    if host in topology.etcd_candidates:
        files |= _etcd(scope, host, materials)
    if CONTROL_PLANE in host.roles:
        files |= _control_plane(scope, host, materials)
    return dict(sorted(files.items()))


def _every_host(scope: dict[str, Any], host: Host, materials: Materials) -> dict[str, HostFile]:
    topology: Topology = scope["cluster"]
    cloud_authority = HostFile(materials.authorities[CLOUD])
    files = {
        "/etc/sysctl.d/80-altostratus.conf": _render("sysctl.conf", scope),
        "/etc/altostratus/api-balancer.cfg": _render("api-balancer.cfg.j2", scope),
        "/etc/altostratus/cloud-ca.crt": cloud_authority,
        "/etc/containerd/config.toml": _render("containerd.toml", scope),
        "/etc/kubernetes/Corefile": _render("Corefile.j2", scope),
        "/etc/kubernetes/flannel.json": _render("flannel.json.j2", scope),
        "/etc/kubernetes/kube-proxy.yaml": _render("kube-proxy.yaml.j2", scope),
        "/etc/kubernetes/kubelet.yaml": _render("kubelet.yaml.j2", scope),
        "/etc/kubernetes/node.env": _render("node.env.j2", scope),
        "/etc/kubernetes/resolv.conf": _render("resolv.conf.j2", scope),
        f"{_PKI}/ca.crt": HostFile(materials.authorities[KUBERNETES]),
    }
    trusted = {topology.registry: materials.authorities[CLOUD]} if topology.own_registry else {}
    for registry, authority in {**trusted, **topology.registries}.items():
        folder = f"/etc/containerd/certs.d/{registry}"
        files[f"{folder}/hosts.toml"] = _render("registry-hosts.toml.j2", {"registry": registry})
        files[f"{folder}/ca.crt"] = HostFile(authority)
    files |= _pair(f"{_PKI}/kubelet", materials.certificates[f"kubelet-{host.name}"])
    files |= _kubeconfig("kubelet", f"system:node:{host.name}")
    for part, user in (("kube-proxy", "system:kube-proxy"), ("flannel", "flannel"), ("coredns", "coredns")):
        files |= _pair(f"{_PKI}/{part}", materials.certificates[part])
        files |= _kubeconfig(part, user)
    return files


def _etcd(scope: dict[str, Any], host: Host, materials: Materials) -> dict[str, HostFile]:
    return {
        # It holds the discovery token's URL.
        "/etc/altostratus/etcd.env": _render("etcd.env.j2", scope, PRIVATE),
        "/etc/altostratus/etcd.yaml": _render("etcd.yaml.j2", scope),
        "/etc/etcd/pki/ca.crt": HostFile(materials.authorities[ETCD]),
        **_pair("/etc/etcd/pki/member", materials.certificates[f"etcd-{host.name}"]),
    }


def _control_plane(scope: dict[str, Any], host: Host, materials: Materials) -> dict[str, HostFile]:
    files = {
        "/etc/kubernetes/authentication.yaml": _render("authentication.yaml", scope),
        "/etc/kubernetes/bootstrap/nodes.yaml": _render("nodes.yaml.j2", scope),
        "/etc/kubernetes/bootstrap/roles.yaml": _render("roles.yaml", scope),
        "/etc/kubernetes/control-plane.env": _render("control-plane.env.j2", scope),
        "/etc/kubernetes/encryption.yaml": _render("encryption.yaml.j2", scope, PRIVATE),
        f"{_PKI}/etcd-ca.crt": HostFile(materials.authorities[ETCD]),
        f"{_PKI}/front-proxy-ca.crt": HostFile(materials.authorities[FRONT_PROXY]),
        f"{_PKI}/service-account.pub": HostFile(materials.service_account.certificate),
        f"{_PKI}/service-account.key": HostFile(materials.service_account.private_key, PRIVATE),
    }
    files |= _pair(f"{_PKI}/apiserver", materials.certificates[f"apiserver-{host.name}"])
    for part in ("apiserver-etcd-client", "apiserver-kubelet-client", "front-proxy-client"):
        files |= _pair(f"{_PKI}/{part}", materials.certificates[part])
    for part, user in (
        ("controller-manager", "system:kube-controller-manager"),
        ("scheduler", "system:kube-scheduler"),
        ("bootstrap", "altostratus-bootstrap"),
    ):
        files |= _pair(f"{_PKI}/{part}", materials.certificates[part])
        files |= _kubeconfig(part, user)
    return files


def _pair(path: str, pair: KeyPair) -> dict[str, HostFile]:
    return {f"{path}.crt": HostFile(pair.certificate), f"{path}.key": HostFile(pair.private_key, PRIVATE)}


def _kubeconfig(part: str, user: str) -> dict[str, HostFile]:
    text = part_kubeconfig(user, f"{_PKI}/{part}.crt", f"{_PKI}/{part}.key", f"{_PKI}/ca.crt")
    return {f"/etc/kubernetes/{part}.kubeconfig": HostFile(text, PRIVATE)}


def _render(template: str, scope: dict[str, Any], mode: int = PUBLIC) -> HostFile:
    return HostFile(_environment().get_template(template).render(scope), mode)


@cache
def _environment() -> Environment:
    # Configuration files, not HTML; what goes in is checked settings and generated keys.
    return Environment(  # noqa: S701
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )

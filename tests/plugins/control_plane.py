"""A Kubernetes control plane of real processes on loopback, without hosts.

etcd, kube-apiserver, kube-controller-manager and kube-scheduler, with TLS and client certificates
between all of them. Nothing runs Pods here: a test that needs a ready Pod writes its status through
the API, as a kubelet would.
"""

import base64
import datetime
import ipaddress
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.ports import free_ports
from tests.waiting import until
from toolchain import find, pins
from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import Client, Unreachable
from toolchain.plugins.protocol import Failure


class Starter(Protocol):
    """Starts one program under a name, with its output in a log of that name."""

    def __call__(self, name: str, program: Path, *arguments: str) -> None: ...


ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
START_LIMIT = 120.0  # seconds until everything answers, on a busy machine
ADVERTISED = "192.0.2.1"  # a documentation address: loopback may not be advertised, and nobody connects


def programs(tool: str) -> dict[str, Path] | None:
    """The programs of a pinned tool, where they are; None where they are not."""
    found = find.locate(pins.tools()[tool])
    return found.programs if found else None


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane and how to reach it as its administrator."""

    folder: Path
    kubeconfig: Path

    def client(self) -> Client:
        """A client for the tests' own looks and writes."""
        return Client(kubeconfig.resolve(kubeconfig.parse(self.kubeconfig.read_text())))


class _Authority:
    """A certificate authority that writes PEM pairs into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        certificate = self._build(self._name, self._key.public_key(), ca=True).sign(
            self._key, hashes.SHA256()
        )
        self.file = folder / "ca.crt"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, file: str, common_name: str, organization: str = "") -> tuple[Path, Path]:
        """A certificate for client and server use on loopback: the paths of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._build(_name(common_name, organization), key.public_key(), ca=False)
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        names: list[x509.GeneralName] = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        pair = self._folder / f"{file}.crt", self._folder / f"{file}.key"
        pair[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        write_key(pair[1], key)
        return pair

    def _build(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, ca: bool) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )


def write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """Writes a private key that only its owner can read."""
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


def _name(common_name: str, organization: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _write_kubeconfig(path: Path, server: str, authority: Path, pair: tuple[Path, Path]) -> Path:
    """A kubeconfig that holds its certificates itself, so that its content alone is enough."""

    def data(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [
            {"name": "test", "cluster": {"server": server, "certificate-authority-data": data(authority)}}
        ],
        "users": [
            {
                "name": "test",
                "user": {"client-certificate-data": data(pair[0]), "client-key-data": data(pair[1])},
            }
        ],
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(document))
    return path


@contextmanager
def running(folder: Path) -> Iterator[ControlPlane]:
    """Starts the control plane in `folder` and ends it on leaving. Needs etcd and kubernetes."""
    etcd, kubernetes = programs("etcd"), programs("kubernetes")
    assert etcd is not None, "etcd is not installed: ./alto toolchain install"
    assert kubernetes is not None, "kubernetes is not installed: ./alto toolchain install"
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, program: Path, *arguments: str) -> None:
        with (folder / f"{name}.log").open("wb") as log:
            processes.append(
                subprocess.Popen(
                    [program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
                )
            )

    try:
        plane = _start(folder, start, etcd, kubernetes)
        until(lambda: _answers(plane, processes, folder), "the control plane answers", START_LIMIT)
        yield plane
    finally:
        for process in processes:
            process.kill()  # what it stores is thrown away, so there is nothing to end gently
        for process in processes:
            process.wait(120)


def _start(folder: Path, start: Starter, etcd: dict[str, Path], kubernetes: dict[str, Path]) -> ControlPlane:
    authority = _Authority(folder)
    client_port, peer_port, api_port = free_ports(3)
    server_pair = authority.issue("server", "server")
    admin = authority.issue("admin", "admin", "system:masters")
    accounts = folder / "accounts.key"
    write_key(accounts, ec.generate_private_key(ec.SECP256R1()))
    etcd_url, peer_url = f"https://127.0.0.1:{client_port}", f"https://127.0.0.1:{peer_port}"
    start(
        "etcd",
        etcd["etcd"],
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={etcd_url}",
        f"--advertise-client-urls={etcd_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        f"--cert-file={server_pair[0]}",
        f"--key-file={server_pair[1]}",
        f"--trusted-ca-file={authority.file}",
        "--client-cert-auth",
        f"--peer-cert-file={server_pair[0]}",
        f"--peer-key-file={server_pair[1]}",
        f"--peer-trusted-ca-file={authority.file}",
        "--peer-client-cert-auth",
        "--unsafe-no-fsync",
        "--log-level=warn",
    )
    api = f"https://127.0.0.1:{api_port}"
    start(
        "kube-apiserver",
        kubernetes["kube-apiserver"],
        f"--etcd-servers={etcd_url}",
        f"--etcd-cafile={authority.file}",
        f"--etcd-certfile={server_pair[0]}",
        f"--etcd-keyfile={server_pair[1]}",
        "--bind-address=127.0.0.1",
        f"--secure-port={api_port}",
        f"--advertise-address={ADVERTISED}",
        "--endpoint-reconciler-type=none",
        f"--tls-cert-file={server_pair[0]}",
        f"--tls-private-key-file={server_pair[1]}",
        f"--client-ca-file={authority.file}",
        "--anonymous-auth=false",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        f"--service-account-issuer={api}",
        f"--service-account-key-file={accounts}",
        f"--service-account-signing-key-file={accounts}",
    )
    kubeconfig_file = folder / f"kubeconfig-{secrets.token_hex(4)}"
    plane = ControlPlane(folder, _write_kubeconfig(kubeconfig_file, api, authority.file, admin))
    # The controllers give up after some seconds where the API server is slow to make its first roles.
    until(lambda: _serves(plane), "the API server answers", START_LIMIT)
    manager = authority.issue("controller-manager", "system:kube-controller-manager")
    scheduler = authority.issue("scheduler", "system:kube-scheduler")
    start(
        "kube-controller-manager",
        kubernetes["kube-controller-manager"],
        f"--kubeconfig={_write_kubeconfig(folder / 'manager.conf', api, authority.file, manager)}",
        f"--service-account-private-key-file={accounts}",
        f"--root-ca-file={authority.file}",
        "--use-service-account-credentials",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
    )
    start(
        "kube-scheduler",
        kubernetes["kube-scheduler"],
        f"--kubeconfig={_write_kubeconfig(folder / 'scheduler.conf', api, authority.file, scheduler)}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
    )
    return plane


def _serves(plane: ControlPlane) -> bool:
    client = plane.client()
    try:
        # This role is among the last that the API server makes at its start.
        return client.find(f"{ROLES}/system:kube-scheduler") is not None
    except (Unreachable, Failure):
        return False
    finally:
        client.close()


def _answers(plane: ControlPlane, processes: "list[subprocess.Popen[bytes]]", folder: Path) -> bool:
    """Whether the API is ready and the controllers have begun their work."""
    for process in processes:
        if process.poll() is not None:
            name = Path(str(process.args[0])).name  # type: ignore[index]
            log = (folder / f"{name}.log").read_text(errors="replace")[-2000:]
            raise AssertionError(f"{name} ended with {process.returncode}:\n{log}")
    try:
        client = plane.client()
        account = client.find("/api/v1/namespaces/default/serviceaccounts/default")
    except (Unreachable, Failure):
        return False
    return account is not None

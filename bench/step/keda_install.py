"""KEDA on the demo's cluster: its own objects there, its operator and its metrics API on this machine.

They hold the rights of KEDA's own service account, and run with the arguments of its own Deployments, but for
addresses, and without electing a leader, as there is one of each.
"""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.step import keda_certificates, keda_manifests
from bench.step.cluster import all_there, gateway, outside, wait
from bench.step.keda_manifests import ACCOUNT, NAMESPACE, SERVICE, collection
from bench.step.programs import built, module_folder, running
from toolchain.plugins.kubernetes.client import ApiError, Client
from toolchain.plugins.kubernetes.kubeconfig import Cluster

MODULE = "github.com/kedacore/keda/v2"
PORT, OPERATOR_PORT, PROBE_PORT = 14444, 14445, 14446
TOKEN_SECONDS = 24 * 3600
RESOURCES = "/apis/keda.sh/v1alpha1/scaledobjects"
API = "/apis/external.metrics.k8s.io/v1beta1"


@contextmanager
def installed(client: Client, cluster: Cluster, folder: Path) -> Iterator[None]:
    """KEDA, while the block lasts. `cluster` tells where the API server is, and who signed for it."""
    adapter, operator = built("keda", f"{MODULE}/cmd/adapter", f"{MODULE}/cmd/operator")
    module = module_folder("keda", MODULE)
    address = gateway(client)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keda-", dir=folder)))
        authority = keda_certificates.make(place, [f"{SERVICE}.{NAMESPACE}.svc"])
        objects = keda_manifests.manifests(module, base64.b64encode(authority.encode()).decode())
        stack.enter_context(all_there(client, [(collection(each), each) for each in objects]))
        _, endpoints = outside(SERVICE, NAMESPACE, address, 443, PORT)
        stack.enter_context(all_there(client, [endpoints]))
        wait(lambda: _answers(client, RESOURCES), "KEDA's own kinds of objects")
        kubeconfig = account(client, cluster, place)
        variables = {
            "KUBECONFIG": str(kubeconfig),
            "POD_NAMESPACE": NAMESPACE,
            "KEDA_CLUSTER_OBJECT_NAMESPACE": NAMESPACE,
            "WATCH_NAMESPACE": "",
        }
        trusted = place / "trusted"
        trusted.mkdir()
        (trusted / "cluster.crt").write_text(cluster.certificate_authority)
        logs = folder / "keda-operator.log", folder / "keda-adapter.log"
        commands = (
            [operator, *_operator_arguments(place, trusted)],
            [adapter, *_adapter_arguments(place, kubeconfig, address)],
        )
        programs = [
            stack.enter_context(running(command, log, variables))
            for command, log in zip(commands, logs, strict=True)
        ]

        def serves() -> bool:
            for program, log in zip(programs, logs, strict=True):
                if program.poll() is not None:
                    raise SystemExit(f"KEDA has ended: see {log}")
            return _answers(client, API)

        wait(serves, f"KEDA's metrics API (see {logs[1]})", 300.0)
        yield


def _operator_arguments(certificates: Path, trusted: Path) -> list[str]:
    return [
        "--zap-log-level=info",
        "--zap-encoder=console",
        "--enable-prometheus-metrics=false",
        f"--health-probe-bind-address=127.0.0.1:{PROBE_PORT}",
        f"--metrics-service-bind-address=127.0.0.1:{OPERATOR_PORT}",
        f"--cert-dir={certificates}",
        f"--ca-dir={trusted}",
    ]


def _adapter_arguments(certificates: Path, kubeconfig: Path, address: str) -> list[str]:
    return [
        "--zap-log-level=error",
        f"--bind-address={address}",
        f"--secure-port={PORT}",
        "--port=0",  # its own metrics: any free port, as they cannot be turned off
        f"--metrics-service-address=127.0.0.1:{OPERATOR_PORT}",
        f"--lister-kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--client-ca-file={certificates / 'ca.crt'}",
        f"--tls-cert-file={certificates / 'tls.crt'}",
        f"--tls-private-key-file={certificates / 'tls.key'}",
        f"--cert-dir={certificates}",
    ]


def account(client: Client, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig of KEDA's service account, readable by us alone."""
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}/token"
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    answer = client.create(path, {**asked, "spec": {"expirationSeconds": TOKEN_SECONDS}})
    authority = base64.b64encode(cluster.certificate_authority.encode()).decode()
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "keda",
        "contexts": [{"name": "keda", "context": {"cluster": "keda", "user": "keda"}}],
        "clusters": [
            {
                "name": "keda",
                "cluster": {"server": cluster.server, "certificate-authority-data": authority},
            }
        ],
        "users": [{"name": "keda", "user": {"token": answer["status"]["token"]}}],
    }
    file = folder / "kubeconfig"
    file.touch(mode=0o600)
    file.write_text(json.dumps(content))
    return file


def _answers(client: Client, path: str) -> bool:
    try:
        client.get(path)
    except ApiError:
        return False
    return True

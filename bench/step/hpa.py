"""The HPA of kube-controller-manager, on processor time by metrics-server at its usual 15 s."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.step.applications import LOAD, NEEDED
from bench.step.cluster import all_there, alone, gateway, gone, order, outside, wait
from bench.step.programs import built, running
from toolchain.plugins.kubernetes.client import ApiError, Client

PORT = 14443
NAME, API = "bench-metrics-server", "v1beta1.metrics.k8s.io"


class Hpa:
    """A new HPA for each of its turns: without any memory of the one before."""

    name = "hpa"
    application = "bench-hpa"
    _hpas = f"/apis/autoscaling/v2/namespaces/app-{application}/horizontalpodautoscalers"

    def __init__(self, client: Client) -> None:
        self._client = client

    def begin(self) -> None:
        """One member, metrics-server knows nothing else, and the HPA has its metric."""
        self.rest()
        # What metrics-server still says of the turn before would begin five minutes of not scaling down.
        wait(self._forgotten, "metrics-server has forgotten the load")
        target = {"type": "Utilization", "averageUtilization": int(LOAD)}
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "minReplicas": 1,
            "maxReplicas": NEEDED,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        about = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
        self._client.create(self._hpas, {**about, "metadata": {"name": "web"}, "spec": spec})

    def calm(self) -> bool:
        """Whether it has its metric and asks for one member."""
        return sees(self._client, f"{self._hpas}/web")

    def rest(self) -> None:
        """Away with the HPA, and back to one member."""
        gone(self._client, f"{self._hpas}/web")
        order(self._client, self.application, 1)
        wait(lambda: alone(self._client, self.application), "the HPA's Deployment back at one member")

    def _forgotten(self) -> bool:
        """Whether metrics-server tells of one member, and that it is far under the HPA's target."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/app-{self.application}/pods"
        try:
            found = self._client.get(path).get("items") or []
        except ApiError:
            return False  # metrics-server has just begun
        usages = [c["usage"]["cpu"] for pod in found for c in pod["containers"] if c["name"] == "web"]
        return len(usages) == 1 and millicores(usages[0]) < 60.0


def sees(client: Client, path: str) -> bool:
    """Whether an HPA has a value of its metric and asks for one member."""
    status = (client.find(path) or {}).get("status") or {}
    current = json.dumps(status.get("currentMetrics") or [])
    return "average" in current and status.get("desiredReplicas") == 1


def millicores(text: str) -> float:
    """Kubernetes' amount of processors."""
    units = {"n": 1e-6, "u": 1e-3, "m": 1.0}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else 1000.0 * float(text)


@contextmanager
def metrics(client: Client, kubeconfig: Path, folder: Path) -> Iterator[None]:
    """metrics-server on this machine, known to the API server by a Service without a selector."""
    (program,) = built("metrics-server", "sigs.k8s.io/metrics-server/cmd/metrics-server")
    address = gateway(client)
    api = {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": API},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": NAME, "namespace": "kube-system"},
        },
    }
    objects = outside(NAME, "kube-system", address, 443, PORT)
    objects.append(("/apis/apiregistration.k8s.io/v1/apiservices", api))
    command = [
        program,
        *(f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")),
        f"--bind-address={address}",
        f"--secure-port={PORT}",
        f"--cert-dir={folder}",
        "--kubelet-insecure-tls",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=15s",
    ]
    with running(command, folder / "metrics-server.log"), all_there(client, objects):
        yield

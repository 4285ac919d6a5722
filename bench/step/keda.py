"""KEDA's `metrics-api` scaler on the requests a second that our balancer tells.

That is the freshest figure that KEDA can have of it: straight from the balancer, a mean over ten seconds,
where Prometheus would scrape and then take a rate over half a minute or more. From one member on, KEDA's
`pollingInterval` does not count: the HPA that it makes asks its metrics API every 15 s, which asks the
balancer at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.step.applications import NEEDED, REQUEST_RATE
from bench.step.cluster import all_there, alone, gone, order, wait
from bench.step.hpa import sees
from toolchain.plugins.kubernetes.client import Client
from toolchain.plugins.kubernetes.kubeconfig import Cluster

APPLICATION = "bench-keda"
POLLING = {"keda-30s": 30, "keda-5s": 5}
READER = "bench-reader"
BALANCER = "altostratus.dev/balancer"
STATE_PORT = 8404

_NAMESPACE = f"/api/v1/namespaces/app-{APPLICATION}"
_RBAC = f"/apis/rbac.authorization.k8s.io/v1/namespaces/app-{APPLICATION}"
_KEDA = f"/apis/keda.sh/v1alpha1/namespaces/app-{APPLICATION}"
_OBJECT = f"{_KEDA}/scaledobjects/web"
_HPA = f"/apis/autoscaling/v2/namespaces/app-{APPLICATION}/horizontalpodautoscalers/keda-hpa-web"


class Keda:
    """KEDA with one of the polling intervals; a new ScaledObject for each of its turns."""

    application = APPLICATION

    def __init__(self, name: str, client: Client, cluster: Cluster) -> None:
        self.name = name
        self._client = client
        self._server = cluster.server

    def begin(self) -> None:
        """One member, and then a ScaledObject."""
        self.rest()
        self._client.create(f"{_KEDA}/scaledobjects", scaled_object(POLLING[self.name], self._url()))

    def calm(self) -> bool:
        """Whether the HPA that KEDA made has its metric and asks for one member."""
        return sees(self._client, _HPA)

    def rest(self) -> None:
        """Away with the ScaledObject and its HPA, and back to one member."""
        gone(self._client, _OBJECT)
        wait(lambda: self._client.find(_HPA) is None, "the HPA of KEDA is gone")
        order(self._client, self.application, 1)
        wait(lambda: alone(self._client, self.application), "KEDA's Deployment back at one member")

    def _url(self) -> str:
        pods = self._client.get(f"{_NAMESPACE}/pods", labelSelector=BALANCER)["items"]
        name = pods[0]["metadata"]["name"]
        return f"{self._server}{_NAMESPACE}/pods/https:{name}:{STATE_PORT}/proxy/v1/state"


def scaled_object(polling: int, url: str) -> dict[str, object]:
    """Scale `web` so that one member has `REQUEST_RATE` requests a second."""
    trigger = {
        "type": "metrics-api",
        "metricType": "AverageValue",
        "metadata": {
            "url": url,
            "valueLocation": "clusters.web.recent.rate",
            "targetValue": f"{REQUEST_RATE:g}",
            "authModes": "apiKey,bearer",
            "method": "header",
            "keyParamName": "X-Altostratus-Token",
        },
        "authenticationRef": {"name": "balancer"},
    }
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"name": "web"},
            "minReplicaCount": 1,
            "maxReplicaCount": NEEDED,
            "pollingInterval": polling,
            "triggers": [trigger],
        },
    }


@contextmanager
def may_read(client: Client) -> Iterator[None]:
    """What KEDA needs to ask the balancer through the API server: an account's token, and the balancer's."""
    secrets = client.get(f"{_NAMESPACE}/secrets")["items"]
    balancer = next(
        each["metadata"]["name"] for each in secrets if each["metadata"]["name"].endswith("-token")
    )
    about = {"name": READER}
    group = "rbac.authorization.k8s.io"
    rule = {"apiGroups": [""], "resources": ["pods/proxy"], "verbs": ["get"]}
    token = {"name": READER, "annotations": {"kubernetes.io/service-account.name": READER}}
    subject = {"kind": "ServiceAccount", "name": READER, "namespace": f"app-{APPLICATION}"}
    keys = [
        {"parameter": "apiKey", "name": balancer, "key": "token"},
        {"parameter": "token", "name": READER, "key": "token"},
    ]
    objects = [
        (f"{_NAMESPACE}/serviceaccounts", {"metadata": about}),
        (f"{_RBAC}/roles", {"metadata": about, "rules": [rule]}),
        (
            f"{_RBAC}/rolebindings",
            {
                "metadata": about,
                "roleRef": {"apiGroup": group, "kind": "Role", "name": READER},
                "subjects": [subject],
            },
        ),
        (
            f"{_NAMESPACE}/secrets",
            {"metadata": token, "type": "kubernetes.io/service-account-token"},
        ),
        (
            f"{_KEDA}/triggerauthentications",
            {
                "apiVersion": "keda.sh/v1alpha1",
                "kind": "TriggerAuthentication",
                "metadata": {"name": "balancer"},
                "spec": {"secretTargetRef": keys},
            },
        ),
    ]
    with all_there(client, objects):
        wait(
            lambda: bool(client.get(f"{_NAMESPACE}/secrets/{READER}").get("data")),
            "the token of the account that reads the balancer",
        )
        try:
            yield
        finally:
            gone(client, _OBJECT)  # while the operator is there to let it go

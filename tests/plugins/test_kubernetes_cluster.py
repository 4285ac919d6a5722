"""The kubernetes handlers against a real API server with its controllers, without the engine.

No node runs Pods here: the tests write a Pod's status as a kubelet would.
"""

import secrets
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.plugins.control_plane import ControlPlane
from tests.waiting import until
from toolchain.plugins.kubernetes.client import Client
from toolchain.plugins.kubernetes.provider import KubernetesProvider
from toolchain.plugins.protocol import Failure, PartialFailure, Properties, Request, Severity, reveal

pytestmark = pytest.mark.engine

LABELS = {"app": "web"}


class Desk:
    """One provider on the test cluster, and a namespace of the test's own."""

    def __init__(self, plane: ControlPlane, client: Client, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.cancelled = threading.Event()
        self.said: list[str] = []
        self.provider = KubernetesProvider()
        self._kubeconfig = plane.kubeconfig.read_text()
        self.configure()

    def configure(self, **settings: str) -> None:
        settings |= {"kubeconfig": self._kubeconfig, "namespace": self.namespace}
        self.provider.configure(Request(), settings)

    def request(self, token: str, **more: Any) -> Request:
        def journal(severity: Severity, message: str, urn: str, *, status: bool) -> None:
            self.said.append(message)

        return Request(type=token, name="web", cancelled=self.cancelled, journal=journal, **more)

    def create(self, token: str, inputs: Properties, **more: Any) -> tuple[str, Properties]:
        request = self.request(token, **more)
        handler = self.provider.handler(token)
        checked, failures = handler.check(request, {}, inputs)
        assert not failures
        return handler.create(request, reveal(checked))

    def path(self, collection: str, name: str = "") -> str:
        base = "/apis/apps/v1" if collection in ("deployments", "statefulsets") else "/api/v1"
        return f"{base}/namespaces/{self.namespace}/{collection}" + (f"/{name}" if name else "")

    def pods(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(self.path("pods"))["items"]
        return found

    def report(self, pod: str, **status: Any) -> None:
        """Writes a Pod's status."""
        operations = [
            {"op": "add", "path": f"/status/{key}", "value": value} for key, value in status.items()
        ]
        self.client.patch(self.path(f"pods/{pod}/status"), operations)


@pytest.fixture
def desk(plane: ControlPlane) -> Iterator[Desk]:
    client = plane.client()
    name = f"desk-{secrets.token_hex(4)}"
    client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    until(lambda: client.find(f"/api/v1/namespaces/{name}/serviceaccounts/default"), "the service account")
    made = Desk(plane, client, name)
    yield made
    made.provider.close()
    client.delete(f"/api/v1/namespaces/{name}", "Background")
    client.close()


DEPLOYMENT = "kubernetes:apps/v1:Deployment"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
POD_SPEC = {"containers": [{"name": "main", "image": "example.test/web:1"}]}


def deployment(replicas: int, **about: Any) -> Properties:
    template = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
    spec = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
    return {"metadata": {"name": "web", **about}, "spec": spec}


def in_background(action: Callable[[], Any]) -> "tuple[threading.Thread, list[Any]]":
    """Runs it in a thread; its result or its exception ends up in the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(action())
        except Exception as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_an_update_returns_as_soon_as_the_pods_are_reported_ready(desk: Desk) -> None:
    thread, results = in_background(lambda: desk.create(DEPLOYMENT, deployment(2)))
    pods = until(lambda: found if len(found := desk.pods()) == 2 else None, "two Pods")
    for pod in pods:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
        desk.report(pod["metadata"]["name"], phase="Running", conditions=[ready])
    thread.join(240)
    assert results, "it still waits"
    assert not isinstance(results[0], Exception), results[0]
    id, state = results[0]
    assert id == f"{desk.namespace}/web"
    assert state["status"]["availableReplicas"] == 2


def test_a_pod_that_cannot_pull_its_image_is_told_while_waiting_and_when_giving_up(desk: Desk) -> None:
    thread, results = in_background(lambda: desk.create(DEPLOYMENT, deployment(1), timeout=20.0))
    pod = until(lambda: next(iter(desk.pods()), None), "a Pod")
    waiting = {
        "waiting": {"reason": "ImagePullBackOff", "message": 'image "example.test/web:1" is not there'}
    }
    status = {
        "name": "main",
        "image": "x",
        "imageID": "",
        "restartCount": 0,
        "ready": False,
        "state": waiting,
    }
    desk.report(pod["metadata"]["name"], containerStatuses=[status], conditions=[])
    until(
        lambda: any("ImagePullBackOff" in line for line in desk.said), "the reason is shown while waiting", 15
    )
    thread.join(240)
    failure = results[0]
    assert isinstance(failure, PartialFailure)
    assert failure.id == f"{desk.namespace}/web"
    assert any("timed out after 20 seconds" in reason for reason in failure.reasons)
    assert any('image "example.test/web:1" is not there' in reason for reason in failure.reasons)
    assert failure.state["metadata"]["uid"], "the engine learns what exists"


def test_a_quota_that_is_used_up_is_the_reason(desk: Desk) -> None:
    desk.create(
        "kubernetes:core/v1:ResourceQuota", {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "0"}}}
    )
    with pytest.raises(PartialFailure) as caught:
        desk.create(DEPLOYMENT, deployment(1), timeout=20.0)
    assert "exceeded quota: small" in str(caught.value)


def test_cancelling_ends_the_waiting_and_keeps_what_was_made(desk: Desk) -> None:
    thread, results = in_background(lambda: desk.create(DEPLOYMENT, deployment(1)))
    until(lambda: desk.client.find(desk.path("deployments", "web")), "the Deployment")
    desk.cancelled.set()
    thread.join(240)
    assert isinstance(results[0], PartialFailure)
    assert "cancelled" in str(results[0])
    assert results[0].state["metadata"]["name"] == "web"


def test_an_object_deleted_by_somebody_else_ends_the_waiting(desk: Desk) -> None:
    thread, results = in_background(lambda: desk.create(DEPLOYMENT, deployment(1)))
    until(lambda: desk.client.find(desk.path("deployments", "web")), "the Deployment")
    desk.client.delete(desk.path("deployments", "web"), "Background")
    thread.join(240)
    assert "deleted by somebody else" in str(results[0])


def test_an_object_that_its_finalizers_hold_is_named_with_them(desk: Desk) -> None:
    inputs = {"metadata": {"name": "held", "finalizers": ["example.test/hold"]}}
    id, state = desk.create(CONFIG_MAP, inputs)
    handler = desk.provider.handler(CONFIG_MAP)
    with pytest.raises(Failure, match=r"example\.test/hold"):
        handler.delete(desk.request(CONFIG_MAP, timeout=1.5), id, {}, reveal(state))
    desk.client.patch(desk.path("configmaps", "held"), [{"op": "remove", "path": "/metadata/finalizers"}])
    handler.delete(desk.request(CONFIG_MAP), id, {}, reveal(state))
    assert desk.client.find(desk.path("configmaps", "held")) is None


def test_a_field_that_the_server_does_not_know_is_warned_of(desk: Desk) -> None:
    inputs = deployment(0)
    inputs["spec"]["replicsa"] = 3
    desk.create(DEPLOYMENT, inputs)
    assert any('unknown field "spec.replicsa"' in line for line in desk.said)


def test_a_preview_validates_on_the_server_and_makes_nothing(desk: Desk) -> None:
    inputs = deployment(1)
    inputs["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    with pytest.raises(Failure, match="selector"):
        desk.create(DEPLOYMENT, inputs, preview=True)
    _, state = desk.create(DEPLOYMENT, deployment(1), preview=True)
    assert state["spec"]["strategy"]["type"] == "RollingUpdate", "the server's defaults show in the preview"
    assert "status" not in state
    assert desk.client.find(desk.path("deployments", "web")) is None


def test_a_namespace_that_comes_a_moment_later_is_waited_for(desk: Desk) -> None:
    name = f"{desk.namespace}-late"
    inputs = {"metadata": {"name": "early", "namespace": name}}
    thread, results = in_background(lambda: desk.create(CONFIG_MAP, inputs))
    until(lambda: any("attempt 1" in line for line in desk.said), "the first attempt has failed")
    desk.client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    thread.join(240)
    assert results[0][0] == f"{name}/early", results[0]
    desk.client.delete(f"/api/v1/namespaces/{name}", "Background")


def test_a_claim_of_a_class_that_binds_late_is_not_waited_for(desk: Desk) -> None:
    storage = f"{desk.namespace}-late"
    desk.create(
        "kubernetes:storage.k8s.io/v1:StorageClass",
        {
            "metadata": {"name": storage},
            "provisioner": "example.test/none",
            "volumeBindingMode": "WaitForFirstConsumer",
        },
    )
    spec = {
        "storageClassName": storage,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    _, state = desk.create(
        "kubernetes:core/v1:PersistentVolumeClaim", {"metadata": {"name": "data"}, "spec": spec}, timeout=60.0
    )
    assert state["status"]["phase"] == "Pending"
    desk.client.delete(f"/apis/storage.k8s.io/v1/storageclasses/{storage}", "Background")


def test_many_objects_at_once_share_the_connections(desk: Desk) -> None:
    tasks = [
        in_background(lambda name=f"many-{index}": desk.create(CONFIG_MAP, {"metadata": {"name": name}}))  # type: ignore[misc]
        for index in range(60)
    ]
    for thread, _ in tasks:
        thread.join(240)
    failed = [results[0] for _, results in tasks if not results or isinstance(results[0], Exception)]
    assert not failed
    assert len(desk.client.get(desk.path("configmaps"))["items"]) >= 60


def test_an_update_of_an_object_that_is_gone_says_to_refresh(desk: Desk) -> None:
    id, state = desk.create(CONFIG_MAP, {"metadata": {"name": "gone"}})
    desk.client.delete(desk.path("configmaps", "gone"), "Background")
    handler = desk.provider.handler(CONFIG_MAP)
    inputs = {"metadata": {"name": "gone", "namespace": desk.namespace}, "data": {"a": "b"}}
    with pytest.raises(Failure, match="pulumi refresh"):
        handler.update(desk.request(CONFIG_MAP), id, {}, reveal(state), inputs)
    assert handler.read(desk.request(CONFIG_MAP), id, inputs, reveal(state)) is None


def test_an_existing_object_is_adopted_only_where_the_provider_is_told_to(desk: Desk) -> None:
    desk.client.create(desk.path("configmaps"), {"metadata": {"name": "there"}, "data": {"a": "1"}})
    inputs = {"metadata": {"name": "there"}, "data": {"b": "2"}}
    with pytest.raises(Failure, match="already exists"):
        desk.create(CONFIG_MAP, inputs)
    desk.configure(upsertExistingObjects="true")
    _, state = desk.create(CONFIG_MAP, inputs)
    assert state["data"] == {"a": "1", "b": "2"}

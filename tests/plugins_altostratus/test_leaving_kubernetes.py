"""Readiness, draining and forgetting nodes, on a real API server with its controllers."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.models.core_v1 import NodeSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import DaemonSet
from lightkube.resources.core_v1 import Namespace, Node, Pod, ServiceAccount
from lightkube.resources.policy_v1 import PodDisruptionBudget
from lightkube.types import PatchType

from tests.plugins import control_plane
from tests.waiting import until
from toolchain.plugins.altostratus.kubernetes_node import KubernetesNode
from toolchain.plugins.altostratus.node import DEFAULTS, NodeHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Request

pytestmark = pytest.mark.cluster

NAMESPACE = "draining"


class Cluster:
    """A control plane whose nodes and Pods exist on paper: no kubelet runs."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        self.client: Any = Client(
            config=KubeConfig.from_dict(yaml.safe_load(kubeconfig)).get(), trust_env=False
        )
        self.client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
        until(self._has_account, "the default service account")

    def _has_account(self) -> bool:
        return any(self.client.list(ServiceAccount, namespace=NAMESPACE))

    def node(self, name: str) -> KubernetesNode:
        self.client.create(Node(metadata=ObjectMeta(name=name), spec=NodeSpec()))
        self.ready(name)
        return KubernetesNode(self.kubeconfig, name)

    def ready(self, name: str, status: str = "True", reason: str = "KubeletReady") -> None:
        condition = {"type": "Ready", "status": status, "reason": reason, "message": "as told"}
        room = {"pods": "110", "cpu": "4", "memory": "8Gi"}
        body = {"status": {"conditions": [condition], "capacity": room, "allocatable": room}}
        self.client.patch(Node.Status, name, body, patch_type=PatchType.MERGE)

    def pod(self, name: str, node: str, **metadata: Any) -> None:
        """A Pod that runs on a node and ends at once when asked to."""
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
            "spec": {
                "nodeName": node,
                "terminationGracePeriodSeconds": 0,
                # Nobody on paper would ever answer for the volume of a token.
                "automountServiceAccountToken": False,
                "containers": [{"name": "main", "image": "none"}],
            },
        }
        self.client.create(Pod.from_dict(body))
        running = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        self.client.patch(
            Pod.Status, name, {"status": running}, namespace=NAMESPACE, patch_type=PatchType.MERGE
        )

    def agent_on(self, node: str) -> str:
        """Has a DaemonSet; returns the name of its Pod on the node."""
        labels = {"app": "agent"}
        body = {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "agent", "namespace": NAMESPACE},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 0,
                        "containers": [{"name": "main", "image": "none"}],
                    },
                },
            },
        }
        self.client.create(DaemonSet.from_dict(body))
        found = until(lambda: self.names(node), "the DaemonSet's Pod")
        return found.pop()

    def budget(self, label: str, minimum: int) -> None:
        """A disruption budget, once its controller has looked at the Pods."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": label, "namespace": NAMESPACE},
            "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"app": label}}},
        }
        self.client.create(PodDisruptionBudget.from_dict(body))

        def settled() -> bool:
            status = self.client.get(PodDisruptionBudget, label, namespace=NAMESPACE).status
            return status is not None and (status.currentHealthy or 0) >= 1

        until(settled, "the disruption budget knows its Pods")

    def names(self, node: str) -> set[str]:
        pods = self.client.list(Pod, namespace=NAMESPACE, fields={"spec.nodeName": node})
        return {pod.metadata.name for pod in pods}

    def clear(self) -> None:
        for agents in self.client.list(DaemonSet, namespace=NAMESPACE):
            self.client.delete(DaemonSet, agents.metadata.name, namespace=NAMESPACE)
        for budget in self.client.list(PodDisruptionBudget, namespace=NAMESPACE):
            self.client.delete(PodDisruptionBudget, budget.metadata.name, namespace=NAMESPACE)
        for pod in self.client.list(Pod, namespace=NAMESPACE):
            try:
                self.client.delete(Pod, pod.metadata.name, namespace=NAMESPACE, grace_period=0)
            except ApiError as error:
                # Its controller, deleted above, may have taken it along.
                if error.status.code != 404:
                    raise
        for node in self.client.list(Node):
            self.client.delete(Node, node.metadata.name)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as running:
        yield Cluster(running.kubeconfig.read_text())


@pytest.fixture
def cluster(plane: Cluster) -> Iterator[Cluster]:
    yield plane
    plane.clear()
    until(lambda: not plane.names("host1") | plane.names("host2"), "no Pod is left")


def test_a_node_is_ready_or_says_why_not(cluster: Cluster) -> None:
    assert "has not registered" in KubernetesNode(cluster.kubeconfig, "host1").problem()
    host1 = cluster.node("host1")
    assert host1.problem() == ""
    cluster.ready("host1", "False", "KubeletNotReady")
    assert host1.problem() == "KubeletNotReady: as told"


def test_draining_moves_what_can_move_and_nothing_else(cluster: Cluster) -> None:
    host1, _ = cluster.node("host1"), cluster.node("host2")
    agent = cluster.agent_on("host1")
    cluster.pod("web", "host1")
    cluster.pod("elsewhere", "host2")
    assert host1.cordon()
    assert cluster.client.get(Node, "host1").spec.unschedulable
    assert host1.drain(Request(), 120) == []
    assert cluster.names("host1") == {agent}
    assert "elsewhere" in cluster.names("host2")


def test_a_disruption_budget_holds_a_drain_up_to_its_end(cluster: Cluster) -> None:
    host1, _ = cluster.node("host1"), cluster.node("host2")
    cluster.pod("db", "host1", labels={"app": "db"})
    cluster.pod("web", "host1")
    cluster.budget("db", 1)
    host1.cordon()
    [stayed] = host1.drain(Request(), 10)
    assert stayed.startswith(f"{NAMESPACE}/db: ")
    assert "disruption budget" in stayed
    assert cluster.names("host1") == {"db"}


def test_nobody_waits_for_pods_that_no_node_could_take(cluster: Cluster) -> None:
    host1 = cluster.node("host1")
    cluster.pod("web", "host1")
    host1.cordon()
    assert host1.drain(Request(), 600) == [f"{NAMESPACE}/web: no other node could take it"]


def test_the_pods_of_a_dead_machine_are_given_up_at_once(cluster: Cluster) -> None:
    host1 = cluster.node("host1")
    cluster.pod("web", "host1")
    assert host1.abandon_pods() == 1
    assert cluster.names("host1") == set()


def test_deleting_the_resource_of_a_dead_machine_forgets_its_node(cluster: Cluster) -> None:
    cluster.node("host1")
    inputs = {**DEFAULTS, "name": "host1", "machineId": "plugintest-gone", "address": "10.0.0.1"}
    session = Session()
    session.configure({"host": "unix:///nonexistent/docker.sock"})
    handler = NodeHandler(session)
    handler.delete(Request(), "id", {**inputs, "kubeconfig": cluster.kubeconfig}, {})
    assert not any(node.metadata.name == "host1" for node in cluster.client.list(Node))
    handler.delete(Request(), "id", {**inputs, "kubeconfig": cluster.kubeconfig}, {})

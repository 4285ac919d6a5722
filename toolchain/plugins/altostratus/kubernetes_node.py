"""A node as Kubernetes sees it: is it ready, move its Pods away, forget it."""

import ssl
from typing import Any

import yaml
from httpx2 import HTTPError, Timeout
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.models.core_v1 import Pod as PodModel
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.models.policy_v1 import Eviction
from lightkube.resources.core_v1 import Node, Pod
from lightkube.types import PatchType

from toolchain.plugins.altostratus.api_types import make_ready
from toolchain.plugins.protocol import Failure, Request

ANSWER_TIMEOUT = 4.0  # seconds; a control plane that takes longer is taken for gone
RETRY = 1.0  # seconds between rounds of evictions
MIRROR = "kubernetes.io/config.mirror"
REFUSED = 429  # a disruption budget does not allow the eviction now

UNREACHABLE = (HTTPError, ssl.SSLError, OSError)


class KubernetesNode:
    """One node, through the API server."""

    def __init__(self, kubeconfig: str, name: str) -> None:
        try:
            config = KubeConfig.from_dict(yaml.safe_load(kubeconfig)).get()
            self._client: Any = Client(config=config, timeout=Timeout(ANSWER_TIMEOUT), trust_env=False)
        except (ConfigError, yaml.YAMLError, AttributeError, TypeError, KeyError, ValueError) as error:
            raise Failure(f"the kubeconfig cannot be used: {error}") from None
        make_ready(Node, Pod)
        self._name = name

    def problem(self) -> str:
        """Empty when the node is Ready; else why it is not."""
        try:
            node = self._client.get(Node, self._name)
        except ApiError as error:
            if error.status.code == 404:
                return f"the kubelet has not registered the node {self._name} yet"
            return f"the API server answers: {error.status.message}"
        except UNREACHABLE as error:
            return f"the API server does not answer: {error or type(error).__name__}"
        return readiness_problem(node)

    def answers(self) -> bool:
        """Whether the API server is there."""
        try:
            self._client.get(Node, self._name)
        except ApiError:
            return True
        except UNREACHABLE:
            return False
        return True

    def cordon(self) -> bool:
        """Takes no more Pods; False where there is no such node."""
        try:
            self._client.patch(
                Node, self._name, {"spec": {"unschedulable": True}}, patch_type=PatchType.MERGE
            )
        except ApiError as error:
            if error.status.code == 404:
                return False
            raise
        return True

    def pods(self) -> list[PodModel]:
        """The Pods that a drain has to move: not finished, not of a DaemonSet, not the host's own."""
        found = self._client.list(Pod, namespace="*", fields={"spec.nodeName": self._name})
        return [pod for pod in found if moves(pod)]

    def others_take_pods(self) -> bool:
        """Whether any other node is ready and not cordoned."""
        return any(
            node.metadata.name != self._name and not node.spec.unschedulable and not readiness_problem(node)
            for node in self._client.list(Node)
        )

    def drain(self, request: Request, seconds: float) -> list[str]:
        """Evicts until nothing is left, patience ends, or no other node could take the Pods.

        Disruption budgets are respected. Returns what stayed, `namespace/name: why`.
        """
        deadline = request.clock() + seconds
        while pods := self.pods():
            if not self.others_take_pods():
                return [f"{title(pod)}: no other node could take it" for pod in pods]
            blocked = [f"{title(pod)}: {why}" for pod in pods if (why := self._evict(pod))]
            if request.clock() > deadline:
                return blocked or [f"{title(pod)}: is still ending" for pod in pods]
            request.status(f"draining: {len(pods)} Pods left")
            request.wait(RETRY)
        return []

    def abandon_pods(self) -> int:
        """Deletes the Pods of a machine that is known to be dead, without waiting for its kubelet, so that
        their successors start at once. Returns how many."""
        pods = list(self._client.list(Pod, namespace="*", fields={"spec.nodeName": self._name}))
        for pod in pods:
            self._ignoring_absence(pod)
        return len(pods)

    def forget(self) -> None:
        """Deletes the Node object; one that is gone is no error."""
        try:
            self._client.delete(Node, self._name)
        except ApiError as error:
            if error.status.code != 404:
                raise

    def _ignoring_absence(self, pod: PodModel) -> None:
        name, namespace = _names(pod)
        try:
            self._client.delete(Pod, name, namespace=namespace, grace_period=0)
        except ApiError as error:
            if error.status.code != 404:
                raise

    def _evict(self, pod: PodModel) -> str:
        """Asks for one Pod's eviction; empty when granted, else why not."""
        if pod.metadata and pod.metadata.deletionTimestamp:
            return ""
        name, namespace = _names(pod)
        wish = Eviction(metadata=ObjectMeta(name=name, namespace=namespace))
        try:
            self._client.create(Pod.Eviction(metadata=wish.metadata), name, namespace=namespace)
        except ApiError as error:
            if error.status.code == 404:
                return ""
            if error.status.code == REFUSED:
                return str(error.status.message or "a disruption budget does not allow it")
            return f"cannot be evicted: {error.status.message}"
        return ""


def readiness_problem(node: Any) -> str:
    """Empty when the node's Ready condition is true; else its reason."""
    for condition in (node.status and node.status.conditions) or []:
        if condition.type == "Ready":
            return "" if condition.status == "True" else f"{condition.reason}: {condition.message}"
    return "the kubelet has reported no condition yet"


def moves(pod: PodModel) -> bool:
    """Whether a drain has to move this Pod."""
    metadata = pod.metadata or ObjectMeta()
    owners = {owner.kind for owner in metadata.ownerReferences or [] if owner.controller}
    finished = pod.status is not None and pod.status.phase in ("Succeeded", "Failed")
    return not finished and "DaemonSet" not in owners and MIRROR not in (metadata.annotations or {})


def title(pod: PodModel) -> str:
    """`namespace/name`."""
    name, namespace = _names(pod)
    return f"{namespace}/{name}"


def _names(pod: PodModel) -> tuple[str, str]:
    metadata = pod.metadata or ObjectMeta()
    return metadata.name or "", metadata.namespace or "default"

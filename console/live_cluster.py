"""What a cloud's API server says of its hosts and members now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Node, Pod

ROLE = "node-role.kubernetes.io/"


@dataclass(frozen=True)
class Host:
    """One machine. `state` is `Ready` or the reason why not, in words."""

    name: str
    address: str
    roles: list[str]
    ready: bool
    state: str


@dataclass(frozen=True)
class Member:
    """One Pod of an application's cluster. `state` is `Ready` or what it waits for."""

    name: str
    cluster: str
    host: str
    ready: bool
    state: str


class LiveCluster:
    """A cloud's cluster through its kubeconfig. Every method raises ConnectionError, in words."""

    def __init__(self, kubeconfig: Path) -> None:
        config = KubeConfig.from_file(str(kubeconfig))
        self._client = Client(config=config, timeout=httpx2.Timeout(5))

    def _list(self, kind: Any, **arguments: Any) -> list[Any]:
        try:
            return list(self._client.list(kind, **arguments))
        except httpx2.HTTPError as error:
            raise ConnectionError(f"the API server does not answer: {error}") from error
        except ApiError as error:
            raise ConnectionError(f"the API server refused: {error}") from error

    def hosts(self) -> list[Host]:
        return sorted((_host(node) for node in self._list(Node)), key=lambda host: host.name)

    def everything(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """All nodes and all Pods, as the API server writes them."""
        return [each.to_dict() for each in self._list(Node)], [
            each.to_dict() for each in self._list(Pod, namespace="*")
        ]

    def members(self, namespace: str) -> list[Member]:
        pods = self._list(Pod, namespace=namespace)
        return sorted((_member(pod) for pod in pods), key=lambda member: (member.cluster, member.name))


def _host(node: Any) -> Host:
    address = next((a.address for a in node.status.addresses or [] if a.type == "InternalIP"), "")
    roles = sorted(label.removeprefix(ROLE) for label in node.metadata.labels or {} if label.startswith(ROLE))
    condition = next((c for c in node.status.conditions or [] if c.type == "Ready"), None)
    ready = condition is not None and condition.status == "True"
    state = "Ready" if ready else (condition.message or condition.reason if condition else "never reported")
    if node.spec.unschedulable:
        state += ", cordoned"
    return Host(node.metadata.name, address, roles, ready, state)


def _member(pod: Any) -> Member:
    labels = pod.metadata.labels or {}
    cluster = labels.get("altostratus.dev/cluster") or labels.get("app.kubernetes.io/name", "")
    conditions = pod.status.conditions or []
    ready = (
        any(c.type == "Ready" and c.status == "True" for c in conditions)
        and not pod.metadata.deletionTimestamp
    )
    return Member(
        pod.metadata.name, cluster, pod.spec.nodeName or "", ready, "Ready" if ready else waiting_for(pod)
    )


def waiting_for(pod: Any) -> str:
    """Why a Pod is not Ready: the most telling of its container states, conditions and phase."""
    if pod.metadata.deletionTimestamp:
        return "ending"
    for status in (pod.status.initContainerStatuses or []) + (pod.status.containerStatuses or []):
        waiting = status.state.waiting if status.state else None
        if waiting and waiting.reason not in {"PodInitializing", "ContainerCreating"}:
            return f"{status.name}: {waiting.reason}" + (f" ({waiting.message})" if waiting.message else "")
    for condition in pod.status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "False":
            return f"{condition.reason}: {condition.message}"
    return "starting" if pod.status.phase in {"Pending", "Running"} else pod.status.phase or "unknown"

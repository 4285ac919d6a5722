"""What a cloud's API server says of its hosts and members now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from lightkube import Client, KubeConfig
from lightkube.core.exceptions import ApiError
from lightkube.resources.core_v1 import Node, Pod

from autoscaler.observe.members import CLUSTER_LABEL
from autoscaler.observe.members import member as seen_member

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
    cluster = labels.get(CLUSTER_LABEL) or labels.get("app.kubernetes.io/name", "")
    seen = seen_member(pod.to_dict())
    return Member(seen.name, cluster, seen.host, seen.ready, seen.state)

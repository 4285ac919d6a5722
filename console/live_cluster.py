"""What a cloud's API server says of its hosts and members now."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from autoscaler.observe.members import CLUSTER_LABEL, SeenCluster
from autoscaler.observe.members import member as seen_member
from autoscaler.observe.members_watch import ask, client
from toolchain.plugins.kubernetes.client import ApiError, Unreachable

Object = dict[str, Any]
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
    """A cloud's cluster through its kubeconfig. Everything raises ConnectionError, in words.

    It goes by plain JSON: several of them may be asked side by side, which typed clients do not survive
    (decision 0054).
    """

    def __init__(self, kubeconfig: Path) -> None:
        self._client = client(kubeconfig)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _list(self, path: str) -> list[Object]:
        try:
            return self._client.get(f"/api/v1/{path}").get("items") or []
        except Unreachable as error:
            raise ConnectionError(f"its API server does not answer: {error}") from error
        except ApiError as error:
            raise ConnectionError(f"its API server refused: {error}") from error

    def hosts(self) -> list[Host]:
        return sorted((_host(node) for node in self._list("nodes")), key=lambda host: host.name)

    def everything(self) -> tuple[list[Object], list[Object]]:
        """All nodes and all Pods, as the API server writes them."""
        return self._list("nodes"), self._list("pods")

    def members(self, namespace: str) -> list[Member]:
        pods = self._list(f"namespaces/{namespace}/pods")
        return sorted((_member(pod) for pod in pods), key=lambda member: (member.cluster, member.name))

    def clusters(self, namespace: str, copy: str) -> Mapping[str, SeenCluster]:
        """The clusters of one copy of an application, by Kubernetes name."""
        return ask(self._client, (namespace, copy))


def _host(node: Object) -> Host:
    metadata, status = node["metadata"], node.get("status") or {}
    address = next((a["address"] for a in status.get("addresses") or [] if a["type"] == "InternalIP"), "")
    labels = metadata.get("labels") or {}
    roles = sorted(label.removeprefix(ROLE) for label in labels if label.startswith(ROLE))
    condition = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), None)
    ready = condition is not None and condition["status"] == "True"
    state = "Ready" if ready else _why(condition)
    if (node.get("spec") or {}).get("unschedulable"):
        state += ", cordoned"
    return Host(metadata["name"], address, roles, ready, state)


def _why(condition: Object | None) -> str:
    if condition is None:
        return "never reported"
    return str(condition.get("message") or condition.get("reason") or "not Ready")


def _member(pod: Object) -> Member:
    labels = pod["metadata"].get("labels") or {}
    cluster = labels.get(CLUSTER_LABEL) or labels.get("app.kubernetes.io/name", "")
    seen = seen_member(pod)
    return Member(seen.name, cluster, seen.host, seen.ready, seen.state)

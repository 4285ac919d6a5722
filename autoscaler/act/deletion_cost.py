"""Members that are to go get the lowest deletion cost, so that Kubernetes takes them and no others.

`controller.kubernetes.io/pod-deletion-cost` is what a ReplicaSet goes by when it shrinks. Members with
data go by number (StatefulSet); a mark on one of those does nothing.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from autoscaler.act.edits import Removal
from autoscaler.decide.victims import Member, choose_victims
from toolchain import paths
from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import ApiError, Client
from toolchain.plugins.kubernetes.pods import condition

COST = "controller.kubernetes.io/pod-deletion-cost"
ANSWER_SECONDS = 4.0
"""The right number goes without marks, too: a silent API server must not hold the update up for long."""
_ANNOTATIONS = "/metadata/annotations"
_COST_PATH = f"{_ANNOTATIONS}/{COST.replace('/', '~1')}"
# What the account needs for this, for a Role.
RULES = ({"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "patch"]},)

Pod = Mapping[str, Any]


def costs(pods: list[Pod], count: int, loads: Mapping[str, float]) -> dict[str, int]:
    """A cost below zero for each of the `count` members that should go, the first the lowest. Pure."""
    born = {pod["metadata"]["name"]: _seconds(pod["metadata"]["creationTimestamp"]) for pod in pods}
    newest = max(born.values(), default=0.0)
    members = [
        Member(
            name,
            ready=condition(pod, "Ready").get("status") == "True",
            load=loads.get(name, 0.0),
            age=newest - born[name],
            # Which machine: losing two members of one machine costs less than thinning out two.
            zone=pod.get("spec", {}).get("nodeName", ""),
        )
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        for name in (pod["metadata"]["name"],)
    ]
    chosen = choose_victims(members, count)
    return {name: place - len(chosen) for place, name in enumerate(chosen)}


def mark(client: Client, removal: Removal) -> dict[str, int]:
    """Mark the members of a cluster that are to go, and unmark the others; returns the costs.

    Doing it again gives the same marks. Raises `ApiError` and `Unreachable`; a Pod that is gone or changed
    meanwhile is passed over.
    """
    selector = ",".join(f"{key}={value}" for key, value in sorted(removal.labels.items()))
    path = f"/api/v1/namespaces/{removal.namespace}/pods"
    pods = client.get(path, labelSelector=selector)["items"]
    wanted = costs(pods, removal.count, removal.loads)
    for pod in pods:
        operations = _operations(pod, wanted.get(pod["metadata"]["name"]))
        if not operations:
            continue
        try:
            client.patch(f"{path}/{pod['metadata']['name']}", operations)
        except ApiError as error:
            if error.code not in {404, 409, 422}:
                raise
    return wanted


def _operations(pod: Pod, cost: int | None) -> list[dict[str, Any]]:
    about = pod["metadata"]
    found = about.get("annotations") or {}
    if found.get(COST) == (None if cost is None else str(cost)):
        return []
    same: dict[str, Any] = {"op": "test", "path": "/metadata/uid", "value": about["uid"]}
    if cost is None:
        return [same, {"op": "remove", "path": _COST_PATH}]
    if not about.get("annotations"):
        return [same, {"op": "add", "path": _ANNOTATIONS, "value": {COST: str(cost)}}]
    return [same, {"op": "add", "path": _COST_PATH, "value": str(cost)}]


def _seconds(timestamp: str) -> float:
    return datetime.fromisoformat(timestamp).timestamp()


Marker = Callable[[Removal], object]
"""What the runner calls before an edit that takes members away."""


class Marks:
    """A `Marker` over the clouds' kubeconfig files; a connection to each is kept. Thread-safe."""

    def __init__(self, file: Callable[[str], Path] = paths.kubeconfig) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._clients: dict[Path, tuple[str, Client]] = {}

    def __call__(self, removal: Removal) -> Mapping[str, int]:
        """As `mark`. Raises OSError where the cloud has no kubeconfig."""
        return mark(self._client(self._file(removal.cloud)), removal)

    def _client(self, path: Path) -> Client:
        text = path.read_text()
        with self._lock:
            known = self._clients.get(path)
            if known is None or known[0] != text:
                known = text, Client(kubeconfig.resolve(kubeconfig.parse(text)), ANSWER_SECONDS)
                self._clients[path] = known
            return known[1]

"""What an existing cluster says about itself, asked with a kubeconfig. Reads only."""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from lightkube import KubeConfig
from lightkube.config import client_adapter
from lightkube.core.exceptions import ConfigError


class ClusterUnreachable(Exception):
    """The kubeconfig leads nowhere; the text says why and what to do."""


@dataclass(frozen=True)
class Access:
    """Something that must be allowed: a verb on a resource, in every namespace."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        kind = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        return f"{self.verb} {kind}.{self.group}" if self.group else f"{self.verb} {kind}"


@dataclass(frozen=True)
class NodeFacts:
    """`complaint` is the kubelet's reason while it is not ready."""

    name: str
    address: str
    ready: bool
    complaint: str = ""
    flannel: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class ClusterFacts:
    """`version` is (major, minor); `networks` are Pod networks recognised by what runs."""

    server: str
    version: tuple[int, int]
    nodes: list[NodeFacts] = field(default_factory=list)
    denied: list[Access] = field(default_factory=list)
    networks: list[str] = field(default_factory=list)
    storage_classes: list[str] = field(default_factory=list)
    default_storage_class: str | None = None


_KNOWN_NETWORKS = (
    "flannel",
    "calico",
    "cilium",
    "weave",
    "antrea",
    "kindnet",
    "aws-node",
    "canal",
    "kube-router",
)
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_ROLE = "node-role.kubernetes.io/"


def gather(kubeconfig: str, context: str | None, wanted: list[Access]) -> ClusterFacts:
    """Ask the API server behind `kubeconfig` (text) for everything that is checked.

    Raises ClusterUnreachable when it does not answer, or does not know this user.
    """
    server, client = _connect(kubeconfig, context)
    with client:
        version = _ask(client, server, "/version")
        denied = [access for access in wanted if not _allowed(client, server, access)]
        refused = {(access.verb, access.resource) for access in denied}

        def items(path: str, resource: str) -> list[dict[str, Any]]:
            if ("list", resource) in refused:
                return []
            found: list[dict[str, Any]] = _ask(client, server, path)["items"]
            return found

        classes = items("/apis/storage.k8s.io/v1/storageclasses", "storageclasses")
        agents = items("/apis/apps/v1/daemonsets", "daemonsets")
        return ClusterFacts(
            server=server,
            version=(_number(version["major"]), _number(version["minor"])),
            nodes=[_node(node) for node in items("/api/v1/nodes", "nodes")],
            denied=denied,
            networks=sorted(
                {known for known in _KNOWN_NETWORKS for agent in agents if known in agent["metadata"]["name"]}
            ),
            storage_classes=sorted(each["metadata"]["name"] for each in classes),
            default_storage_class=next(
                (
                    each["metadata"]["name"]
                    for each in classes
                    if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true"
                ),
                None,
            ),
        )


def _connect(kubeconfig: str, context: str | None) -> tuple[str, Any]:
    try:
        document = yaml.safe_load(kubeconfig)
        if not isinstance(document, dict):
            raise ClusterUnreachable(
                "the kubeconfig is not a YAML object; point to a file that kubectl accepts"
            )
        single = KubeConfig.from_dict(document).get(context)
    except (yaml.YAMLError, ConfigError, KeyError, TypeError, ValueError) as error:
        raise ClusterUnreachable(f"the kubeconfig cannot be used: {error}") from error
    if single is None:
        raise ClusterUnreachable(
            "the kubeconfig has no current context; set `context` to one of its contexts"
        )
    try:
        return single.cluster.server, client_adapter.Client(single, client_adapter.ConnectionParams())
    except (ConfigError, OSError, ValueError) as error:
        raise ClusterUnreachable(f"the kubeconfig's credentials cannot be used: {error}") from error


def _ask(client: Any, server: str, path: str, body: dict[str, Any] | None = None) -> Any:
    try:
        answer = client.get(path) if body is None else client.post(path, json=body)
    except Exception as error:
        # The HTTP library's own name differs between releases; all its errors mean "no answer".
        raise ClusterUnreachable(f"{server} does not answer: {error or type(error).__name__}") from error
    if answer.status_code in (401, 403):
        raise ClusterUnreachable(
            f"{server} does not let this user in ({answer.status_code} for {path}); "
            "the credentials may be old"
        )
    if answer.status_code >= 400:
        raise ClusterUnreachable(f"{server} answered {answer.status_code} for {path}")
    return answer.json()


def _allowed(client: Any, server: str, access: Access) -> bool:
    review = _ask(
        client,
        server,
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {
                    "verb": access.verb,
                    "group": access.group,
                    "resource": access.resource,
                    "subresource": access.subresource,
                }
            },
        },
    )
    return bool(review.get("status", {}).get("allowed"))


def _node(node: dict[str, Any]) -> NodeFacts:
    metadata, status = node["metadata"], node.get("status", {})
    ready: dict[str, str] = next(
        (each for each in status.get("conditions", []) if each["type"] == "Ready"), {}
    )
    addresses = {each["type"]: each["address"] for each in status.get("addresses", [])}
    return NodeFacts(
        name=metadata["name"],
        address=addresses.get("InternalIP") or addresses.get("Hostname", ""),
        ready=ready.get("status") == "True",
        complaint=ready.get("message", ""),
        flannel=any(key.startswith("flannel.") for key in metadata.get("annotations") or {}),
        roles=tuple(
            sorted(key.removeprefix(_ROLE) for key in metadata.get("labels") or {} if key.startswith(_ROLE))
        ),
    )


def _number(text: str) -> int:
    """Clouds write minors such as `33+`."""
    found = re.match(r"\d+", text)
    return int(found[0]) if found else 0

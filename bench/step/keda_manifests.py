"""KEDA's own objects, out of the files of its module. Pure but for reading them.

Left out are its Deployments, as its two programs run beside the bench, the Service of the operator for the
same reason, and its admission webhooks, which check what people write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
NAMESPACE, ACCOUNT, SERVICE = "keda", "keda-operator", "keda-metrics-apiserver"
FILES = (
    "general/namespace.yaml",
    "service_account/service_account.yaml",
    "rbac/role.yaml",
    "rbac/role_binding.yaml",
    "rbac/aggregate_cluster_roles.yaml",
    "metrics-server/role.yaml",
    "metrics-server/role_binding.yaml",
    "metrics-server/service.yaml",
    "metrics-server/api_service.yaml",
)
GROUPS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Service": "/api/v1/namespaces/{}/services",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "APIService": "/apis/apiregistration.k8s.io/v1/apiservices",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


def collection(content: Object) -> str:
    """The API server's path of the objects of this kind and namespace."""
    return GROUPS[content["kind"]].format(content["metadata"].get("namespace", ""))


def manifests(module: Path, authority: str) -> list[Object]:
    """What KEDA needs in a cluster, in an order that can be made. `authority` is base64 of a PEM text: who
    signed the certificate of its metrics API."""
    found = [each for name in FILES for each in _read(module / "config" / name)]
    for each in found:
        if each["kind"] == "Service":
            del each["spec"]["selector"]  # its endpoint is told, not found among Pods
        if each["kind"] == "APIService":
            each["spec"]["caBundle"] = authority  # as its certificate rotation would
    return [*definitions(module / "config" / "crd"), *found]


def definitions(folder: Path) -> list[Object]:
    """The custom resources, patched as their kustomization says."""
    plan = yaml.safe_load((folder / "kustomization.yaml").read_text())
    patches = {each["target"]["name"]: folder / each["path"] for each in plan.get("patches") or ()}
    found = []
    for name in plan["resources"]:
        for each in _read(folder / name):
            file = patches.get(each["metadata"]["name"])
            operations = yaml.safe_load(file.read_text()) if file else []
            found.append(patched(each, operations))
    return found


def patched(content: Object, operations: Sequence[Mapping[str, Any]]) -> Object:
    """A copy changed by JSON Patch (RFC 6902), of which `add` and `remove` are known. Raises ValueError."""
    content = deepcopy(content)
    for operation in operations:
        *above, last = operation["path"].lstrip("/").split("/")
        place: Any = content
        for step in above:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if operation["op"] == "add" and isinstance(place, list) and last == "-":
            place.append(operation["value"])
        elif operation["op"] == "add" and isinstance(place, dict):
            place[last] = operation["value"]
        elif operation["op"] == "remove" and isinstance(place, dict):
            del place[last]
        else:
            raise ValueError(f"no such patch here: {operation['op']} {operation['path']}")
    return content


def _read(file: Path) -> Iterator[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with file.open() as stream:
        yield from (each for each in yaml.load_all(stream, loader) if each)

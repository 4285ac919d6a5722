"""What a stack's state says about its data: what must not be deleted, and what stays behind."""

from collections.abc import Mapping
from typing import Any

from console.errors import BadInput

_NAMESPACE = "kubernetes:core/v1:Namespace"


def refuse_protected(stack: str, deployment: Mapping[str, Any]) -> None:
    """Raises BadInput where the stack has protected resources: before anything is touched."""
    found = [each for each in deployment.get("resources", []) if each.get("protect")]
    data = [_name(each) for each in found if each["type"] != _NAMESPACE]
    if found:
        raise BadInput(
            f"{stack} has protected data: {', '.join(data or [_name(each) for each in found])}; nothing was "
            "deleted",
            "Where it may go: take `protect: true` off its `persistence`, then "
            f"./alto up {stack}, then destroy again.",
        )


def left_behind(deployment: Mapping[str, Any]) -> list[str]:
    """What a finished destroy leaves in the cluster, in words; empty where it leaves nothing."""
    spaces = [
        each["outputs"]["metadata"]["name"]
        for each in deployment.get("resources", [])
        if each.get("retainOnDelete") and each["type"] == _NAMESPACE
    ]
    return [
        f"its data and passwords are kept in the namespace {space} and are used again by the next `up`; "
        f"to drop them: kubectl delete namespace {space}"
        for space in spaces
    ]


def _name(resource: Mapping[str, Any]) -> str:
    kind = resource["type"].rpartition(":")[2]
    return f"{kind} {resource['urn'].rpartition('::')[2]}"

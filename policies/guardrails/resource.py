"""A resource as rules see it, and the Pods in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LABEL_APPLICATION = "altostratus.dev/application"
LABEL_CLUSTER = "altostratus.dev/cluster"


class Unknown:
    """Stands for a value that only the update will know. Rules pass over it."""

    def __repr__(self) -> str:
        return "(known at the update)"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Resource:
    """A resource: its type token, name, URN and inputs as plain data (`UNKNOWN` where not known yet)."""

    type: str
    name: str
    urn: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`Deployment` of `kubernetes:apps/v1:Deployment`."""
        return self.type.rpartition(":")[2]

    @property
    def kubernetes(self) -> bool:
        return self.type.startswith("kubernetes:")

    @property
    def metadata(self) -> Mapping[str, Any]:
        return mapping(self.inputs.get("metadata"))

    @property
    def labels(self) -> Mapping[str, Any]:
        return mapping(self.metadata.get("labels"))

    @property
    def object_name(self) -> str:
        """The object's name where it is known, else the resource's."""
        name = self.metadata.get("name")
        return name if isinstance(name, str) else self.name


@dataclass(frozen=True)
class Container:
    """A container of a Pod, with what it is called in messages."""

    name: str
    spec: Mapping[str, Any]


TEMPLATES = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"}
"""Kinds with a template of Pods."""

WORKLOADS = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
"""Kinds that have replicas."""


def pod_spec(resource: Resource) -> Mapping[str, Any]:
    """The spec of the Pods that a resource makes; empty where it makes none."""
    if not resource.kubernetes:
        return {}
    spec = mapping(resource.inputs.get("spec"))
    if resource.kind == "Pod":
        return spec
    if resource.kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    elif resource.kind not in TEMPLATES:
        return {}
    return mapping(mapping(spec.get("template")).get("spec"))


def containers(resource: Resource) -> Iterator[Container]:
    """Every container of its Pods, those that run first included."""
    spec = pod_spec(resource)
    for group in ("initContainers", "containers", "ephemeralContainers"):
        for number, each in enumerate(items(spec.get(group))):
            name = mapping(each).get("name")
            yield Container(name if isinstance(name, str) else f"{group}[{number}]", mapping(each))


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping as it is; anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    """A list as it is; anything else as an empty one."""
    return list(value) if isinstance(value, (list, tuple)) else []

"""A resource as rules see it, and the Pods in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

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
        """`Deployment` of `kubernetes:apps/v1:Deployment`, and of a change to one (`DeploymentPatch`)."""
        kind = self.type.rpartition(":")[2]
        return kind.removesuffix("Patch") if self.patch else kind

    @property
    def patch(self) -> bool:
        """Whether it changes an object that is there, and says only what changes."""
        return self.kubernetes and self.type.endswith("Patch")

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


WORKLOADS = {"Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"}
"""Kinds that have replicas."""

_TEMPLATE = ("spec", "template", "spec")
_POD_SPECS = {
    "Pod": ("spec",),
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
    "PodTemplate": ("template", "spec"),
}
"""Where kinds say what their Pods are; others do it in `_TEMPLATE`."""


def objects(resource: Resource) -> Iterator[Resource]:
    """The objects that a resource makes: each of a list (`DeploymentList`) by itself, others as they are."""
    if not (resource.kubernetes and resource.type.endswith("List") and "items" in resource.inputs):
        yield resource
        return
    group, _, kind = resource.type.removesuffix("List").rpartition(":")
    for number, each in enumerate(map(mapping, items(resource.inputs["items"]))):
        version, own = each.get("apiVersion"), each.get("kind")
        type_ = (
            f"{f'kubernetes:{version}' if isinstance(version, str) else group}:"
            f"{own if isinstance(own, str) else kind}"
        )
        yield from objects(Resource(type_, f"{resource.name}[{number}]", f"{resource.urn}[{number}]", each))


def pod_specs(resource: Resource) -> list[Mapping[str, Any]]:
    """The specs of the Pods that an object makes, whatever its kind: those of every template in it."""
    if not resource.kubernetes:
        return []
    found: Any = resource.inputs
    for step in _POD_SPECS.get(resource.kind, _TEMPLATE):
        found = mapping(found).get(step)
    first = [found] if isinstance(found, Mapping) else []
    return [*first, *(each for each in _templates(resource.inputs) if each is not found)]


def _templates(value: Any) -> Iterator[Mapping[str, Any]]:
    """Custom kinds have theirs anywhere (`workerTemplate`), several to an object."""
    for each in items(value):
        yield from _templates(each)
    for key, each in mapping(value).items():
        spec = mapping(each).get("spec") if key.lower().endswith("template") else None
        if isinstance(spec, Mapping):
            yield spec
        yield from _templates(each)


def containers(resource: Resource) -> Iterator[Container]:
    """Every container of its Pods, those that run first included."""
    for spec in pod_specs(resource):
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

"""The rule about replicas: one owner. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from policies.guardrails.resource import LABEL_CLUSTER, WORKLOADS, Resource, mapping

APPLICATION_NAMESPACE = "app-"
"""How the namespaces of applications begin; what is scaled in them is ours."""


def second_owners(resources: Iterable[Resource]) -> Iterator[tuple[str, str]]:
    """Autoscalers of others on our clusters, as (URN, what is wrong).

    A target elsewhere that no workload of the stack has is somebody else's, and none of our business.
    """
    known = list(resources)
    ours = {
        (each.kind, each.object_name, each.metadata.get("namespace"))
        for each in known
        if each.kubernetes and each.kind in WORKLOADS and LABEL_CLUSTER in each.labels
    }
    for each in known:
        target = _target(each)
        if target is None:
            continue
        namespace, kind = each.metadata.get("namespace"), target.get("kind") or "Deployment"
        here = any(
            name == target.get("name") and what == kind and _same(where, namespace)
            for what, name, where in ours
        )
        if here or (isinstance(namespace, str) and namespace.startswith(APPLICATION_NAMESPACE)):
            yield (
                each.urn,
                f"{each.kind} {each.object_name} scales {kind} {target.get('name')}, whose members "
                "Altostratus counts: the two would undo each other's changes. Remove it, and say in an "
                "AutoscalingPolicy when to scale.",
            )


def concerned(resource: Resource) -> bool:
    """Whether a resource is an autoscaler, or may be the target of one."""
    return (resource.kubernetes and resource.kind in WORKLOADS) or _target(resource) is not None


def _target(resource: Resource) -> Mapping[str, Any] | None:
    """What an autoscaler scales; None for anything else. Kinds differ (KEDA's), the key does not."""
    spec = mapping(resource.inputs.get("spec"))
    if not resource.kubernetes or mapping(spec.get("updatePolicy")).get("updateMode") == "Off":
        return None  # one that is off only advises
    key = "targetRef" if resource.kind == "VerticalPodAutoscaler" else "scaleTargetRef"
    return mapping(spec[key]) if key in spec else None


def _same(where: Any, namespace: Any) -> bool:
    return where == namespace or not (isinstance(where, str) and isinstance(namespace, str))

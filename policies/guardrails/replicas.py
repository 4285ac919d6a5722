"""The rule about replicas: one owner. Pure."""

from collections.abc import Iterable, Iterator

from policies.guardrails.resource import LABEL_CLUSTER, WORKLOADS, Resource, mapping

SCALERS = {
    "HorizontalPodAutoscaler": "scaleTargetRef",
    "ScaledObject": "scaleTargetRef",
    "VerticalPodAutoscaler": "targetRef",
}
"""Autoscalers of others, with where they name what they scale."""


def second_owners(resources: Iterable[Resource]) -> Iterator[tuple[str, str]]:
    """Autoscalers of others on our clusters, as (URN, what is wrong).

    A target that no workload of the stack has is somebody else's, and none of our business.
    """
    known = list(resources)
    ours = {
        (each.kind, each.object_name, each.metadata.get("namespace"))
        for each in known
        if each.kubernetes and each.kind in WORKLOADS and LABEL_CLUSTER in each.labels
    }
    for each in known:
        reference = SCALERS.get(each.kind) if each.kubernetes else None
        if reference is None:
            continue
        target = mapping(mapping(each.inputs.get("spec")).get(reference))
        namespace = each.metadata.get("namespace")
        for kind, name, where in ours:
            same_place = where == namespace or not (isinstance(where, str) and isinstance(namespace, str))
            if name == target.get("name") and kind == (target.get("kind") or "Deployment") and same_place:
                yield (
                    each.urn,
                    f"{each.kind} {each.object_name} scales {kind} {name}, whose members Altostratus counts: "
                    "the two would undo each other's changes. Remove it, and say in an AutoscalingPolicy "
                    "when to scale.",
                )

"""Where the scheduler may put a cluster's members: affinities and spreads of their Pod template."""

from typing import Any

from blueprints.plan import Plan, PlannedCluster
from policies.placement.scheduling import Labels, Scheduling, Spread

GROUP_INSTANCE = "altostratus.dev/group-instance"

_COPY = ("altostratus.dev/application", "altostratus.dev/copy")
_NEAR_WEIGHT = 100


def placing(cluster: PlannedCluster, plan: Plan, told: Scheduling) -> dict[str, Any]:
    """The keys `affinity` and `topologySpreadConstraints` of the Pod's spec, as far as there are any."""
    affinity = {**_nodes(told), **_near(cluster, plan, told)}
    spread = [_constraint(cluster, each) for each in told.spread]
    return {
        **({"affinity": affinity} if affinity else {}),
        **({"topologySpreadConstraints": spread} if spread else {}),
    }


def _nodes(told: Scheduling) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if told.allowed:
        found["requiredDuringSchedulingIgnoredDuringExecution"] = {
            "nodeSelectorTerms": [_term(labels) for labels in told.allowed]
        }
    if told.preferred:
        found["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": weight, "preference": _term(labels)} for weight, labels in told.preferred
        ]
    return {"nodeAffinity": found} if found else {}


def _near(cluster: PlannedCluster, plan: Plan, told: Scheduling) -> dict[str, Any]:
    selectors: list[dict[str, Any]] = [
        {"matchLabels": dict(plan.clusters[each].selector)} for each in told.near if each in plan.clusters
    ]
    if told.together:
        selectors.append(_of_instance(cluster, plan, told.together))
    wishes = [
        {
            "weight": _NEAR_WEIGHT,
            "podAffinityTerm": {"topologyKey": told.near_key, "labelSelector": selector},
        }
        for selector in selectors
    ]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": wishes}} if wishes else {}


def _of_instance(cluster: PlannedCluster, plan: Plan, instance: str) -> dict[str, Any]:
    """The members of a group instance and of the instances in it."""
    inside = {
        each.labels[GROUP_INSTANCE]
        for each in plan.clusters.values()
        if each.level == instance or each.level.startswith(f"{instance}/")
    }
    return {
        "matchLabels": {name: cluster.selector[name] for name in _COPY},
        "matchExpressions": [{"key": GROUP_INSTANCE, "operator": "In", "values": sorted(inside)}],
    }


def _term(labels: Labels) -> dict[str, Any]:
    return {
        "matchExpressions": [
            {"key": key, "operator": "In", "values": [value]} for key, value in sorted(labels.items())
        ]
    }


def _constraint(cluster: PlannedCluster, spread: Spread) -> dict[str, Any]:
    constraint: dict[str, Any] = {
        "maxSkew": spread.skew,
        "topologyKey": spread.key,
        "whenUnsatisfiable": "DoNotSchedule" if spread.strict else "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(cluster.selector)},
    }
    if not cluster.cartridge.stateful:
        # Members of the version that is leaving must not push the new ones together.
        constraint["matchLabelKeys"] = ["pod-template-hash"]
    return constraint

"""What a stack's documents say about how much it may have. Reads documents and settings; writes nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.tenant import Tenant
from blueprints.plan import Plan, PlannedCluster
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from policies.guardrails.totals import Amounts, ClusterFacts, StackFacts
from policies.placement.documents import problem_of, requests
from policies.placement.place import place

NAMESPACE = "altostratus"


def settings_file(root: Path, stack: str) -> Path:
    """The file of a stack's settings."""
    return root / "stacks" / "config" / f"Pulumi.{stack}.yaml"


def read_settings(path: Path) -> Mapping[str, Any]:
    """The settings in a stack's file; none where there is no such file, or no YAML in it."""
    try:
        data = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return {}
    found = data.get("config") if isinstance(data, dict) else None
    return found if isinstance(found, dict) else {}


def gather(root: Path, stack: str, settings: Mapping[str, Any]) -> StackFacts:
    """The facts of an application's stack, by its settings (keys with their namespace).

    Other applications are read from their settings under `root`. Raises DocumentError where this
    stack's documents are wrong; others' are passed over then.
    """
    if not stack.startswith("app-") or f"{NAMESPACE}:blueprint" not in settings:
        return StackFacts()
    workspace, plan = _planned(root, stack, settings)
    cloud = str(settings.get(f"{NAMESPACE}:cloud") or stack.partition("--")[2] or "local")
    others = list(_others(root, stack))
    tenant = plan.application.tenant
    document = workspace.get(Tenant, tenant) if tenant else None
    policies = {each.name: each for each in workspace.all(DeploymentPolicy)}
    costs = _costs(workspace, plan, cloud)
    return StackFacts(
        plan.application.name,
        {each.name: _facts(each, policies, costs) for each in plan.clusters.values()},
        {name: each.quota.members for name, each in policies.items() if each.quota is not None},
        _used(others),
        tenant or "",
        _bounds(document) if document else {},
        _taken(plan, [other for other in others if tenant and other.application.tenant == tenant]),
    )


def _planned(root: Path, stack: str, settings: Mapping[str, Any]) -> tuple[Workspace, Plan]:
    blueprint = settings[f"{NAMESPACE}:blueprint"]
    paths = [blueprint] if isinstance(blueprint, str) else list(blueprint)
    workspace = Workspace.load([root / str(path) for path in paths])
    name = settings.get(f"{NAMESPACE}:application") or stack.removeprefix("app-").partition("--")[0]
    only = settings.get(f"{NAMESPACE}:clusters") or None
    only = [only] if isinstance(only, str) else only
    return workspace, workspace.plan(
        str(name), ScaleState.parse(settings.get(f"{NAMESPACE}:scale")), only=only
    )


def _others(root: Path, stack: str) -> Iterable[Plan]:
    for path in sorted(settings_file(root, stack).parent.glob("Pulumi.app-*.yaml")):
        other = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        settings = read_settings(path)
        if other == stack or f"{NAMESPACE}:blueprint" not in settings:
            continue
        try:
            yield _planned(root, other, settings)[1]
        except Exception:  # noqa: S112 - its own update tells what is wrong with it
            continue


def _facts(
    cluster: PlannedCluster, policies: Mapping[str, DeploymentPolicy], costs: Mapping[str, float]
) -> ClusterFacts:
    policy = policies.get(cluster.deployment or "")
    capacity = policy.capacity if policy else None
    return ClusterFacts(_member(cluster), policy.name if policy else "", capacity, costs.get(cluster.id))


def _member(cluster: PlannedCluster) -> Amounts:
    cpu, memory = requests(cluster)
    storage = sum(each.size.bytes for each in cluster.persistence if not each.shared)
    return Amounts(0, 1, cpu, memory, storage)


def _taken(plan: Plan, others: Iterable[Plan]) -> Amounts:
    """What other stacks' applications take; a copy in another cloud is no further application."""
    total, names = Amounts(), {plan.application.name}
    for other in others:
        total += Amounts(applications=other.application.name not in names)
        names.add(other.application.name)
        for cluster in other.clusters.values():
            one, count = _member(cluster), cluster.members
            total += Amounts(0, count, count * one.cpu, count * one.memory, count * one.storage)
    return total


def _used(plans: Iterable[Plan]) -> dict[str, int]:
    used: dict[str, int] = {}
    for plan in plans:
        for cluster in plan.clusters.values():
            if cluster.deployment:
                used[cluster.deployment] = used.get(cluster.deployment, 0) + cluster.members
    return used


def _costs(workspace: Workspace, plan: Plan, cloud: str) -> dict[str, float]:
    """The mean cost of a member of each cluster where placement puts them, as far as places tell theirs."""
    placed = place(problem_of(workspace, plan, home=cloud)).clusters
    return {
        each.cluster: each.cost / each.placed
        for each in placed.values()
        if each.placed and any(a.place.cost is not None for a in each.allotments)
    }


def _bounds(tenant: Tenant) -> dict[str, int]:
    quota = tenant.quota
    bounds = {
        "applications": quota.applications,
        "members": quota.members,
        "cpu": quota.cpu.millicores if quota.cpu is not None else None,
        "memory": quota.memory.bytes if quota.memory is not None else None,
        "storage": quota.storage.bytes if quota.storage is not None else None,
    }
    return {name: bound for name, bound in bounds.items() if bound is not None}

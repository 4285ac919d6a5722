"""What a stack's documents say about how much it may have. Reads documents and settings; writes nothing."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from blueprints import recorded
from blueprints.deployed import Deployed, Present, admitted, composed_as, standing
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.tenant import Tenant
from blueprints.plan import HOME_COPY, Plan, PlannedCluster
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace
from policies.guardrails.amounts import Amounts
from policies.guardrails.resource import mapping
from policies.guardrails.totals import ClusterFacts, StackFacts
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


def gather(root: Path, stack: str, settings: Mapping[str, Any], backend: str = "") -> StackFacts:
    """The facts of an application's stack, by its settings (keys with their namespace).

    Other applications are read from their settings under `root`. Where documents do not load (somebody is
    editing them), those count that the stack was last updated to, as its state in `backend` (an address)
    says. Raises DocumentError where this stack's are wrong and nothing else is known; of others such a one
    is told.
    """
    if not stack.startswith("app-") or f"{NAMESPACE}:blueprint" not in settings:
        return StackFacts()
    workspace, plan = _planned(root, stack, settings, backend)
    cloud = cloud_of(stack, settings)
    others, unjudged = _others(root, stack, backend)
    tenant = plan.application.tenant
    document = workspace.get(Tenant, tenant) if tenant else None
    policies = {each.name: each for each in workspace.all(DeploymentPolicy)}
    costs = _costs(workspace, plan, cloud)
    beside = bool(mapping(settings.get(f"{NAMESPACE}:scale")).get("overflow"))
    nodes = (recorded.outputs(backend, f"hosts-{cloud}") or {}).get("nodes")
    return StackFacts(
        plan.application.name,
        {each.name: _facts(each, policies, costs, beside=beside) for each in plan.clusters.values()},
        {name: each.quota.members for name, each in policies.items() if each.quota is not None},
        _used(others),
        tenant or "",
        _bounds(document) if document else {},
        _taken(plan, [other for other in others if tenant and other.application.tenant == tenant]),
        unjudged,
        _helpers(plan, cloud),
        len(nodes) if isinstance(nodes, list) and nodes else 1,
    )


def cloud_of(stack: str, settings: Mapping[str, Any]) -> str:
    """Where a stack's application runs."""
    return str(settings.get(f"{NAMESPACE}:cloud") or stack.partition("--")[2] or "local")


def registries(root: Path, stack: str, settings: Mapping[str, Any], backend: str) -> tuple[str, ...]:
    """The registries of the platforms that a stack stands on, or is: by their settings, or their state.

    Members beside an application's home are led to from there, by a program of the home's platform.
    """
    if stack.startswith("platform-"):
        named = _named_registry(root, stack)
        return (named,) if named else ()
    clouds = [cloud_of(stack, settings)]
    home, beside, _ = stack.partition("--")
    if beside:
        clouds.append(cloud_of(home, read_settings(settings_file(root, home))))
    found: dict[str, None] = {}
    for platform in (f"platform-{cloud}" for cloud in clouds):
        known = _named_registry(root, platform)
        if known is None:
            address = mapping((recorded.outputs(backend, platform) or {}).get("registry")).get("address")
            known = address if isinstance(address, str) else None
        if known:
            found[known] = None
    return tuple(found)


def _named_registry(root: Path, platform: str) -> str | None:
    """The registry that is there already, by the platform's settings; None where it makes one."""
    said = mapping(read_settings(settings_file(root, platform)).get(f"{NAMESPACE}:platform")).get("registry")
    address = mapping(said).get("address")
    return address if isinstance(address, str) else None


def machine_folders(stack: str, settings: Mapping[str, Any], home: Path) -> tuple[str, ...]:
    """The folders of this machine that a stack's containers of the engine are there to show.

    `home` is where Altostratus keeps what belongs to the checkout.
    """
    kind, _, subject = stack.partition("-")
    if kind == "front":
        application = settings.get(f"{NAMESPACE}:application") or subject
        return (str(home / "front" / str(application)),)
    repositories = mapping(settings.get(f"{NAMESPACE}:platform")).get("gitRepositories")
    return tuple(str(each) for each in mapping(repositories).values()) if kind == "platform" else ()


def _planned(root: Path, stack: str, settings: Mapping[str, Any], backend: str) -> tuple[Workspace, Plan]:
    """The documents and the plan of a stack. Raises DocumentError, and OSError."""
    blueprint = settings[f"{NAMESPACE}:blueprint"]
    paths = [blueprint] if isinstance(blueprint, str) else list(blueprint)
    subject, _, cloud = stack.removeprefix("app-").partition("--")
    name = str(settings.get(f"{NAMESPACE}:application") or subject)
    copy = str(settings.get(f"{NAMESPACE}:copy") or cloud or HOME_COPY)
    only = settings.get(f"{NAMESPACE}:clusters") or None
    only = [only] if isinstance(only, str) else only
    scale = ScaleState.parse(settings.get(f"{NAMESPACE}:scale"))
    try:
        workspace = Workspace.load([root / str(path) for path in paths])
        return workspace, workspace.plan(name, scale, copy=copy, only=only)
    except Exception as error:
        deployed = Deployed.from_output((recorded.outputs(backend, stack) or {}).get("revision"))
        if deployed is None:
            raise
        # What the last update left, with the scale of now.
        found = standing(deployed, Present(None, str(error)))
        name = deployed.revision.application
        fit = admitted(found.workspace.compose(name), scale, valid=found.valid)
        workspace = composed_as(found.workspace, fit.root)
        return workspace, workspace.plan(name, fit.scale, copy=copy, only=only)


def _others(root: Path, stack: str, backend: str) -> tuple[list[Plan], dict[str, str]]:
    """The plans of other applications' stacks, and why there is none of one that has something."""
    plans, unknown = [], {}
    for path in sorted(settings_file(root, stack).parent.glob("Pulumi.app-*.yaml")):
        other = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
        settings = read_settings(path)
        if other == stack or f"{NAMESPACE}:blueprint" not in settings:
            continue
        try:
            plans.append(_planned(root, other, settings, backend)[1])
        except Exception as error:
            # What was never deployed takes nothing.
            if recorded.outputs(backend, other) != {}:
                unknown[other] = _first_line(error)
    return plans, unknown


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _helpers(plan: Plan, cloud: str) -> frozenset[str]:
    """The workloads that Altostratus runs for an application beside its members, by name."""
    page = "altostratus-maintenance"
    link = "altostratus-link"
    own = ("altostratus-gateway", link, f"{link}-{cloud}", page, f"{page}-{plan.copy}")
    return frozenset([*own, *(each.name for each in plan.balancers)])


def _facts(
    cluster: PlannedCluster,
    policies: Mapping[str, DeploymentPolicy],
    costs: Mapping[str, float],
    *,
    beside: bool,
) -> ClusterFacts:
    """`beside`: these are members beside the home's, for which minimums do not hold."""
    policy = policies.get(cluster.deployment or "")
    capacity = policy.capacity if policy else None
    least = 0 if beside else cluster.bounds.min
    return ClusterFacts(
        _member(cluster), policy.name if policy else "", capacity, costs.get(cluster.id), least
    )


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
    """The mean cost of a member of each cluster where placement puts them; none where a place tells none."""
    placed = place(problem_of(workspace, plan, home=cloud)).clusters
    return {
        each.cluster: each.cost / each.placed
        for each in placed.values()
        if each.placed and all(a.place.cost is not None for a in each.allotments)
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

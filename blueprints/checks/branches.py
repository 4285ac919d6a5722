"""Checks along the branches of an application: deployment policies, room, and how they fit its placement."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from blueprints.checks.places import least_by_copy
from blueprints.composition import ComposedCluster, ComposedLevel, DocumentPath
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.loader import Loaded
from blueprints.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Policy:
    """A deployment policy in force, and where it was asked for. `data`: only clusters with data have it."""

    name: str
    origin: Loaded
    place: DocumentPath
    data: bool = False

    @property
    def written(self) -> str:
        """The place as `file:line`."""
        return f"{self.origin.source.name}:{self.origin.node.find(self.place).line}"


def check_branches(root: ComposedLevel, workspace: Workspace) -> Iterator[Finding]:
    """Everything wrong with the policies along each branch of an application."""
    model = root.origin.model
    if not isinstance(model, Application):
        return
    top = Policy(model.deployment, root.origin, ("deployment",)) if model.deployment else None
    used: dict[str, Policy] = {top.name: top} if top else {}
    placement = workspace.find("ApplicationPolicy", model.placement or "")
    order = placement.model if placement is not None else None
    copies = order if isinstance(order, ApplicationPolicy) else None
    yield from _level(root, top, workspace, copies, used, set())
    if model.placement is not None:
        yield from _placement(root.origin, model.placement, used, workspace)


def _level(
    level: ComposedLevel,
    above: Policy | None,
    workspace: Workspace,
    copies: ApplicationPolicy | None,
    used: dict[str, Policy],
    seen: set[tuple[int, str]],
) -> Iterator[Finding]:
    key = (id(level), above.name if above else "")
    if key in seen:
        return
    seen.add(key)
    for cluster in level.clusters.values():
        here = _policy(cluster.use.deployment, cluster.origin, cluster.place)
        if here and above:
            yield _two(here, above, f"cluster {cluster.alias!r}")
        policy = here or above
        if policy:
            data = bool(cluster.cartridge and cluster.cartridge.persistence)
            known = used.get(policy.name, replace(policy, data=True))
            used[policy.name] = replace(known, data=known.data and data)
            yield from _room(cluster, policy, workspace)
            yield from _floors(cluster, policy, copies, workspace, own=policy is here)
        yield from _schedule(cluster, workspace)
    for group in level.groups.values():
        here = _policy(group.use.deployment, level.origin, group.place)
        if here and above:
            yield _two(here, above, f"group {group.alias!r}")
        yield from _level(group.level, here or above, workspace, copies, used, seen)


def _policy(name: str | None, origin: Loaded, place: DocumentPath) -> Policy | None:
    return Policy(name, origin, (*place, "deployment")) if name else None


def _two(here: Policy, above: Policy, what: str) -> Finding:
    return here.origin.finding(
        "ALT1208",
        f"{what} has the deployment policy {here.name!r}, and {above.name!r} already applies to it "
        f"from {above.written}",
        here.place,
        value=here.name,
        hint="Keep the policy on the cluster or on one group around it.",
    )


def _room(cluster: ComposedCluster, policy: Policy, workspace: Workspace) -> Iterator[Finding]:
    found = workspace.find("DeploymentPolicy", policy.name)
    if found is None or not isinstance(found.model, DeploymentPolicy):
        return
    room, members = found.model.capacity, cluster.use.members
    if members.min > room:
        yield cluster.origin.finding(
            "ALT1209",
            f"the partitions of deployment policy {policy.name!r} hold {room} members, "
            f"and {cluster.alias!r} needs at least {members.min}",
            (*cluster.place, "members", "min"),
            value=str(members.min),
            allowed=(f"at most {room}",),
            hint="Raise max of the partitions, or lower members.min.",
        )
    elif members.max > room:
        yield cluster.origin.finding(
            "ALT1219",
            f"{cluster.alias!r} can never reach its maximum of {members.max}: the partitions of "
            f"{policy.name!r} hold {room} members",
            (*cluster.place, "members", "max"),
            value=str(members.max),
            severity="warning",
        )


def _floors(
    cluster: ComposedCluster,
    policy: Policy,
    copies: ApplicationPolicy | None,
    workspace: Workspace,
    *,
    own: bool,
) -> Iterator[Finding]:
    """Minimums of partitions that the cluster has never enough members for. A policy that others share
    (not its `own`) may be right for those."""
    found = workspace.find("DeploymentPolicy", policy.name)
    if found is None or not isinstance(found.model, DeploymentPolicy):
        return
    least = max(least_by_copy(found.model, copies, workspace), default=0)
    most = cluster.use.members.max
    if least > most:
        yield cluster.origin.finding(
            "ALT1112",
            f"the partitions of deployment policy {policy.name!r} are to have at least {least} members, "
            f"and {cluster.alias!r} has at most {most}",
            (*cluster.place, "members", "max"),
            value=str(most),
            allowed=(f"at least {least}",),
            hint="Lower min of the partitions, or raise members.max.",
            severity="error" if own else "warning",
        )


def _schedule(cluster: ComposedCluster, workspace: Workspace) -> Iterator[Finding]:
    found = workspace.find("AutoscalingPolicy", cluster.use.autoscaling or "")
    if found is None or not isinstance(found.model, AutoscalingPolicy):
        return
    for entry in found.model.schedule:
        if entry.minimum > cluster.use.members.max:
            yield cluster.origin.finding(
                "ALT1112",
                f"the schedule of {found.name!r} asks for at least {entry.minimum} members, "
                f"over the maximum of {cluster.use.members.max}",
                (*cluster.place, "autoscaling"),
            )
    if found.model.scale_to_zero is not None and cluster.use.members.min > 0:
        yield cluster.origin.finding(
            "ALT1219",
            f"{found.name!r} scales to zero, but {cluster.alias!r} keeps at least {cluster.use.members.min}",
            (*cluster.place, "autoscaling"),
            hint="Set members.min to 0, or use another policy.",
            severity="warning",
        )


def _placement(
    application: Loaded, name: str, used: dict[str, Policy], workspace: Workspace
) -> Iterator[Finding]:
    found = workspace.find("ApplicationPolicy", name)
    if found is None or not isinstance(found.model, ApplicationPolicy):
        return
    wanted = [n for group in found.model.groups for n in group]
    burst = found.model.burst
    for policy in used.values():
        document = workspace.find("DeploymentPolicy", policy.name)
        if policy.data and burst is not None and burst.data == "home":
            continue  # a copy has none of these clusters
        if document is None or not isinstance(document.model, DeploymentPolicy):
            continue
        covered = {share.name for share in document.model.network_partitions}
        missing = [n for n in wanted if n not in covered]
        if missing:
            yield application.finding(
                "ALT1210",
                f"placement {name!r} may run a copy in {', '.join(map(repr, missing))}, where deployment "
                f"policy {policy.name!r} places no members",
                ("placement",),
                allowed=tuple(covered),
                hint=f"Add {missing[0]} to networkPartitions of {policy.name}, or take it out of {name}.",
            )

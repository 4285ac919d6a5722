"""Checks of quotas of deployment policies against the applications that use them."""

from collections.abc import Iterator, Mapping

from blueprints.composition import ComposedLevel
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.workspace import Workspace


def check_quotas(workspace: Workspace, roots: Mapping[str, ComposedLevel]) -> Iterator[Finding]:
    """Quotas under the minimums of all applications that use the policy: those are given whatever it says."""
    least: dict[str, dict[str, int]] = {}
    for name, root in roots.items():
        application = root.origin.model
        policy = application.deployment if isinstance(application, Application) else None
        for used, members in _least(root, policy).items():
            least.setdefault(used, {})[name] = members
    for name, applications in least.items():
        found = workspace.find("DeploymentPolicy", name)
        document = found.model if found is not None else None
        if found is None or not isinstance(document, DeploymentPolicy) or document.quota is None:
            continue
        total = sum(applications.values())
        if total > document.quota.members:
            named = ", ".join(f"{each} {members}" for each, members in applications.items())
            yield found.finding(
                "ALT1112",
                f"the quota of {name!r} is {document.quota.members} members, and the applications that use "
                f"it always have {total} ({named})",
                ("quota", "members"),
                value=str(document.quota.members),
                allowed=(f"at least {total}",),
                hint="Raise the quota, or lower members.min.",
            )


def _least(level: ComposedLevel, policy: str | None) -> dict[str, int]:
    """The members that an application always has, by the deployment policy in force."""
    found: dict[str, int] = {}
    for cluster in level.clusters.values():
        if used := cluster.use.deployment or policy:
            found[used] = found.get(used, 0) + cluster.use.members.min
    for group in level.groups.values():
        for used, members in _least(group.level, group.use.deployment or policy).items():
            found[used] = found.get(used, 0) + group.instances.min * members
    return found

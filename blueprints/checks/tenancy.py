"""Checks of tenants and signups against the applications they own or use."""

from collections.abc import Iterable, Iterator

from blueprints.checks.traffic import Roots, find_cluster, no_cluster
from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.signup import Signup
from blueprints.kinds.tenant import Tenant
from blueprints.loader import Loaded
from blueprints.workspace import Workspace


def check_tenants(documents: Iterable[Loaded], workspace: Workspace, roots: Roots) -> Iterator[Finding]:
    """Applications that go past what their tenant may use, or run where it may not."""
    owned: dict[str, list[Loaded]] = {}
    for document in documents:
        if isinstance(document.model, Application) and document.model.tenant:
            owned.setdefault(document.model.tenant, []).append(document)
    for name, applications in owned.items():
        found = workspace.find("Tenant", name)
        if found is None or not isinstance(found.model, Tenant):
            continue
        yield from _quota(found.model, applications, roots)
        for application in applications:
            yield from _place(found.model, application, workspace)


def _quota(tenant: Tenant, applications: list[Loaded], roots: Roots) -> Iterator[Finding]:
    most = tenant.quota.applications
    if most is not None and len(applications) > most:
        yield applications[most].finding(
            "ALT1215",
            f"tenant {tenant.name!r} may have {most} applications, and this is one of {len(applications)}",
            ("tenant",),
        )
    if tenant.quota.members is None:
        return
    total = 0
    for application in applications:
        root = roots.get(application.name)
        total += _least_members(root) if root is not None else 0
        if total > tenant.quota.members:
            yield application.finding(
                "ALT1215",
                f"tenant {tenant.name!r} may have {tenant.quota.members} members, and its applications "
                f"need at least {total}",
                ("tenant",),
            )
            return


def _least_members(level: ComposedLevel) -> int:
    return sum(c.use.members.min for c in level.clusters.values()) + sum(
        g.instances.min * _least_members(g.level) for g in level.groups.values()
    )


def _place(tenant: Tenant, application: Loaded, workspace: Workspace) -> Iterator[Finding]:
    model = application.model
    if not isinstance(model, Application):
        return
    if not tenant.active:
        yield application.finding(
            "ALT1215", f"tenant {tenant.name!r} is not active", ("tenant",), severity="warning"
        )
    found = workspace.find("ApplicationPolicy", model.placement) if model.placement else None
    if tenant.clouds and found is not None and isinstance(found.model, ApplicationPolicy):
        wanted = [n for group in found.model.groups for n in group]
        refused = [n for n in wanted if n not in tenant.clouds]
        if refused:
            yield application.finding(
                "ALT1215",
                f"placement {model.placement!r} uses {', '.join(map(repr, refused))}, where tenant "
                f"{tenant.name!r} may not run",
                ("placement",),
                allowed=tuple(tenant.clouds),
            )


def check_signups(documents: Iterable[Loaded], workspace: Workspace, roots: Roots) -> Iterator[Finding]:
    """Signups to applications that take none, for clusters that are not there, or made twice."""
    owners: dict[tuple[str, str], Loaded] = {}
    for document in documents:
        model = document.model
        if not isinstance(model, Signup):
            continue
        root = roots.get(model.application)
        application = root.origin.model if root is not None else None
        if root is None or not isinstance(application, Application):
            continue
        tenant = model.tenant or application.tenant or ""
        owner = owners.setdefault((model.application, tenant), document)
        if owner is not document:
            yield document.finding(
                "ALT1212",
                f"tenant {tenant!r} has already signed up to {model.application!r} by {owner.name!r}",
                ("tenant",) if model.tenant else ("application",),
            )
        if not application.multi_tenant and tenant != (application.tenant or ""):
            yield document.finding(
                "ALT1215",
                f"the application {application.name!r} is not multi-tenant; only its owner can sign up",
                ("application",),
                hint="Set multiTenant: true on the application and on its cartridges.",
            )
        for index, entry in enumerate(model.artifacts):
            where = ("artifacts", index, "alias")
            found: ComposedCluster | None = find_cluster(root, entry.alias)
            if found is None:
                yield no_cluster(document, where, entry.alias, root)
            elif found.cartridge is not None and found.cartridge.artifact is None:
                yield document.finding(
                    "ALT1217", f"the cartridge {found.cartridge.name!r} has no place for an artifact", where
                )

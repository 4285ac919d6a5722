"""References from one document to another by name."""

from collections.abc import Iterator

from blueprints.checks.levels import levels_of
from blueprints.composition import DocumentPath
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.cartridge_use import ClusterSettings
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.level import GroupUse
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.kinds.signup import Signup
from blueprints.kinds.tenant import Tenant
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.workspace import Workspace

DEFAULT_CLOUD = "local"
"""The cloud that is there without a document."""

Reference = tuple[DocumentPath, str, str]
"""A place, and the kind and name of the document it refers to."""


def references(document: Loaded) -> Iterator[Reference]:
    """Every reference by name in a document."""
    model = document.model
    if isinstance(model, Application):
        yield from _given((), "tenant", "Tenant", model.tenant)
        yield from _given((), "placement", "ApplicationPolicy", model.placement)
        yield from _given((), "deployment", "DeploymentPolicy", model.deployment)
        yield from _given((), "loadBalancer", "LoadBalancer", model.load_balancer)
    elif isinstance(model, DeploymentPolicy):
        for index, share in enumerate(model.network_partitions):
            yield ("networkPartitions", index, "name"), "NetworkPartition", share.name
    elif isinstance(model, ApplicationPolicy):
        for index, entry in enumerate(model.network_partitions):
            if isinstance(entry, str):
                yield ("networkPartitions", index), "NetworkPartition", entry
            else:
                for number, name in enumerate(entry):
                    yield ("networkPartitions", index, number), "NetworkPartition", name
    elif isinstance(model, Tenant):
        for index, name in enumerate(model.clouds):
            yield ("clouds", index), "NetworkPartition", name
    elif isinstance(model, Signup):
        yield ("application",), "Application", model.application
        yield from _given((), "tenant", "Tenant", model.tenant)
    elif isinstance(model, DomainMapping):
        yield ("application",), "Application", model.application
        yield from _given((), "signup", "Signup", model.signup)
    yield from _in_levels(document)


def _in_levels(document: Loaded) -> Iterator[Reference]:
    for place, level in levels_of(document):
        for index, use in enumerate(level.cartridges):
            where = (*place, "cartridges", index)
            yield (*where, "cartridge"), "Cartridge", use.cartridge
            yield from _settings(where, use)
        for index, group in enumerate(level.groups):
            yield from _of_group((*place, "groups", index), group)


def _of_group(where: DocumentPath, group: GroupUse) -> Iterator[Reference]:
    yield from _given(where, "group", "CartridgeGroup", group.group)
    yield from _given(where, "deployment", "DeploymentPolicy", group.deployment)
    yield from _given(where, "loadBalancer", "LoadBalancer", group.load_balancer)
    for path, settings in group.overrides.items():
        yield from _settings((*where, "overrides", path), settings)


def _settings(where: DocumentPath, settings: ClusterSettings) -> Iterator[Reference]:
    yield from _given(where, "autoscaling", "AutoscalingPolicy", settings.autoscaling)
    yield from _given(where, "deployment", "DeploymentPolicy", settings.deployment)
    yield from _given(where, "loadBalancer", "LoadBalancer", settings.load_balancer)


def _given(where: DocumentPath, key: str, kind: str, name: str | None) -> Iterator[Reference]:
    if name is not None:
        yield (*where, key), kind, name


def check_references(document: Loaded, workspace: Workspace) -> Iterator[Finding]:
    """The references of a document that lead nowhere."""
    for where, kind, name in references(document):
        if workspace.find(kind, name) is None:
            missing = workspace.missing(kind, name)
            yield document.finding(
                "ALT1202",
                missing.message,
                where,
                allowed=missing.allowed,
                nearest=missing.nearest,
                hint=missing.hint,
            )
    if isinstance(document.model, NetworkPartition):
        known = workspace.names("HostCluster")
        if known and document.model.cloud not in (*known, DEFAULT_CLOUD):
            close = nearest(document.model.cloud, known)
            yield document.finding(
                "ALT1202",
                f"no HostCluster describes the cloud {document.model.cloud!r}",
                ("cloud",),
                allowed=known,
                nearest=close,
                hint=f"Did you mean {close!r}?"
                if close
                else "A registered kubeconfig of that name will do too.",
                severity="warning",
            )


def users_of(workspace: Workspace, kind: str, name: str) -> tuple[str, ...]:
    """The documents that refer to a document, as `Kind name`; it cannot go while there are any."""
    return tuple(
        f"{document.kind} {document.name}"
        for document in workspace.documents.values()
        if any((k, n) == (kind, name) for _, k, n in references(document))
    )

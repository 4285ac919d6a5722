"""Tells the kind of a Stratos document by its shape, since it does not say."""

from typing import Literal

from blueprints.stratos.record import Record

StratosKind = Literal[
    "application",
    "cartridge",
    "cartridge group",
    "autoscaling policy",
    "deployment policy",
    "application policy",
    "network partition",
    "kubernetes cluster",
    "application signup",
    "domain mappings",
    "tenant",
    "user",
    "git hook",
    "metadata property",
]

_BY_KEY: tuple[tuple[StratosKind, tuple[str, ...]], ...] = (
    ("application", ("components", "applicationId")),
    ("autoscaling policy", ("loadThresholds",)),
    ("kubernetes cluster", ("kubernetesMaster", "kubernetesHosts")),
    ("application signup", ("artifactRepositories",)),
    ("domain mappings", ("domainMappings",)),
    ("cartridge", ("iaasProvider", "portMapping")),
    ("tenant", ("tenantDomain",)),
    ("user", ("userName",)),
    ("git hook", ("repository",)),
)


def kind_of(record: Record) -> StratosKind | None:
    """The kind of a document, or nothing where no kind has this shape."""
    keys = set(record.keys())
    for kind, marks in _BY_KEY:
        if keys.intersection(marks):
            return kind
    if "algorithm" in keys or (record.texts("networkPartitions") and not record.records("networkPartitions")):
        return "application policy"
    if record.records("networkPartitions") or record.records("networkPartition"):
        return "deployment policy"
    if "partitions" in keys:
        return "network partition"
    if "type" in keys and keys.intersection(("category", "host", "provider")):
        return "cartridge"
    if "name" in keys and keys.intersection(("cartridges", "groups", "dependencies")):
        return "cartridge group"
    if {"key", "values"} <= keys:
        return "metadata property"
    return None


def identity(record: Record, kind: StratosKind) -> str:
    """The name a document goes by in Stratos."""
    keys = {
        "application": ("applicationId", "alias", "name"),
        "cartridge": ("type",),
        "cartridge group": ("name", "alias"),
        "kubernetes cluster": ("clusterId",),
        "tenant": ("tenantDomain",),
        "user": ("userName",),
    }.get(kind, ("id", "name"))
    return next((record.text(key) for key in keys if record.text(key)), "")

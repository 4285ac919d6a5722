"""Environment variables of a container, and the secrets some of them are kept in."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from blueprints.kinds.environment import EnvironmentValue, ExportReference, MemberFact, SecretReference
from blueprints.kinds.replication import REPLICATE_FROM
from blueprints.plan import PlannedCluster
from components.pods.errors import ApplicationError
from components.pods.exports import Exports, Value

ARTIFACT_STATE = "/run/altostratus/artifact"
"""The folder in which a member finds what its artifact is: files `commit`, `branch` and `url`."""

_FIELDS = {
    "name": "metadata.name",
    "namespace": "metadata.namespace",
    "address": "status.podIP",
    "host": "spec.nodeName",
    "hostAddress": "status.hostIP",
}


@dataclass
class Variables:
    """Variables in the order they were set; a later one of the same name takes the earlier one's place."""

    secret_object: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, Value] = field(default_factory=dict)
    """What the Secret must hold, by key."""

    def text(self, name: str, value: str) -> None:
        """A plain value. Kubernetes would expand `$(NAME)`; here text stays as it is written."""
        self.entries[name] = {"name": name, "value": value.replace("$(", "$$(")}

    def fact(self, name: str, path: str) -> None:
        """A value that only the running member knows."""
        self.entries[name] = {
            "name": name,
            "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": path}},
        }

    def secret(self, name: str, key: str, value: Value) -> None:
        """A value that is read from the cluster's Secret."""
        self.secrets[key] = value
        reference = {"name": self.secret_object, "key": key}
        self.entries[name] = {"name": name, "valueFrom": {"secretKeyRef": reference}}

    def value(self, name: str, key: str, value: Value) -> None:
        """Plain text as it is, everything else through the Secret."""
        if isinstance(value, str):
            self.text(name, value)
        else:
            self.secret(name, key, value)


def variables(
    cluster: PlannedCluster,
    exports: Exports,
    container: str,
    own: Mapping[str, EnvironmentValue],
    secret_object: str,
) -> Variables:
    """What a container of the cluster sees: facts, what it is linked to, then its own variables."""
    found = Variables(secret_object)
    plan = exports.plan
    found.text("ALTOSTRATUS_APPLICATION", plan.application.name)
    found.text("ALTOSTRATUS_CLUSTER", cluster.id)
    found.text("ALTOSTRATUS_COPY", plan.copy)
    found.fact("ALTOSTRATUS_MEMBER", _FIELDS["name"])
    found.fact("ALTOSTRATUS_HOST", _FIELDS["host"])
    if cluster.follows:
        found.text(REPLICATE_FROM, cluster.follows)
    if cluster.artifact is not None:
        found.text("ALTOSTRATUS_ARTIFACT", ARTIFACT_STATE)
    for link in cluster.links:
        for received in link.exports:
            if received.variable:
                value = exports.value(received.source, received.export)
                found.value(received.variable, f"link.{received.variable}", value)
    for name, wanted in own.items():
        _set(found, cluster, exports, f"{container}.{name}", name, wanted)
    return found


def _set(
    found: Variables, cluster: PlannedCluster, exports: Exports, key: str, name: str, wanted: EnvironmentValue
) -> None:
    match wanted:
        case str():
            found.text(name, wanted)
        case MemberFact():
            found.fact(name, _FIELDS[wanted.member])
        case SecretReference():
            found.secret(name, key, exports.secret(wanted.secret, f"variable {name} of {cluster.id}"))
        case ExportReference():
            source = cluster.id if wanted.source is None else cluster.sources.get(wanted.source)
            if source is None or wanted.export not in _offered(exports.plan.seen(source), cluster):
                raise ApplicationError(
                    f"variable {name} of {cluster.id} takes export {wanted.export!r} "
                    f"from {wanted.source or 'its own cartridge'}, which has none of that name"
                )
            found.value(name, key, exports.value(source, wanted.export))


def _offered(source: PlannedCluster, to: PlannedCluster) -> Collection[str]:
    """The names of the exports that a cluster can take from another, or from itself."""
    return source.cartridge.exports if source.id == to.id else source.cartridge.shown

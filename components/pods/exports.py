"""What clusters tell each other: exported values with their placeholders filled in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from blueprints.kinds.exports import Placeholder
from blueprints.plan import Plan, PlannedCluster, PlannedPort
from components.pods.errors import ApplicationError

Value = str | pulumi.Output[str]
"""Plain text, or a secret."""


@dataclass(frozen=True)
class Exports:
    """The exports of a plan's clusters.

    `generated` holds the generated passwords by (family, export name); `secrets` the stack's own
    secret settings by name.
    """

    plan: Plan
    generated: Mapping[tuple[str, str], pulumi.Output[str]] = field(default_factory=dict)
    secrets: pulumi.Output[Mapping[str, str]] | None = None

    def value(self, cluster: str, export: str) -> Value:
        """One export of a cluster or family. Secret ones are secret outputs, all others plain text."""
        planned = self.plan.seen(cluster)
        declared = planned.cartridge.exports[export]
        if declared.generate is not None:
            return pulumi.Output.secret(self.generated[planned.family, export])
        parts = [
            part if isinstance(part, str) else self._placeholder(planned, part) for part in declared.parts()
        ]
        if all(isinstance(part, str) for part in parts):
            text = "".join(str(part) for part in parts)
            return pulumi.Output.secret(text) if declared.secret else text
        return pulumi.Output.secret(pulumi.Output.concat(*parts))

    def secret(self, name: str, wanted_by: str) -> pulumi.Output[str]:
        """A secret setting of the stack. Raises ApplicationError (at once, or when it is read) if missing."""
        if self.secrets is None:
            raise _missing_secret(name, wanted_by, ())

        def read(known: Mapping[str, str]) -> str:
            if name not in known:
                raise pulumi.RunError(str(_missing_secret(name, wanted_by, known)))
            return known[name]

        return pulumi.Output.secret(self.secrets.apply(read))

    def _placeholder(self, cluster: PlannedCluster, placeholder: Placeholder) -> Value:
        match placeholder.kind:
            case "host":
                return _port(cluster, placeholder.name).host
            case "port":
                return str(_port(cluster, placeholder.name).service_port)
            case "primary":
                return next((p.primary_host for p in cluster.ports if p.primary), _port(cluster, "").host)
            case "export":
                return self.value(cluster.id, placeholder.name)
            case "alias":
                return cluster.alias
            case "application":
                return self.plan.application.name
            case "namespace":
                return self.plan.namespace


def _port(cluster: PlannedCluster, name: str) -> PlannedPort:
    for port in cluster.ports:
        if not name or port.name == name:
            return port
    raise ApplicationError(
        f"cluster {cluster.id} exports the address of "
        + (
            f"port {name!r}, which its cartridge {cluster.cartridge.name} does not have"
            if name
            else "no port"
        )
    )


def _missing_secret(name: str, wanted_by: str, known: Mapping[str, str] | tuple[()]) -> ApplicationError:
    return ApplicationError(
        f"{wanted_by} needs the secret {name!r}, which this stack does not have "
        f"(it has {', '.join(sorted(known)) or 'none'}).\n"
        f"  Set it: pulumi config set --secret --path 'altostratus:secrets.{name}'"
    )

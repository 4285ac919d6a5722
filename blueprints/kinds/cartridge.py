"""The Cartridge document: a kind of runtime, and everything a member of it is made of."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from blueprints.kinds.cartridge_rules import check_container_names, check_port_owners, check_references
from blueprints.kinds.containers import Container, InitContainer, Sidecar
from blueprints.kinds.exports import Export, Placeholder
from blueprints.kinds.ports import Port
from blueprints.kinds.probes import Probes
from blueprints.kinds.replication import Replication
from blueprints.kinds.replication_rules import check_replication
from blueprints.kinds.storage import ConfigurationFile, Persistence, Volume
from blueprints.model import Document, Items, Model, fault
from blueprints.names import AbsolutePath, ContainerName, ExportName, Hostname, PortName
from blueprints.quantities import Duration
from blueprints.rules import unique


class ArtifactSlot(Model):
    """Where the application's own code or content goes."""

    path: AbsolutePath
    """The folder that receives it."""
    required: bool = False
    """Whether the cartridge is of no use without one."""
    on_change: Literal["replace", "reload"] = "replace"
    """Whether members are replaced one after another on new content, or read it in place."""
    reload: Items[str] = ()
    """The command that makes a running member read new content, for reload."""

    @model_validator(mode="after")
    def _reload_only_where_used(self) -> Self:
        if self.reload and self.on_change != "reload":
            raise fault("ALT1111", "reload goes with onChange: reload only", at=("reload",))
        return self


class MetricsEndpoint(Model):
    """Where members show metrics in Prometheus' format."""

    port: PortName
    """The name of a port."""
    path: Annotated[str, Field(pattern=r"^/")] = "/metrics"
    """The path."""


class Draining(Model):
    """How a member leaves."""

    grace: Duration = Duration("30s")
    """How long it may take to finish what it serves."""
    command: Items[str] = ()
    """A program run in the container before it is asked to end, once no new requests come (by its
    /bin/sh)."""


class Sharing(Model):
    """What the containers of one member share besides their network and volumes."""

    processes: bool = False
    """Whether they see each other's processes (Kubernetes' shareProcessNamespace)."""
    host_names: dict[Hostname, str] = Field(default_factory=dict)
    """Extra host names and their addresses, for all containers."""


class Cartridge(Container, Document):
    """A kind of runtime. Its main container comes from an image, a build, code or a set-up script."""

    KIND: ClassVar[str] = "Cartridge"

    display_name: str | None = Field(default=None, max_length=200)
    """The name shown to people."""
    version: str | None = Field(default=None, max_length=64)
    """The version of the software inside."""
    provider: str | None = Field(default=None, max_length=200)
    """Who makes it."""
    category: Literal["application", "data", "loadBalancer", "service"] = "application"
    """What it is mainly for; data cartridges keep a stable identity for each member."""
    multi_tenant: bool = False
    """Whether one running cluster serves several tenants, who sign up."""
    metadata_keys: Items[Annotated[str, Field(min_length=1, max_length=253)]] = ()
    """Keys under which running members may publish values for the rest of the application."""
    hostname: Hostname | None = None
    """The domain its clusters' public host names end in."""

    ports: Items[Port] = ()
    """The ports its members listen on."""
    probes: Probes = Probes()
    """How to find out whether a member has started, serves and lives."""
    metrics: MetricsEndpoint | None = None
    """Where members show metrics."""
    artifact: ArtifactSlot | None = None
    """Where the application's own code or content goes."""

    init: Items[InitContainer] = ()
    """Containers that run to their end first."""
    sidecars: Items[Sidecar] = ()
    """Containers that run beside the main one."""
    volumes: Items[Volume] = ()
    """Scratch space the containers share."""
    persistence: Items[Persistence] = ()
    """Data that outlives a member."""
    replication: Replication | None = None
    """How another copy of the application can follow this one's data; left out, it cannot."""
    files: Items[ConfigurationFile] = ()
    """Configuration files put into the containers."""
    sharing: Sharing = Sharing()
    """What the containers share."""

    exports: dict[ExportName, Export] = Field(default_factory=dict, max_length=64)
    """What clusters that depend on one of these receive."""
    draining: Draining = Draining()
    """How a member leaves."""
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = "IfNotPresent"
    """When hosts pull the image."""
    pull_secret: ContainerName | None = None
    """A secret with the credentials of the image's own registry."""

    @property
    def stateful(self) -> bool:
        """Whether members have data of their own, or need a stable identity."""
        return self.category == "data" or any(not p.shared for p in self.persistence)

    @property
    def all_ports(self) -> tuple[Port, ...]:
        """The ports of all containers of a member; they share one address."""
        return (*self.ports, *(port for sidecar in self.sidecars for port in sidecar.ports))

    @property
    def shown(self) -> dict[str, Export]:
        """The exports that dependents can receive."""
        return {name: export for name, export in self.exports.items() if not export.private}

    @property
    def followed_port(self) -> Port | None:
        """The port that followers of its data use."""
        name = self.replication.port if self.replication is not None else None
        wanted = (port for port in self.all_ports if name in (None, port.name))
        return next(wanted, None) if self.replication is not None else None

    @model_validator(mode="after")
    def _unique_names(self) -> Self:
        unique("volumes", self.volumes)
        unique("persistence", self.persistence)
        unique("files", self.files, "path")
        check_container_names(self)
        check_port_owners(self)
        return self

    @model_validator(mode="after")
    def _references_lead_somewhere(self) -> Self:
        check_references(self)
        check_replication(self)
        return self

    @model_validator(mode="after")
    def _exports_without_cycle(self) -> Self:
        settled: set[str] = set()

        def visit(name: str, trail: tuple[str, ...]) -> None:
            if name in trail:
                cycle = " → ".join((*trail[trail.index(name) :], name))
                raise fault("ALT1116", f"exports refer to each other: {cycle}", at=("exports", trail[0]))
            if name in settled or name not in self.exports:
                return
            for part in self.exports[name].parts():
                if isinstance(part, Placeholder) and part.kind == "export":
                    visit(part.name, (*trail, name))
            settled.add(name)

        for name in self.exports:
            visit(name, ())
        return self

    def is_secret(self, export: str) -> bool:
        """Whether an export is secret itself or contains one that is."""
        this = self.exports[export]
        return (
            this.secret
            or this.generate is not None
            or any(
                self.is_secret(part.name)
                for part in this.parts()
                if isinstance(part, Placeholder) and part.kind == "export"
            )
        )

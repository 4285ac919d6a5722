"""The plan: an application at a scale as a flat list of clusters, their order and their links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from blueprints.balancing.model import Balancer
from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_use import Artifact, CartridgeUse, Range
from blueprints.kinds.containers import Resources
from blueprints.kinds.environment import EnvironmentValue
from blueprints.kinds.level import Termination
from blueprints.kinds.storage import Persistence
from blueprints.order import Predecessors, stages

HOME_COPY = "home"
"""The name of an application's first copy; the others have the names of their clouds."""


Data = Literal["follows", "promoted"]
"""Whether a copy's data follows that at home, or did so until a move made it the home's."""


@dataclass(frozen=True, slots=True)
class PlannedPort:
    """A port mapping with the Service made for it."""

    name: str
    port: int
    """The port in the members."""
    service_port: int
    """The port of the Service: the proxy port, or the same."""
    protocol: str
    transport: Literal["tcp", "udp", "sctp"]
    exposure: Literal["cluster", "node", "loadBalancer"]
    node_port: int | None
    session_affinity: bool
    service: str
    """The name of the Service."""
    host: str
    """The Service's full host name in the host cluster."""
    primary: str = ""
    """The Service that leads to the cluster that takes writes; empty where nobody can follow this one."""

    @property
    def primary_host(self) -> str:
        """Its full host name; that of the port's own Service where there is none."""
        return f"{self.primary}{self.host.removeprefix(self.service)}" if self.primary else self.host


@dataclass(frozen=True, slots=True)
class ReceivedExport:
    """One export as its receiver sees it: a variable, or a file."""

    source: str
    """The id of the cluster or family it comes from."""
    export: str
    """Its name in that cluster's cartridge."""
    variable: str
    """The environment variable it arrives in; empty for a file."""
    file: str
    """The path it arrives at; empty for a variable."""
    secret: bool


@dataclass(frozen=True, slots=True)
class Link:
    """A cluster that another one sees the exports of."""

    source: str
    """The id of the cluster that is seen, or of the family of all its copies, such as `search.*/engine`."""
    alias: str
    """The path it is seen under."""
    exports: tuple[ReceivedExport, ...]


@dataclass(frozen=True, slots=True)
class PlannedCluster:
    """The members of one cartridge in one copy of their groups."""

    id: str
    """Its path with group instances, such as `search.1/engine`; what scale and journals call it."""
    path: str
    """Its path of aliases, such as `search/engine`."""
    alias: str
    name: str
    """Its Kubernetes name, at most 40 characters."""
    family: str
    """Its id with `*` for instances of groups that can have several: the same for all its copies."""
    level: str
    """The id of the level it belongs to; empty for the application itself."""
    use: CartridgeUse
    cartridge: Cartridge
    members: int
    bounds: Range
    waits_for: tuple[str, ...]
    """The ids of the clusters that must be ready before it starts."""
    ports: tuple[PlannedPort, ...]
    links: tuple[Link, ...]
    sources: Mapping[str, str]
    """What each `from:` in its environment means, as the id of a cluster or family."""
    deployment: str | None
    """The deployment policy in force, its own or that of what is around it."""
    environment: Mapping[str, EnvironmentValue]
    """The cartridge's environment with the application's over it."""
    resources: Resources
    persistence: tuple[Persistence, ...]
    artifact: Artifact | None
    selector: Mapping[str, str]
    """The labels that pick exactly its members."""
    labels: Mapping[str, str]
    """All labels of its objects, selector included."""
    cartridge_folder: Path = field(compare=False)
    """Where relative paths of the cartridge start."""
    folder: Path = field(compare=False)
    """Where relative paths of the application's artifact start."""
    follows: str = ""
    """host:port of the cluster at home whose data it follows, or did until a move made it the home's."""


@dataclass(frozen=True, slots=True)
class PlannedChild:
    """A direct child of a level: a cluster, or a group with its instances."""

    alias: str
    kind: Literal["cluster", "group"]
    ids: tuple[str, ...]
    """The cluster's id, or the ids of the group's instances."""
    clusters: tuple[str, ...]
    """The ids of all clusters in it."""
    bounds: Range


@dataclass(frozen=True, slots=True)
class PlannedScaling:
    """Children of one level that keep a proportion."""

    members: tuple[str, ...]
    ratio: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PlannedLevel:
    """The application, or one instance of a group."""

    id: str
    """Empty for the application, else such as `search.1`."""
    parent: str | None
    alias: str
    instance: int
    children: Mapping[str, PlannedChild]
    waits_for: Predecessors
    """The startup order among the children, by alias."""
    termination: Termination
    scaling: tuple[PlannedScaling, ...]
    load_balancer: str | None


@dataclass(frozen=True)
class Plan:
    """An application, flat. Everything in it follows from the documents and the scale alone."""

    application: Application
    namespace: str
    copy: str
    clusters: Mapping[str, PlannedCluster]
    levels: Mapping[str, PlannedLevel]
    balancers: tuple[Balancer, ...] = ()
    """The load balancers of this application alone."""
    shared: tuple[Balancer, ...] = ()
    """This application's part in load balancers that its cloud's applications share."""
    families: Mapping[str, PlannedCluster] = field(default_factory=dict)
    """What is seen from outside a group that can have several instances: all copies of a cluster as one,
    by family id. A family is there even while it has no copies."""
    remote: Mapping[str, PlannedCluster] = field(default_factory=dict)
    """Clusters and families that those here use and that run elsewhere, under the same names."""
    partial: bool = False
    """Whether it has only some of the application's clusters."""
    data: Data | None = None
    """Left out, data is its own."""

    @cached_property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Cluster ids in stages of starting; those in one stage start side by side at the latest."""
        return stages({c.id: c.waits_for for c in self.clusters.values()})

    @property
    def teardown(self) -> tuple[tuple[str, ...], ...]:
        """Cluster ids in stages of ending: the reverse of starting."""
        return tuple(reversed(self.stages))

    @property
    def members(self) -> int:
        """The members of all clusters."""
        return sum(c.members for c in self.clusters.values())

    def seen(self, source: str) -> PlannedCluster:
        """The cluster or family of an id that a link names, wherever it runs."""
        known = (self.clusters, self.families, self.remote)
        return next(each[source] for each in known if source in each)

    def copies(self, source: str) -> tuple[str, ...]:
        """The ids of the clusters here that a link's source means."""
        if source in self.clusters:
            return (source,)
        if source in self.remote:
            return ()
        wanted = self.families[source].selector.items()
        return tuple(c.id for c in self.clusters.values() if wanted <= c.labels.items())

    @cached_property
    def generated(self) -> tuple[tuple[str, str, int], ...]:
        """Every generated password as (family, export name, length): all copies of a cluster share one."""
        found = {
            (c.family, name): export.generate.length
            for c in (*self.clusters.values(), *self.families.values(), *self.remote.values())
            for name, export in c.cartridge.exports.items()
            if export.generate is not None
        }
        return tuple((family, name, length) for (family, name), length in found.items())

"""Links: which clusters see the exports of which, and how the values arrive.

A cluster sees what it waits for directly at its own level, what the groups around it wait
for, and what it names under `uses`. A name is looked up in the same copy of the cluster's
own group first, then in the groups around it, so links between members of a group never
leave their copy. Clusters of a group that can have several instances are seen from outside
as one family with one address: what its receivers get does not depend on how many there are.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

from blueprints.families import Aliases, face
from blueprints.kinds.environment import ExportReference
from blueprints.names import environment_name, environment_prefix
from blueprints.order import Predecessors
from blueprints.plan import Link, PlannedCluster, ReceivedExport

LINK_FOLDER = "/etc/altostratus/links"
"""Where exported files arrive unless the export says otherwise."""


@dataclass(slots=True)
class Scope:
    """One copy of a level while it is expanded: its children and what they wait for."""

    outer: "Scope | None"
    alias: str
    waits_for: Predecessors
    depth: int
    """How many groups are around it."""
    children: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Cluster ids by the alias of the direct child they are in."""
    absent: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The same of groups without instances, as one instance would have them."""
    _inherited: "tuple[Visible, ...] | None" = None

    def inherited(self) -> "tuple[Visible, ...]":
        """What every cluster in this copy sees because the groups around it wait for it."""
        if self._inherited is None:
            if self.outer is None:
                self._inherited = ()
            else:
                waits = self.outer.waits_for.get(self.alias, ())
                mine = tuple(self.outer.see(w) for w in waits)
                self._inherited = (*mine, *self.outer.inherited())
        return self._inherited

    def see(self, alias: str, prefix: str = "") -> "Visible":
        """A direct child."""
        found = self.children.get(alias) or self.absent.get(alias, ())
        return Visible(alias, prefix, found, self.depth)

    def find(self, path: str, clusters: Mapping[str, PlannedCluster], prefix: str = "") -> "Visible":
        """The clusters a path means, seen from here."""
        first, _, rest = path.partition("/")
        scope: Scope | None = self
        while scope is not None:
            if first in scope.children:
                found = scope.see(first).clusters
                return Visible(path, prefix, _below(found, rest, clusters), scope.depth)
            scope = scope.outer
        return Visible(path, prefix, (), 0)


def _below(ids: tuple[str, ...], rest: str, clusters: Mapping[str, PlannedCluster]) -> tuple[str, ...]:
    if not rest:
        return ids
    return tuple(i for i in ids if clusters[i].path.endswith(f"/{rest}") or f"/{rest}/" in clusters[i].path)


@dataclass(frozen=True, slots=True)
class Visible:
    """A name a cluster can see and the clusters it means."""

    path: str
    prefix: str
    clusters: tuple[str, ...]
    depth: int
    """How many groups are around the level that the name was found at."""


@dataclass(slots=True)
class _Sight:
    """Everything that can be seen, and the families that somebody sees."""

    known: Mapping[str, PlannedCluster]
    copied: Set[Aliases]
    domain: str
    families: dict[str, PlannedCluster] = field(default_factory=dict)

    def sources(self, visible: Visible) -> tuple[PlannedCluster, ...]:
        """What a visible name means: clusters, and families for those that can have several copies."""
        found: dict[str, PlannedCluster] = {}
        for identity in visible.clusters:
            cluster = self.known[identity]
            family = face(cluster, self.copied, visible.depth, self.domain)
            if family is None:
                found[identity] = cluster
            else:
                self.families.setdefault(family.id, family)
                found[family.id] = self.families[family.id]
        return tuple(found.values())


def connect(
    clusters: dict[str, PlannedCluster],
    absent: Mapping[str, PlannedCluster],
    scopes: Mapping[str, Scope],
    copied: Set[Aliases],
    domain: str,
) -> dict[str, PlannedCluster]:
    """Put links and the meaning of `from:` into every cluster; the families that are seen, by their ids."""
    sight = _Sight({**absent, **clusters}, copied, domain)
    for identity, cluster in clusters.items():
        scope = scopes[cluster.level]
        waits = scope.waits_for.get(cluster.alias, ())
        seen = [
            *(scope.see(w) for w in waits),
            *(scope.find(u.source, sight.known, u.prefix or "") for u in cluster.use.uses),
            *scope.inherited(),
        ]
        links = _links(seen, sight) if seen else ()
        sources = {
            value.source: found[0].id
            for value in cluster.environment.values()
            if isinstance(value, ExportReference) and value.source
            if (found := sight.sources(scope.find(value.source, sight.known)))
        }
        if links or sources:
            clusters[identity] = replace(cluster, links=links, sources=sources)
    return sight.families


def _links(seen: list[Visible], sight: _Sight) -> tuple[Link, ...]:
    links: list[Link] = []
    taken: set[str] = set()
    for visible in seen:
        for source in sight.sources(visible):
            if not source.cartridge.shown:
                continue
            depth = _depth_below(visible, source)
            inner = source.path.split("/")[-depth:] if depth else []
            path = "/".join([visible.path, *inner])
            links.append(Link(source.id, path, _received(source, path, visible.prefix, inner, taken)))
    return tuple(links)


def _depth_below(visible: Visible, source: PlannedCluster) -> int:
    """How many aliases of the source's path stand below the name it is seen under."""
    name = visible.path.rsplit("/", 1)[-1]
    segments = source.path.split("/")
    return len(segments) - 1 - segments.index(name) if name in segments else 0


def _received(
    source: PlannedCluster, path: str, prefix: str, inner: list[str], taken: set[str]
) -> tuple[ReceivedExport, ...]:
    start = environment_prefix("/".join([prefix, *inner])) if prefix else environment_prefix(path)
    received: list[ReceivedExport] = []
    for name, export in source.cartridge.shown.items():
        if export.file is not None:
            variable, file = "", export.path or f"{LINK_FOLDER}/{path}/{name}"
        else:
            variable, file = environment_name(start, name), ""
        if (variable or file) in taken:
            continue
        taken.add(variable or file)
        received.append(ReceivedExport(source.id, name, variable, file, source.cartridge.is_secret(name)))
    return tuple(received)

"""Links: which clusters see the exports of which, and how the values arrive.

A cluster sees what it waits for directly at its own level, what the groups around it wait
for, and what it names under `uses`. A name is looked up in the same copy of the cluster's
own group first, then in the groups around it, so links between members of a group never
leave their copy.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

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
    children: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Cluster ids by the alias of the direct child they are in."""
    _inherited: "tuple[Visible, ...] | None" = None

    def inherited(self) -> "tuple[Visible, ...]":
        """What every cluster in this copy sees because the groups around it wait for it."""
        if self._inherited is None:
            if self.outer is None:
                self._inherited = ()
            else:
                waits = self.outer.waits_for.get(self.alias, ())
                mine = tuple(Visible(w, "", self.outer.children.get(w, ())) for w in waits)
                self._inherited = (*mine, *self.outer.inherited())
        return self._inherited

    def find(self, path: str, clusters: Mapping[str, PlannedCluster]) -> tuple[str, ...]:
        """The clusters a path means, seen from here."""
        first, _, rest = path.partition("/")
        scope: Scope | None = self
        while scope is not None:
            if first in scope.children:
                return _below(scope.children[first], rest, clusters)
            scope = scope.outer
        return ()


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


def connect(clusters: dict[str, PlannedCluster], scopes: Mapping[str, Scope]) -> None:
    """Put links and the meaning of `from:` into every cluster."""
    for identity, cluster in clusters.items():
        scope = scopes[cluster.level]
        waits = scope.waits_for.get(cluster.alias, ())
        seen = [
            *(Visible(w, "", scope.children.get(w, ())) for w in waits),
            *(Visible(u.source, u.prefix or "", scope.find(u.source, clusters)) for u in cluster.use.uses),
            *scope.inherited(),
        ]
        links = _links(seen, clusters) if seen else ()
        sources = {
            value.source: found[0]
            for value in cluster.environment.values()
            if isinstance(value, ExportReference) and value.source
            if (found := scope.find(value.source, clusters))
        }
        if links or sources:
            clusters[identity] = replace(cluster, links=links, sources=sources)


def _links(seen: list[Visible], clusters: Mapping[str, PlannedCluster]) -> tuple[Link, ...]:
    links: list[Link] = []
    taken: set[str] = set()
    for visible in seen:
        copies: dict[str, int] = {}
        for identity in visible.clusters:
            source = clusters[identity]
            if not source.cartridge.exports:
                continue
            inner = (
                source.path.split("/")[-_depth_below(visible, source) :]
                if _depth_below(visible, source)
                else []
            )
            path = "/".join([visible.path, *inner])
            number = copies[path] = copies.get(path, 0) + 1
            received = _received(source, path, visible.prefix, inner, number, taken)
            links.append(Link(identity, path, received))
    return tuple(links)


def _depth_below(visible: Visible, source: PlannedCluster) -> int:
    """How many aliases of the source's path stand below the name it is seen under."""
    name = visible.path.rsplit("/", 1)[-1]
    segments = source.path.split("/")
    return len(segments) - 1 - segments.index(name) if name in segments else 0


def _received(
    source: PlannedCluster, path: str, prefix: str, inner: list[str], number: int, taken: set[str]
) -> tuple[ReceivedExport, ...]:
    start = environment_prefix("/".join([prefix, *inner])) if prefix else environment_prefix(path)
    stem = start if number == 1 else f"{start}_{number}"
    folder = path if number == 1 else f"{path}-{number}"
    received: list[ReceivedExport] = []
    for name, export in source.cartridge.exports.items():
        if export.file is not None:
            variable, file = "", export.path or f"{LINK_FOLDER}/{folder}/{name}"
        else:
            variable, file = environment_name(stem, name), ""
        if (variable or file) in taken:
            continue
        taken.add(variable or file)
        received.append(ReceivedExport(source.id, name, variable, file, source.cartridge.is_secret(name)))
    return tuple(received)

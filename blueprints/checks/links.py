"""Checks of what clusters want from each other: uses, exports, overrides, artifacts."""

from collections.abc import Iterator
from dataclasses import dataclass

from blueprints.composition import ComposedCluster, ComposedGroup, ComposedLevel, DocumentPath
from blueprints.findings import Finding
from blueprints.kinds.application import Application
from blueprints.kinds.environment import ExportReference
from blueprints.loader import Loaded
from blueprints.nearest import nearest


@dataclass(frozen=True, slots=True)
class _View:
    """A level and those around it, as names are looked up."""

    level: ComposedLevel
    outer: "_View | None" = None

    def find(self, path: str) -> ComposedCluster | ComposedGroup | None:
        steps = tuple(path.split("/"))
        view: _View | None = self
        while view is not None:
            if view.level.child(steps[0]) is not None:
                return view.level.descend(steps)
            view = view.outer
        return None

    def names(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        view: _View | None = self
        while view is not None:
            found.update(dict.fromkeys(view.level.aliases))
            view = view.outer
        return tuple(found)


def check_links(root: ComposedLevel) -> Iterator[Finding]:
    """Everything wrong with what the clusters of an application want from each other."""
    model = root.origin.model
    multi_tenant = isinstance(model, Application) and model.multi_tenant
    seen: set[tuple[int, ...]] = set()
    pending = [_View(root)]
    while pending:
        view = pending.pop()
        key = _identity(view)
        if key in seen:
            continue
        seen.add(key)
        for cluster in view.level.clusters.values():
            yield from _cluster(cluster, view)
            if multi_tenant and cluster.cartridge and not cluster.cartridge.multi_tenant:
                yield cluster.origin.finding(
                    "ALT1215",
                    f"the application is multi-tenant, but the cartridge {cluster.cartridge.name!r} is not",
                    (*cluster.place, "cartridge"),
                )
        for group in view.level.groups.values():
            yield from _overrides(group, view.level.origin)
            pending.append(_View(group.level, view))


def _identity(view: _View) -> tuple[int, ...]:
    """Levels that look alike from inside; a shared group is checked once for each place it is in."""
    found: list[int] = []
    step: _View | None = view
    while step is not None:
        found.append(id(step.level))
        step = step.outer
    return tuple(found)


def _nowhere(cluster: ComposedCluster, where: DocumentPath, path: str, view: _View) -> Finding:
    known = view.names()
    close = nearest(path, known)
    return cluster.origin.finding(
        "ALT1213",
        f"{cluster.alias!r} sees no cluster or group {path!r}",
        where,
        allowed=known,
        nearest=close,
        hint=f"Did you mean {close!r}?" if close else f"It sees {', '.join(known)}.",
    )


def _cluster(cluster: ComposedCluster, view: _View) -> Iterator[Finding]:
    for index, use in enumerate(cluster.use.uses):
        if view.find(use.source) is None:
            yield _nowhere(cluster, (*cluster.place, "uses", index, "from"), use.source, view)
    for name, value in cluster.use.environment.items():
        if isinstance(value, ExportReference):
            yield from _export(cluster, (*cluster.place, "environment", name), value, view)
    cartridge = cluster.cartridge
    if cartridge is None:
        return
    claims = [p.name for p in cartridge.persistence]
    for name in cluster.use.persistence:
        if name not in claims:
            yield cluster.origin.finding(
                "ALT1213",
                f"the cartridge {cartridge.name!r} has no persistent data {name!r}",
                (*cluster.place, "persistence", name),
                key=True,
                allowed=tuple(claims),
                nearest=nearest(name, claims),
                hint=f"It has {', '.join(claims) or 'none'}.",
            )
    if cluster.use.artifact is not None and cartridge.artifact is None:
        yield cluster.origin.finding(
            "ALT1217",
            f"the cartridge {cartridge.name!r} has no place for an artifact",
            (*cluster.place, "artifact"),
            hint=f"Add artifact: {{path: ...}} to the cartridge, or take the artifact off {cluster.alias!r}.",
        )
    if cartridge.artifact is not None and cartridge.artifact.required and cluster.use.artifact is None:
        yield cluster.origin.finding(
            "ALT1217",
            f"the cartridge {cartridge.name!r} needs an artifact",
            cluster.place,
            value=cluster.alias,
            hint="Add artifact: {git: ADDRESS} or {directory: FOLDER}.",
        )


def _export(
    cluster: ComposedCluster, where: DocumentPath, reference: ExportReference, view: _View
) -> Iterator[Finding]:
    if reference.source is None:
        source: ComposedCluster | ComposedGroup | None = cluster
    else:
        source = view.find(reference.source)
    if source is None:
        yield _nowhere(cluster, (*where, "from"), reference.source or "", view)
    elif isinstance(source, ComposedGroup):
        inner = ", ".join(f"{reference.source}/{alias}" for alias in source.level.clusters)
        yield cluster.origin.finding(
            "ALT1211",
            f"{reference.source!r} is a group; exports are those of its clusters",
            (*where, "from"),
            hint=f"Write one of {inner}." if inner else "",
        )
    elif source.cartridge is not None and reference.export not in source.cartridge.shown:
        known = tuple(source.cartridge.shown)
        close = nearest(reference.export, known)
        yield cluster.origin.finding(
            "ALT1211",
            f"the cartridge {source.cartridge.name!r} of {source.alias!r} exports no {reference.export!r}",
            (*where, "export"),
            allowed=known,
            nearest=close,
            hint=f"Did you mean {close!r}?" if close else f"It exports {', '.join(known) or 'nothing'}.",
        )


def _overrides(group: ComposedGroup, origin: Loaded) -> Iterator[Finding]:
    for path in group.use.overrides:
        if not isinstance(group.level.descend(tuple(path.split("/"))), ComposedCluster):
            known = tuple("/".join(p) for p, c in group.level.paths(200) if isinstance(c, ComposedCluster))
            close = nearest(path, known)
            yield origin.finding(
                "ALT1213",
                f"the group {group.use.group or group.alias!r} has no cluster {path!r}",
                (*group.place, "overrides", path),
                key=True,
                allowed=known,
                nearest=close,
                hint=f"Did you mean {close!r}?" if close else f"It has {', '.join(known) or 'none'}.",
            )

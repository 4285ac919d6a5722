"""Composition: an application with the groups it names put in their places.

Named groups are composed once and shared by all their uses, so the cost does not grow with
what they would expand to.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_use import CartridgeUse, ClusterSettings, Range
from blueprints.kinds.level import GroupUse, Level, ScalingRule, Termination
from blueprints.loader import Loaded
from blueprints.order import Predecessors, predecessors

CLUSTER_LIMIT = 20_000
"""The most clusters and groups an application may have, one instance of each group counted."""

NESTING_LIMIT = 100
"""The deepest nesting of named groups."""

DocumentPath = tuple[str | int, ...]
Overrides = Mapping[str, tuple[tuple[ClusterSettings, Path], ...]]
"""By path of aliases: what reuses of groups settle, the outermost last, each with its document's folder."""


class Lookup(Protocol):
    """Finds documents by kind and name."""

    def find(self, kind: str, name: str) -> Loaded | None:
        """The document, or nothing."""


@dataclass(frozen=True, slots=True)
class ComposedCluster:
    """A cluster with its cartridge; `origin` and `place` tell where it was written."""

    use: CartridgeUse
    cartridge: Cartridge | None
    cartridge_folder: Path
    artifact_folder: Path
    """Where relative paths of its artifact start: the folder of the document that names the artifact."""
    origin: Loaded
    place: DocumentPath

    @property
    def alias(self) -> str:
        """Its alias."""
        return self.use.alias


@dataclass(frozen=True, slots=True)
class ComposedGroup:
    """A group of a level, and the level inside it."""

    use: GroupUse
    level: "ComposedLevel"
    place: DocumentPath

    @property
    def alias(self) -> str:
        """Its alias."""
        return self.use.alias

    @property
    def instances(self) -> Range:
        """How many copies it may have."""
        return self.use.instances


@dataclass(frozen=True, slots=True)
class ComposedLevel:
    """An application or a group, with everything below it in place."""

    origin: Loaded
    place: DocumentPath
    clusters: Mapping[str, ComposedCluster]
    groups: Mapping[str, ComposedGroup]
    waits_for: Predecessors
    scaling: tuple[ScalingRule, ...]
    termination: Termination
    size: int
    """Clusters and groups in it, one instance of each group counted."""

    def child(self, alias: str) -> "ComposedCluster | ComposedGroup | None":
        """The direct child with an alias."""
        return self.clusters.get(alias) or self.groups.get(alias)

    @property
    def aliases(self) -> tuple[str, ...]:
        """The aliases of the direct children."""
        return (*self.clusters, *self.groups)

    def descend(self, path: tuple[str, ...]) -> "ComposedCluster | ComposedGroup | None":
        """What stands at a path of aliases below this level."""
        level: ComposedLevel = self
        for alias in path[:-1]:
            group = level.groups.get(alias)
            if group is None:
                return None
            level = group.level
        return level.child(path[-1]) if path else None

    def paths(
        self, limit: int = CLUSTER_LIMIT
    ) -> Iterator[tuple[tuple[str, ...], "ComposedCluster | ComposedGroup"]]:
        """Every cluster and group below with its path of aliases, at most `limit` of them."""
        pending: list[tuple[tuple[str, ...], ComposedLevel]] = [((), self)]
        given = 0
        while pending:
            path, level = pending.pop()
            for alias in level.aliases:
                child = level.child(alias)
                if child is None:
                    continue
                if given >= limit:
                    return
                given += 1
                yield (*path, alias), child
                if isinstance(child, ComposedGroup):
                    pending.append(((*path, alias), child.level))


class Composer:
    """Composes levels; groups that contain themselves are cut where they would repeat.

    `cycles` collects, for each such cut, the place of the reference and the names of the cycle;
    `too_deep` the places where nesting, or the work of composing, went past its limit.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._named: dict[str, ComposedLevel | None] = {}
        self._trail: list[str] = []
        self._composed = 0
        self.cycles: list[tuple[Loaded, DocumentPath, tuple[str, ...]]] = []
        self.too_deep: list[tuple[Loaded, DocumentPath]] = []

    def compose(self, document: Loaded) -> ComposedLevel:
        """The level a loaded Application or CartridgeGroup stands for."""
        if not isinstance(document.model, Level):
            raise TypeError(f"{document.kind} {document.name} is not a level")
        if document.kind == "CartridgeGroup":
            found = self._named_level(document.name, document)
            if found is not None:
                return found
        return self._level(document.model, document, (), {})

    def _named_level(self, name: str, document: Loaded) -> ComposedLevel | None:
        if name not in self._named and isinstance(document.model, Level):
            self._trail.append(name)
            self._named[name] = self._level(document.model, document, (), {})
            self._trail.pop()
        return self._named.get(name)

    def _level(
        self, level: Level, origin: Loaded, place: DocumentPath, overrides: Overrides
    ) -> ComposedLevel:
        clusters: dict[str, ComposedCluster] = {}
        for index, use in enumerate(level.cartridges):
            settled = overrides.get(use.alias, ())
            clusters.setdefault(use.alias, self._cluster(use, settled, origin, (*place, "cartridges", index)))
        groups: dict[str, ComposedGroup] = {}
        for index, group in enumerate(level.groups):
            inner = self._group_level(group, origin, (*place, "groups", index), overrides)
            groups.setdefault(group.alias, ComposedGroup(group, inner, (*place, "groups", index)))
        size = len(clusters) + sum(1 + g.level.size for g in groups.values())
        return ComposedLevel(
            origin,
            place,
            clusters,
            groups,
            predecessors(level.startup),
            level.scaling,
            level.termination,
            size,
        )

    def _cluster(
        self,
        use: CartridgeUse,
        settled: tuple[tuple[ClusterSettings, Path], ...],
        origin: Loaded,
        place: DocumentPath,
    ) -> ComposedCluster:
        found = self._lookup.find("Cartridge", use.cartridge)
        cartridge = found.model if found and isinstance(found.model, Cartridge) else None
        artifact_folder = origin.folder
        for settings, folder in settled:
            use = _overridden(use, settings)
            if "artifact" in settings.model_fields_set:
                artifact_folder = folder
        cartridge_folder = found.folder if found else origin.folder
        return ComposedCluster(use, cartridge, cartridge_folder, artifact_folder, origin, place)

    def _group_level(
        self, use: GroupUse, origin: Loaded, place: DocumentPath, overrides: Overrides
    ) -> ComposedLevel:
        inner = {path: ((settings, origin.folder),) for path, settings in use.overrides.items()}
        for path, outer in overrides.items():
            if path.startswith(f"{use.alias}/"):
                below = path.removeprefix(f"{use.alias}/")
                inner[below] = (*inner.get(below, ()), *outer)
        if use.group is None:
            return self._level(use, origin, place, inner)
        document = self._lookup.find("CartridgeGroup", use.group)
        if document is None or not isinstance(document.model, Level):
            return _empty(origin, place)
        if use.group in self._trail:
            cycle = (*self._trail[self._trail.index(use.group) :], use.group)
            self.cycles.append((origin, (*place, "group"), cycle))
            return _empty(origin, place)
        self._composed += 1
        if len(self._trail) >= NESTING_LIMIT or self._composed > CLUSTER_LIMIT:
            self.too_deep.append((origin, (*place, "group")))
            return _empty(origin, place)
        if not inner:
            return self._named_level(use.group, document) or _empty(origin, place)
        self._trail.append(use.group)
        level = self._level(document.model, document, (), inner)
        self._trail.pop()
        return level


def _empty(origin: Loaded, place: DocumentPath) -> ComposedLevel:
    return ComposedLevel(origin, place, {}, {}, {}, (), "none", 0)


def _overridden(use: CartridgeUse, settings: ClusterSettings) -> CartridgeUse:
    """The use with what a reuse of its group settles; environment is merged, all else replaced."""
    changes = {name: getattr(settings, name) for name in settings.model_fields_set}
    if "environment" in changes:
        changes["environment"] = use.environment | settings.environment
    return use.model_copy(update=changes)

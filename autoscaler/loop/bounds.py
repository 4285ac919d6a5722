"""The ranges of an application's parts, and the keys of a scale that name them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.kinds.cartridge_use import Range
from blueprints.scale import ScaleState, ranges


@dataclass(frozen=True)
class Bounds:
    """Ranges of clusters and groups by path of aliases."""

    clusters: Mapping[str, Range]
    groups: Mapping[str, Range]

    @classmethod
    def of(cls, root: ComposedLevel) -> Bounds:
        """The ranges of a composed application."""
        found = ranges(root)
        clusters = {"/".join(path) for path, child in root.paths() if isinstance(child, ComposedCluster)}
        return cls(
            {path: each for path, each in found.items() if path in clusters},
            {path: each for path, each in found.items() if path not in clusters},
        )

    @cached_property
    def _by_alias(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for path in (*self.clusters, *self.groups):
            alias = path.rpartition("/")[2]
            found[alias] = (*found.get(alias, ()), path)
        return found

    def path_of(self, key: str, among: Mapping[str, Range]) -> str | None:
        """The path that a scale's key names: `search.2/engine` is `search/engine`, `engine` as well where
        only one part goes by it. None where it names nothing, or several."""
        path = "/".join(segment.partition(".")[0] for segment in key.split("/"))
        if path in among:
            return path
        found = [each for each in self._by_alias.get(path, ()) if each in among]
        return found[0] if len(found) == 1 else None

    def most_copies(self, path: str) -> int:
        """How many copies of a cluster there can be, by the maxima of the groups around it."""
        aliases = path.split("/")[:-1]
        around = ("/".join(aliases[:end]) for end in range(1, len(aliases) + 1))
        return math.prod(self.groups[group].max for group in around if group in self.groups)


def within_bounds(scale: ScaleState, bounds: Bounds) -> tuple[ScaleState, list[str]]:
    """The scale with counts outside their ranges brought to the nearest end, and a sentence for each.

    People change ranges without looking at what runs; a count outside would stop every update. Keys that
    name nothing stay: that is an error which the documents' reader tells best.
    """
    notes: list[str] = []

    def bounded(counts: Mapping[str, int], among: Mapping[str, Range]) -> dict[str, int]:
        found = {}
        for key, count in counts.items():
            path = bounds.path_of(key, among)
            allowed = among[path] if path is not None else None
            kept = count if allowed is None else min(allowed.max, max(allowed.min, count))
            if kept != count:
                notes.append(f"{key} was {count}, but its range is {allowed} now: {kept}.")
            found[key] = kept
        return found

    clusters = bounded(scale.clusters, bounds.clusters)
    groups = bounded(scale.groups, bounds.groups)
    if not notes:
        return scale, notes
    return scale.model_copy(update={"clusters": clusters, "groups": groups}), notes


def keys_for(path: str, counts: Mapping[str, int], bounds: Bounds, among: Mapping[str, Range]) -> list[str]:
    """The keys to set for a part to have one count in all copies: those there are already, or its path."""
    return [key for key in counts if bounds.path_of(key, among) == path] or [path]

"""The ranges of an application's parts, and the keys of a scale that name them. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.kinds.cartridge_use import Range
from blueprints.parts import names
from blueprints.scale import ranges


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

    def beside(self, clusters: Iterable[str]) -> Bounds:
        """Of members beside the home: these clusters without minimums, and no groups."""
        return Bounds({path: Range(min=0, max=self.clusters[path].max) for path in clusters}, {})

    def within(self, only: Sequence[str]) -> Bounds:
        """Of a copy that has only these clusters and groups."""
        clusters = {path: each for path, each in self.clusters.items() if names(path, only)}
        return Bounds(
            clusters,
            {
                path: each
                for path, each in self.groups.items()
                if any(cluster.startswith(f"{path}/") for cluster in clusters)
            },
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


def keys_for(path: str, counts: Mapping[str, int], bounds: Bounds, among: Mapping[str, Range]) -> list[str]:
    """The keys to set for a part to have one count in all copies: those there are already, or its path."""
    return [key for key in counts if bounds.path_of(key, among) == path] or [path]

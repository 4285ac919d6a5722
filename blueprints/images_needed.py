"""The images that an application needs: those of the library's cartridges, and its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.kinds.cartridge import Cartridge
from blueprints.parts import names
from blueprints.workspace import LIBRARY


@dataclass(frozen=True)
class NeededImages:
    """What must be built before an application can start.

    `library`: names of the library's cartridges. `own`: cartridges of the application's documents by
    name, with the folders their paths start from. `artifacts`: folders of content, by the paths of the
    clusters they go into.
    """

    library: tuple[str, ...]
    own: Mapping[str, tuple[Cartridge, Path]]
    artifacts: Mapping[str, Path]

    @property
    def has_own(self) -> bool:
        """Whether there is anything that no platform builds for everybody."""
        return bool(self.own or self.artifacts)


def needed_images(root: ComposedLevel, only: Sequence[str] | None = None) -> NeededImages:
    """What a composed application needs at any scale, groups without instances included.

    `only`: the clusters and groups that run there, as for a part of a plan; what the application brings
    itself is built as a whole.
    """
    library: dict[str, None] = {}
    own: dict[str, tuple[Cartridge, Path]] = {}
    artifacts: dict[str, Path] = {}
    for path, child in root.paths():
        if not isinstance(child, ComposedCluster) or child.cartridge is None:
            continue
        if in_library(child.cartridge_folder):
            if only is None or names("/".join(path), only):
                library[child.cartridge.name] = None
        elif is_built(child.cartridge):
            own[child.cartridge.name] = (child.cartridge, child.cartridge_folder)
        if child.use.artifact is not None and child.use.artifact.directory is not None:
            artifacts["/".join(path)] = child.artifact_folder / child.use.artifact.directory
    return NeededImages(tuple(sorted(library)), dict(sorted(own.items())), dict(sorted(artifacts.items())))


def in_library(folder: Path) -> bool:
    """Whether a cartridge of that folder is one of the library's."""
    return folder.parent == LIBRARY


def is_built(cartridge: Cartridge) -> bool:
    """Whether any of its containers comes from something else than a ready image."""
    return any(each.image is None for each in (cartridge, *cartridge.init, *cartridge.sidecars))

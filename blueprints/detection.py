"""Code whose runtime is detected: which one it is, and what its cartridge has unless it says otherwise."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from blueprints.findings import DocumentError, Finding
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.runtime import Code
from blueprints.kinds.storage import Persistence, Volume

APPLICATION_PATH = "/var/www/app"
"""Where the built-in runtimes look for an application."""

_MARKS: Mapping[str, Callable[[Path], bool]] = {
    "node": lambda folder: _any(folder, "package.json", "server.js"),
    "php": lambda folder: _any(folder, "composer.json", "index.php", "public/index.php"),
    "python": lambda folder: _any(folder, "requirements.txt", "pyproject.toml", "app.py"),
    "static": lambda folder: _any(folder, "index.html"),
}
_INHERITED = ("security", "ports", "probes", "resources", "exports", "draining", "display_name")


def detect_runtime(folder: Path) -> str:
    """The runtime of a folder of code: node, php, python or static. Raises DocumentError."""
    for runtime, found in _MARKS.items():
        if found(folder):
            return runtime
    raise DocumentError(
        [
            Finding(
                "ALT1214",
                f"no runtime is recognised in {folder}",
                allowed=tuple(_MARKS),
                hint="Add package.json, index.php, app.py or index.html, or name it: code: {runtime: ...}.",
            )
        ]
    )


def runtime_of(code: Code, folder: Path) -> str:
    """The runtime that is named, or the one detected; paths start at `folder`. Raises DocumentError."""
    return code.runtime if code.runtime != "auto" else detect_runtime(folder / code.path)


def completed(cartridge: Cartridge, runtime: Cartridge) -> Cartridge:
    """A cartridge of code with what its runtime's own cartridge has, wherever it says nothing itself.

    Environment, volumes and mounts of both are joined; its own come before the runtime's of the same
    name or place.
    """
    changes: dict[str, Any] = {
        name: getattr(runtime, name) for name in _INHERITED if name not in cartridge.model_fields_set
    }
    if not cartridge.ports and "ports" in cartridge.model_fields_set:
        changes = {name: value for name, value in changes.items() if name not in ("probes", "exports")}
    changes["environment"] = {**runtime.environment, **cartridge.environment}
    kept: tuple[Volume | Persistence, ...] = (*cartridge.volumes, *cartridge.persistence)
    taken = {each.name for each in kept}
    places = {mount.path for mount in cartridge.mounts} | {data.path for data in cartridge.persistence}
    mounts = tuple(m for m in runtime.mounts if m.path not in places and m.volume not in taken)
    used = {mount.volume for mount in mounts}
    changes["mounts"] = (*cartridge.mounts, *mounts)
    changes["volumes"] = (*cartridge.volumes, *(v for v in runtime.volumes if v.name in used))
    return cartridge.model_copy(update=changes)


def _any(folder: Path, *names: str) -> bool:
    return any((folder / name).is_file() for name in names)

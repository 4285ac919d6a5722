"""What to do on a host when its files change. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolchain.plugins.altostratus.machine import PUBLIC, File


@dataclass(frozen=True)
class FileChanges:
    """Files to write, paths to remove, units to start again, in a stable order."""

    written: dict[str, File]
    removed: tuple[str, ...]
    units: tuple[str, ...]


def parse_files(value: Mapping[str, Any] | None) -> dict[str, File]:
    """`{path: {content, mode}}` as files; the mode is octal text such as "0600". Raises ValueError."""
    return {
        path: File(str(entry["content"]), int(str(entry.get("mode") or f"{PUBLIC:o}"), 8))
        for path, entry in (value or {}).items()
    }


def changed_files(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, units: Mapping[str, str] | None
) -> FileChanges:
    """From the files a host has to the ones it should have; `units` maps path prefixes to units."""
    before, after = parse_files(old), parse_files(new)
    written = {path: file for path, file in sorted(after.items()) if before.get(path) != file}
    removed = tuple(sorted(set(before) - set(after)))
    restarted = {unit for path in (*written, *removed) if (unit := unit_of(path, units or {}))}
    return FileChanges(written, removed, tuple(sorted(restarted)))


def unit_of(path: str, units: Mapping[str, str]) -> str | None:
    """The unit of the longest prefix that the path has; None where no unit reads it."""
    prefixes = [prefix for prefix in units if path.startswith(prefix)]
    return units[max(prefixes, key=len)] if prefixes else None

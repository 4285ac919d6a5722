"""The packages that a folder of code lists, and whether they can be fetched when its image is made."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class PackageList:
    """A file that lists packages, the folder they belong in, and the command that puts them there."""

    file: str
    folder: str
    marks: re.Pattern[str]
    """What the file holds where it lists any."""
    command: str
    fetched_by: str | None = None
    """The file that says exactly what to fetch; None where nothing is fetched."""


_LISTS: Mapping[str, PackageList] = {
    "node": PackageList(
        "package.json",
        "node_modules",
        re.compile(r'"dependencies"\s*:\s*\{\s*"'),
        "npm install --omit=dev",
        "package-lock.json",
    ),
    "php": PackageList(
        "composer.json",
        "vendor",
        re.compile(r'"require"\s*:\s*\{[^}]*"[^"/]+/[^"]+"'),
        "composer install --no-dev",
    ),
    "python": PackageList(
        "requirements.txt",
        "vendor",
        re.compile(r"^\s*[^#\s]", re.MULTILINE),
        "pip install --target vendor -r requirements.txt",
        "requirements.txt",
    ),
}


def packages_missing(folder: Path, runtime: str) -> PackageList | None:
    """The list whose packages are neither beside the code nor fetched for it; None where there is none."""
    listed = _packages_not_there(folder, runtime)
    return None if listed is None or _is_fetched(listed, folder) else listed


def packages_to_fetch(folder: Path, runtime: str) -> PackageList | None:
    """The list whose packages go into the image of the code; None where there is none, or they are there."""
    listed = _packages_not_there(folder, runtime)
    return listed if listed is not None and _is_fetched(listed, folder) else None


def _is_fetched(listed: PackageList, folder: Path) -> bool:
    return listed.fetched_by is not None and (folder / listed.fetched_by).is_file()


def _packages_not_there(folder: Path, runtime: str) -> PackageList | None:
    listed = _LISTS.get(runtime)
    if listed is None:
        return None
    try:
        text = (folder / listed.file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return listed if listed.marks.search(text) and not (folder / listed.folder).is_dir() else None

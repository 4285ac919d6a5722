"""The packages that a folder of code lists. Images are made from the code as it is: nothing is fetched."""

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


_LISTS: Mapping[str, PackageList] = {
    "node": PackageList(
        "package.json",
        "node_modules",
        re.compile(r'"dependencies"\s*:\s*\{\s*"'),
        "npm install --omit=dev",
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
    ),
}


def packages_missing(folder: Path, runtime: str) -> PackageList | None:
    """The list whose packages are not beside the code; None where there is none, or they are there."""
    listed = _LISTS.get(runtime)
    if listed is None:
        return None
    try:
        text = (folder / listed.file).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return listed if listed.marks.search(text) and not (folder / listed.folder).is_dir() else None

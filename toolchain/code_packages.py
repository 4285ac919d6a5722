"""Packages that a folder of code lists, fetched once from where this user's pip and npm fetch theirs.

They are fetched here and not while an image is built: so the user's own index, proxy and certificates
count, and nothing of them gets into an image. What was fetched for a list stays in the cache, for offline.
"""

import hashlib
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from toolchain import paths
from toolchain.errors import ToolchainError

PYTHON = "3.11"
"""What the Python cartridge runs: that of Debian's release in `pins.DEBIAN_SUITE`."""

_PLATFORMS = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_17", "manylinux2014")
_MOST_SECONDS = 600.0
_TOLD = 12
"""Lines of the package manager's complaint that are passed on."""


@dataclass(frozen=True)
class _Manager:
    """Fetches from `files` (patterns inside the folder) into `folder`."""

    files: tuple[str, ...]
    folder: str
    command: Callable[[], list[str]]
    hint: str


def _pip() -> list[str]:
    platforms = [f"--platform={each}_{platform.machine()}" for each in _PLATFORMS]
    return [
        sys.executable, "-m", "pip", "install", "--no-input", "--no-compile", "--only-binary=:all:",
        "--implementation=cp", f"--python-version={PYTHON}", *platforms,
        "--target=vendor", "--requirement=requirements.txt",
    ]  # fmt: skip


def _npm() -> list[str]:
    found = shutil.which("npm")
    if found is None:
        raise ToolchainError(
            "package-lock.json lists packages, and there is no npm here to fetch them",
            "Install npm, or put node_modules beside the code.",
        )
    # Scripts of packages would run on this machine.
    return [found, "ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]


_MANAGERS: Mapping[str, _Manager] = {
    "requirements.txt": _Manager(
        ("*.txt",),
        "vendor",
        _pip,
        "Each package must have a wheel for the cartridge's Python; else fetch them in a `build` or `setup`.",
    ),
    "package.json": _Manager(
        ("package.json", "package-lock.json", "npm-shrinkwrap.json"),
        "node_modules",
        _npm,
        "Make the lock file anew (npm install), or put node_modules beside the code.",
    ),
}


def fetched(listing: str, code: Path) -> Path:
    """The folder of the packages that the file `listing` of a folder of code names. Raises ToolchainError."""
    manager = _MANAGERS[listing]
    files = sorted({path for pattern in manager.files for path in code.glob(pattern) if path.is_file()})
    store = paths.cache() / "code-packages"
    store.mkdir(mode=0o700, exist_ok=True)
    kept = store / _key(listing, files)
    if kept.is_dir():
        return kept
    with tempfile.TemporaryDirectory(dir=store, prefix=".new-") as name:
        place = Path(name)
        for path in files:
            shutil.copy2(path, place / path.name)
        _run(manager, place, code / listing)
        made = place / manager.folder
        made.mkdir(exist_ok=True)
        # Commands of packages name the interpreter that fetched them.
        shutil.rmtree(made / "bin", ignore_errors=True)
        try:
            made.rename(kept)
        except OSError:
            if not kept.is_dir():  # else somebody was faster
                raise
    return kept


def _key(listing: str, files: list[Path]) -> str:
    told = [listing, PYTHON, platform.machine(), *((path.name, path.read_text("utf-8")) for path in files)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def _run(manager: _Manager, place: Path, listing: Path) -> None:
    command = manager.command()
    try:
        done = subprocess.run(
            command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_MOST_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"the packages that {listing.name} lists did not come within {_MOST_SECONDS:.0f} s", manager.hint
        ) from error
    if done.returncode != 0:
        said = "\n  ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-_TOLD:])
        raise ToolchainError(
            f"the packages that {listing.name} lists cannot be fetched:\n  {said}", manager.hint
        )

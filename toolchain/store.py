"""The cache of installed tools: one folder a tool, named by the content of its pin.

A folder appears by one rename and never changes, so whoever finds it can use it. What a killed run
left is swept by the next that wants the same tool.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain import paths
from toolchain.locks import exclusive
from toolchain.pins import Pin

_STAGING = ".new-"


@dataclass(frozen=True)
class Stored:
    """An installed tool: its programs by name, and where they came from (`download` or `build`)."""

    programs: dict[str, Path]
    version: str
    source: str


def folder() -> Path:
    path = paths.cache() / "tools"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def key(pin: Pin) -> str:
    """A digest of all that decides what a build yields: the pin, and the module's files.

    The Go release is not part of it: a module names the one it needs, and an upgrade of the machine's
    Go must neither rebuild everything nor make an offline cache useless.
    """
    builds = [(build.program, build.package, build.ldflags, build.stand_ins) for build in pin.builds]
    sources = [(download.url, download.member, download.saved_as) for download in pin.downloads]
    content = [pin.name, pin.version, pin.names, pin.extras, builds, sources]
    digest = hashlib.sha256(json.dumps(content).encode())
    for build in pin.builds:
        for file in sorted(build.directory.rglob("*")):
            if file.is_file() and _is_source(file):
                digest.update(f"\0{file.relative_to(build.directory)}\0".encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _is_source(file: Path) -> bool:
    """Whether a module's file is part of what is built: code, and what ours embeds; tests are not."""
    if file.name.endswith("_test.go"):
        return False
    return file.suffix in (".go", ".lua", ".html") or file.name in ("go.mod", "go.sum")


def directory(pin: Pin) -> Path:
    """Where the tool is, or will be."""
    return folder() / f"{pin.name}-{pin.version}-{key(pin)}"


def find(pin: Pin) -> Stored | None:
    """The tool if it is in the cache, whole."""
    place = directory(pin)
    try:
        manifest = json.loads((place / "manifest.json").read_text())
        sizes: dict[str, int] = manifest["programs"]
        programs = {name: place / "bin" / name for name in sizes}
        whole = all(
            path.stat().st_size == sizes[name] and os.access(path, os.X_OK) for name, path in programs.items()
        )
        if whole and set(pin.names) <= set(programs):
            return Stored(programs, str(manifest["version"]), str(manifest["source"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    return None


@contextmanager
def turn(pin: Pin, on_wait: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the right to install `pin`; another process that installs it is waited for."""
    with exclusive(paths.cache() / "locks" / f"tool-{pin.name}-{key(pin)}", on_wait):
        yield


@contextmanager
def staging(pin: Pin, source: str) -> Iterator[Path]:
    """A folder to put the programs in; it becomes the tool when the block ends well.

    Call while holding the turn: any other staging folder of the same tool is then a dead one.
    """
    final = directory(pin)
    for dead in folder().glob(f"{_STAGING}{final.name}-*"):
        shutil.rmtree(dead, ignore_errors=True)
    place = folder() / f"{_STAGING}{final.name}-{uuid.uuid4().hex[:8]}"
    programs = place / "bin"
    programs.mkdir(parents=True, mode=0o755)
    try:
        yield programs
        for extra in place.iterdir():
            if extra != programs:
                shutil.rmtree(extra)
        sizes = {file.name: file.stat().st_size for file in sorted(programs.iterdir())}
        manifest = {"name": pin.name, "version": pin.version, "source": source, "programs": sizes}
        (place / "manifest.json").write_text(json.dumps(manifest, indent=1))
        for file in [*programs.iterdir(), place / "manifest.json", programs, place]:
            _sync(file)
        if final.exists():  # not whole, or find() would have returned it
            shutil.rmtree(final)
        place.rename(final)
        _sync(folder())
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""The build contexts of the cloud's images: a Dockerfile's folder and the tools that it copies.

A context lies in the cache under the hash of all that is in it, so it is put together once, and
an image's name says what the image holds.
"""

import hashlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from toolchain import base_image, install, paths

HOST_TOOLS = ("kubernetes", "etcd", "flanneld", "coredns")
DISCOVERY_TOOLS = ("etcd",)


@dataclass(frozen=True)
class BuildContext:
    """A folder to build `name` (repository:tag) from; `base` goes in as the build argument BASE."""

    name: str
    folder: Path
    base: str


def host_image() -> BuildContext:
    """What a host is started from. Raises ToolchainError when a tool can be had in no way."""
    return build_context("host", HOST_TOOLS)


def discovery_image() -> BuildContext:
    """What the etcd discovery service is started from."""
    return build_context("discovery", DISCOVERY_TOOLS)


def build_context(image: str, tools: tuple[str, ...]) -> BuildContext:
    """Stage `toolchain/images/<image>` with the programs of `tools` in its `bin/`."""
    programs = install.ensure(tools)
    base = base_image.ensure_base().reference
    recipe = paths.root() / "toolchain" / "images" / image
    digest = _digest(recipe, programs, base)
    folder = paths.cache() / "contexts" / f"{image}-{digest}"
    if not folder.exists():
        _stage(recipe, tools, folder)
    return BuildContext(f"altostratus/{image}:{digest}", folder, base)


def _digest(recipe: Path, programs: dict[str, Path], base: str) -> str:
    """Twelve digits over the base's name, the recipe's files, and the programs with their names."""
    total = hashlib.sha256(base.encode())
    for path in sorted(path for path in recipe.rglob("*") if path.is_file()):
        total.update(f"\n{path.relative_to(recipe)} {path.stat().st_mode & 0o111 != 0} {_sum(path)}".encode())
    sums: dict[Path, str] = {}
    for name, program in sorted(programs.items()):
        # One file may go by many names.
        target = program.resolve()
        sums.setdefault(target, _sum(target))
        total.update(f"\n{name} {sums[target]}".encode())
    return total.hexdigest()[:12]


def _sum(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stage(recipe: Path, tools: tuple[str, ...], folder: Path) -> None:
    """Put the context together beside its place and rename it: killed half-way, it leaves no half."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        shutil.copytree(recipe, scratch, dirs_exist_ok=True)
        install.stage(tools, scratch / "bin")
        scratch.chmod(0o755)
        scratch.rename(folder)
    except OSError:
        # Another process was first; its context is the same.
        if not folder.exists():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)

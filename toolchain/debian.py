"""Debian's package manager: what a machine that reaches its package mirror can install."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolchain import paths
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive

OS_RELEASE = Path("/etc/os-release")
POLICY = Path("/usr/sbin/policy-rc.d")
_MARK = "altostratus"


def is_debian() -> bool:
    """Whether this machine is Debian (or derived from it) with `apt-get`."""
    try:
        lines = OS_RELEASE.read_text().splitlines()
    except OSError:
        return False
    release = dict(line.split("=", 1) for line in lines if "=" in line)
    names = f"{release.get('ID', '')} {release.get('ID_LIKE', '')}".replace('"', "").split()
    return "debian" in names and shutil.which("apt-get") is not None


def can_install() -> bool:
    return is_debian() and os.geteuid() == 0


def install(packages: Sequence[str]) -> None:
    """Install `packages` without asking, without recommendations, and without starting their services.

    The package lists are refreshed only when the first try fails, as that needs the network.
    Raises ToolchainError with the end of apt's own words.
    """
    log = paths.cache() / "logs" / "apt.log"
    log.parent.mkdir(mode=0o700, exist_ok=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    wait = ["-o", "DPkg::Lock::Timeout=300"]
    with exclusive(paths.cache() / "locks" / "apt"), _no_service_starts(), log.open("ab") as output:

        def run(arguments: Sequence[str]) -> bool:
            result = subprocess.run(
                [*arguments, *wait],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            return result.returncode == 0

        if run(command) or (run(["apt-get", "update"]) and run(command)):
            return
    tail = " / ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
    raise ToolchainError(
        f"apt-get could not install {', '.join(packages)}: {tail}",
        f"Look at {log}; then install them by hand and run the command again.",
    )


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Programs are wanted, not a web server on every address: Debian asks this file before it starts one.

    A machine's own policy stays; ours is taken away, also where a killed run left it.
    """
    ours = not POLICY.exists() or _MARK in POLICY.read_text(errors="replace")
    if ours:
        POLICY.touch(mode=0o755)
        POLICY.write_text(f"#!/bin/sh\n# {_MARK}: while its packages are installed\nexit 101\n")
    try:
        yield
    finally:
        if ours:
            POLICY.unlink(missing_ok=True)

"""The Docker engine that everything local runs on: found where it runs, else installed and started."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain import debian, dockerd, engine_probe, paths
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive

PACKAGES = ("docker.io", "iptables")
OUR_LABEL = "altostratus.cloud"


@dataclass(frozen=True)
class Engine:
    """`host` is a DOCKER_HOST URL; `started_by_us` tells that `stop()` may end it."""

    host: str
    started_by_us: bool
    version: str


def find() -> Engine | None:
    """The engine that answers now, or None. Starts and installs nothing."""
    record = dockerd.recorded()
    hosts = engine_probe.candidates()
    if record and not os.environ.get("DOCKER_HOST") and record.host not in hosts and dockerd.is_ours(record):
        hosts.append(record.host)
    for host in hosts:
        if (answer := engine_probe.probe(host)).ok:
            ours = record is not None and record.host == host and dockerd.is_ours(record)
            return Engine(host, ours, answer.version)
    return None


def ensure(report: Callable[[str], None] | None = None) -> Engine:
    """An engine that answers: the running one, else ours, started (and installed on Debian as root).

    `report` is told in a few words what takes time (a progress step's `note` fits). Raises
    ToolchainError, saying what to do, where neither is possible.
    """
    say = report or (lambda _: None)
    if engine := find():
        return engine
    _refuse_unreachable()
    with exclusive(paths.cache() / "locks" / "engine", lambda: say("another process starts it")):
        return find() or _install_and_start(say)


def _install_and_start(say: Callable[[str], None]) -> Engine:
    if not _installed():
        _install(say)
        if engine := find():
            return engine
    say("starting")
    record = dockerd.start()
    return Engine(record.host, True, engine_probe.probe(record.host).version)


def _refuse_unreachable() -> None:
    """Say so where an engine is meant to be used but cannot: starting another would hide the fault."""
    if host := os.environ.get("DOCKER_HOST"):
        raise ToolchainError(
            f"no Docker engine answers at DOCKER_HOST={host}: {engine_probe.probe(host).problem}",
            "Start that engine, or unset DOCKER_HOST to let Altostratus find or start one.",
        )
    for host in engine_probe.candidates():
        if engine_probe.probe(host).problem == "permission denied":
            raise ToolchainError(
                f"a Docker engine listens at {host}, but this user may not use it",
                "Add yourself to the group docker (usermod -aG docker USER) and log in again.",
            )
    if os.geteuid() != 0:
        raise ToolchainError(
            "no Docker engine answers, and only root can start one",
            "Start Docker (systemctl start docker, or Docker Desktop), or set DOCKER_HOST.",
        )


def _installed() -> bool:
    return any((Path(place) / "dockerd").is_file() for place in _search_path())


def _search_path() -> list[str]:
    return [*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin", "/usr/local/sbin"]


def _install(say: Callable[[str], None]) -> None:
    if not debian.can_install():
        raise ToolchainError(
            "Docker is not installed, and this machine is not Debian: it is left to you to choose how",
            "Install a Docker engine (20.10 or later) and start it, or set DOCKER_HOST.",
        )
    say("installing " + ", ".join(PACKAGES))
    debian.install(PACKAGES)


def stop(force: bool = False) -> bool:
    """Stop the engine we started; True when there was one. Any other engine is left alone.

    Raises ToolchainError when containers that are not ours run on it, unless `force`.
    """
    with exclusive(paths.cache() / "locks" / "engine"):
        record = dockerd.recorded()
        if record is None:
            return False
        running = dockerd.is_ours(record)
        if running and not force and (others := _foreign_containers(record.host)):
            raise ToolchainError(
                f"containers that are not ours run on the Docker engine: {', '.join(others)}",
                "Stop them first; the engine is left running.",
            )
        dockerd.stop(record)
        return running


def _foreign_containers(host: str) -> list[str]:
    import docker

    client = docker.DockerClient(base_url=host)
    try:
        containers = client.containers.list()
        return [str(c.name) for c in containers if not any(k.startswith("altostratus.") for k in c.labels)]
    finally:
        client.close()

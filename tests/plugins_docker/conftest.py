"""A Docker engine, a tiny image, and labels that tell what these tests made from everything else."""

import io
import os
import re
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins_docker.project import Project
from toolchain import find, pins
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Failure

LABEL = "altostratus.cloud"
PROGRAMS = ("sh", "cat", "mv", "sleep", "stat", "true")


@pytest.fixture(scope="session")
def mark() -> str:
    """The value of the label that everything made here carries, and the beginning of its names."""
    return f"plugintest-{os.getpid()}-{secrets.token_hex(2)}"


@pytest.fixture(scope="session")
def session() -> Session:
    """A connection to the engine."""
    made = Session()
    try:
        made.client.ping()
    except Failure as failure:
        pytest.skip(f"no Docker engine: {failure}")
    return made


@pytest.fixture(scope="session")
def engine(session: Session, mark: str) -> Iterator[Any]:
    """The engine's own API; whatever carries the mark is removed at the end."""
    client = session.client
    yield client
    marked = {"label": f"{LABEL}={mark}"}
    for container in client.containers(all=True, filters=marked):
        client.remove_container(container["Id"], v=True, force=True)
    for network in client.networks(filters=marked):
        client.remove_network(network["Id"])
    for volume in client.volumes(filters=marked)["Volumes"] or []:
        client.remove_volume(volume["Name"])


@pytest.fixture(scope="session")
def image(engine: Any, mark: str) -> Iterator[str]:
    """An image with this machine's shell, a few small programs and their libraries."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", dereference=True) as tar:
        for path in sorted({file for name in PROGRAMS for file in program_files(name)}):
            tar.add(path, path.lstrip("/"))
        tar.add(shutil.which("sh") or "/bin/sh", "bin/sh")  # where RUN in a Dockerfile looks
        for name in ("etc", "run", "tmp"):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(folder)
    name = f"{mark}-base:1"
    path = os.pathsep.join(
        sorted({str(Path(found).parent) for found in map(shutil.which, PROGRAMS) if found})
    )
    engine.import_image_from_data(
        buffer.getvalue(), repository=f"{mark}-base", tag="1", changes=[f"ENV PATH={path}"]
    )
    yield name
    engine.remove_image(name, force=True)


def program_files(name: str) -> list[str]:
    """Where a program lies, and the libraries that it needs."""
    program = shutil.which(name)
    assert program, f"this machine has no {name}"
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False, timeout=120)
    return [program, *re.findall(r"(/\S+) \(0x", listed.stdout)]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """An empty project whose resources are destroyed at the end."""
    found = find.locate(pins.tools()["pulumi"])
    if found is None:
        pytest.skip("the pulumi CLI is not installed: ./alto toolchain install")
    made = Project(tmp_path / "project", found.programs["pulumi"])
    made.create()
    yield made
    made.destroy()

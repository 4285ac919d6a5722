"""A control plane without hosts, and an environment for the Pulumi CLI."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins import control_plane
from toolchain import paths


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    """A real API server with its controllers, started once."""
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture(scope="session")
def engine_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for the CLI with the bundled language host, apart from everybody's state."""
    pulumi = control_plane.programs("pulumi")
    if pulumi is None:
        pytest.skip("the pulumi CLI is not installed: ./alto toolchain install")
    base = tmp_path_factory.mktemp("pulumi")
    for name in ("home", "state", "bin"):
        (base / name).mkdir()
    host = paths.root() / "toolchain" / "plugins" / "language" / "pulumi-language-python"
    (base / "bin" / host.name).symlink_to(host)
    (base / "bin" / "pulumi").symlink_to(pulumi["pulumi"])
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return {
        **inherited,
        "PATH": f"{base / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(base / "home"),
        "PULUMI_BACKEND_URL": f"file://{base / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a project."""
    place = tmp_path / "project"
    place.mkdir()
    return place

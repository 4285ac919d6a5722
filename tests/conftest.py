"""One real demo for all tests on clusters: made by `./alto demo` as a user would, removed at the end."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.demo import ROOT, Demo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The demo's tests beside all others on real engines, each of the two in one process, units last.

    They wait more than they compute: side by side they take little longer than the longer half.
    """

    def group(item: pytest.Item) -> str:
        # Those of conformance run on the demo's cluster where there is one.
        if {"demo", "cluster_kubeconfig"} & set(getattr(item, "fixturenames", ())):
            return "demo"
        real = item.get_closest_marker("engine") or item.get_closest_marker("cluster")
        return "engine" if real else ""

    for item in items:
        if name := group(item):
            item.add_marker(pytest.mark.xdist_group(name))
    items.sort(key=lambda item: ("demo", "engine", "").index(group(item)))


@pytest.fixture(scope="session")
def alto_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State of the test run's own, apart from the user's."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def demo(alto_home: Path) -> Iterator[Demo]:
    """`./alto demo` under names of this run, and `./alto demo --down` afterwards."""
    names = (f"t{os.getpid()}", f"hello{os.getpid()}")
    environment = {**os.environ, "ALTO_HOME": str(alto_home)}
    options = ["--cloud", names[0], "--application", names[1]]
    down = ["./alto", "demo", "--down", *options]
    try:
        made = _run(["./alto", "demo", *options], environment)
        assert made.returncode == 0, f"./alto demo failed:\n{made.stdout}{made.stderr}"
        exports = _run(["bash", "-c", 'eval "$(./alto env)" && env -0'], environment)
        assert exports.returncode == 0, exports.stderr
        variables = dict(each.split("=", 1) for each in exports.stdout.split("\0") if "=" in each)
        yield Demo(*names, made.stdout, variables)
    finally:
        ended = _run(down, environment)
        assert ended.returncode == 0, f"./alto demo --down failed:\n{ended.stdout}{ended.stderr}"


def _run(command: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )

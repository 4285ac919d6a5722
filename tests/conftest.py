"""One real demo for all tests on clusters: made by `./alto demo` as a user would, removed at the end."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.demo import ROOT, Demo


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part", choices=("demo", "rest"), help="only the tests on the demo's cluster, or only the others"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the asked part. Both wait more than they compute, so `./alto test` runs them side by side."""
    part = config.getoption("--part")
    if part is None:
        return
    wanted = [item for item in items if _on_the_demo(item) == (part == "demo")]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(wanted)])
    items[:] = wanted


def _on_the_demo(item: pytest.Item) -> bool:
    # Those of conformance use the demo's cluster where there is one.
    return bool({"demo", "cluster_kubeconfig"} & set(getattr(item, "fixturenames", ())))


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


@pytest.fixture(scope="session")
def away(demo: Demo) -> Demo:
    """The demo's second cloud, of one host, made when a test first asks for it: `away.cloud` is its name, and
    `away.kubectl` asks it. It ends with the demo."""
    name = f"{demo.cloud}a"
    options = ("--cloud", demo.cloud, "--application", demo.application, "--clouds", "2", "--away", name)
    made = demo.alto("demo", *options)
    return replace(demo.at(name), output=made.stdout)


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

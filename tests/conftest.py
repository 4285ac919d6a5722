"""One real demo for all tests on clusters: made by `./alto demo` as a user would, removed at the end."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.commands import run
from tests.demo import Demo

# How long an example takes says how busy the machine is, and nothing about the code; and a verdict is not for
# chance to give. `pytest --hypothesis-seed=N` looks for other examples.
settings.register_profile(
    "altostratus", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("altostratus")

# These take a demo of their own in `rest`, after everything else: so both parts take about as long.
SECOND_DEMO = frozenset(
    {"conformance", "test_autoscale", "test_library", "test_startup_order", "test_termination"}
)
PARTS = ("demo", "rest", "quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--part",
        choices=PARTS,
        help="only most tests on the demo's cluster, only others that need an engine or a cluster, or only "
        "those that need neither",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the asked part. They wait more than they compute, so `./alto test` runs them side by side."""
    part = config.getoption("--part")
    if part is None:
        return
    wanted = sorted((item for item in items if _part(item) == part), key=_on_a_demo)
    config.hook.pytest_deselected(items=[item for item in items if _part(item) != part])
    items[:] = wanted


def _part(item: pytest.Item) -> str:
    if _on_a_demo(item):
        return "rest" if {item.path.stem, item.path.parent.name} & SECOND_DEMO else "demo"
    heavy = item.get_closest_marker("engine") or item.get_closest_marker("cluster")
    return "rest" if heavy else "quick"


def _on_a_demo(item: pytest.Item) -> bool:
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
        made = run(["./alto", "demo", *options], environment)
        assert made.returncode == 0, f"./alto demo failed:\n{made.stdout}{made.stderr}"
        exports = run(["bash", "-c", 'eval "$(./alto env)" && env -0'], environment)
        assert exports.returncode == 0, exports.stderr
        variables = dict(each.split("=", 1) for each in exports.stdout.split("\0") if "=" in each)
        yield Demo(*names, made.stdout, variables)
    finally:
        ended = run(down, environment)
        assert ended.returncode == 0, f"./alto demo --down failed:\n{ended.stdout}{ended.stderr}"


@pytest.fixture(scope="session")
def away(demo: Demo) -> Demo:
    """The demo's second cloud, of one host, made when a test first asks for it: `away.cloud` is its name, and
    `away.kubectl` asks it. It ends with the demo."""
    name = f"{demo.cloud}a"
    options = ("--cloud", demo.cloud, "--application", demo.application, "--clouds", "2", "--away", name)
    made = demo.alto("demo", *options)
    return replace(demo.at(name), output=made.stdout)

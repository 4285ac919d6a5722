"""One real demo for all cluster tests: made through `./alto demo` as a user would, removed at the end."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Demo:
    """The running demo: its names and an environment as `eval "$(./alto env)"` gives it."""

    cloud: str
    application: str
    output: str
    environment: dict[str, str]

    def run(
        self, *command: str, check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout with the demo's environment; its output is in the failure."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check:
            assert done.returncode == 0, (
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done

    def alto(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.run("./alto", *arguments, check=check)

    def kubectl(self, *arguments: str) -> Any:
        """A kubectl query, as its JSON."""
        return json.loads(self.run("kubectl", *arguments, "-o", "json").stdout)

    def up(self, stack: str, *arguments: str) -> str:
        """A plain `pulumi up` by hand."""
        return self.run("pulumi", "up", "--stack", stack, "--yes", "--skip-preview", *arguments).stdout

    @property
    def namespace(self) -> str:
        return f"app-{self.application}"

    @property
    def url(self) -> str:
        return self.alto("url", self.application).stdout.split()[0]


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
def cluster_kubeconfig(demo: Demo) -> Path:
    """The kubeconfig of a real three-host cluster; ALTO_TEST_KUBECONFIG names another."""
    return Path(os.environ.get("ALTO_TEST_KUBECONFIG") or demo.environment["KUBECONFIG"])


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

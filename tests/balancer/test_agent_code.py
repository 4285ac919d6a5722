"""The agent's own unit tests, run where Go is."""

import os
import subprocess

import pytest

from toolchain import gobuild, paths
from toolchain.progress import Progress

pytestmark = pytest.mark.engine

MODULE = paths.root() / "toolchain" / "go" / "balancer-agent"


@pytest.mark.parametrize("command", ["vet", "test"])
def test_the_agents_code(command: str) -> None:
    go = gobuild.find_go(Progress("", quiet=True)).path
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}
    done = subprocess.run(
        [go, command, "./..."],
        cwd=MODULE,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

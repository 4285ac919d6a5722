"""The agent's own unit tests, run where Go is."""

import os
import subprocess

import pytest

from toolchain import gobuild, paths
from toolchain.progress import Progress

pytestmark = pytest.mark.engine

MODULE = paths.root() / "toolchain" / "go" / "balancer-agent"


def test_the_agents_own_tests_pass() -> None:
    go = gobuild.find_go(Progress("", quiet=True)).path
    # As the agent is built, so that what it needs is compiled once.
    environment = {**os.environ, "CGO_ENABLED": "0"}
    command = [str(go), "test", "-trimpath", "-mod=readonly", "./..."]
    done = subprocess.run(
        command, cwd=MODULE, env=environment, capture_output=True, text=True, timeout=2400, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr

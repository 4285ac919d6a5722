"""Ours: `alto autoscale`, by kubelets and balancer (`ours-all`) or by the kubelets alone (`ours-cpu`)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.serve.state import read_state
from bench.step import applications
from bench.step.cluster import alone, wait
from bench.step.programs import running
from toolchain import paths
from toolchain.plugins.kubernetes.client import Client

THRESHOLDS = {
    "ours-all": {"loadAverage": applications.LOAD, "requestRate": applications.REQUEST_RATE},
    "ours-cpu": {"loadAverage": applications.LOAD},
}


class Ours:
    """One of the two; both are the same application and the same `alto autoscale`."""

    application = applications.OURS

    def __init__(self, name: str, client: Client, folder: Path) -> None:
        self.name = name
        self._client = client
        self._folder = folder

    def begin(self) -> None:
        """Give it its policy; it comes back to one member by itself."""
        applications.write(self._folder, self.application, THRESHOLDS[self.name])
        self.rest()

    def calm(self) -> bool:
        """Whether there are fresh values of the policy's factors, and one member is kept."""
        state = read_state(paths.home() / "autoscaler")
        application = (state or {"applications": {}})["applications"].get(f"app-{self.application}")
        return application is not None and application["clusters"]["web"]["reason"].startswith("Keep 1:")

    def rest(self) -> None:
        """Until it has one member again."""
        wait(lambda: alone(self._client, self.application), "ours back at one member")


@contextmanager
def autoscaled(folder: Path) -> Iterator[None]:
    """`alto autoscale` for our application; what it prints is in `autoscale.log`."""
    command = [sys.executable, "-m", "console", "autoscale", "--app", applications.OURS]
    with running(command, folder / "autoscale.log", patience=180.0):
        yield

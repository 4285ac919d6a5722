"""How long Pulumi takes over applications on a cloud that is there: previews, updates without a change,
and the start of ten clusters in three levels.

Run: .venv/bin/python -m bench.applications [cloud [many|few]]
Prints wall-clock seconds and the processor seconds (user and system) of the whole process tree, with the
machine's load beside them. The hundred clusters have no members: what is measured is the machinery.
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from console.building import before_update
from toolchain import bin_folder, paths

HEADER = "apiVersion: altostratus/v1\n"
MANY = 100
FEW = 10


@dataclass(frozen=True)
class Cost:
    """What one command took."""

    wall: float
    processor: float
    load: float

    def __str__(self) -> str:
        return f"{self.wall:5.1f} s wall, {self.processor:5.1f} s processor, load {self.load:.0f}"


@contextlib.contextmanager
def measured(what: str) -> Iterator[list[Cost]]:
    """Prints and yields the cost of what runs inside, its children included."""
    found: list[Cost] = []
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    yield found
    after, load = resource.getrusage(resource.RUSAGE_CHILDREN), os.getloadavg()[0]
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found.append(Cost(time.monotonic() - began, processor, load))
    print(f"{what:<58}{found[0]}", flush=True)


def cartridge(number: int) -> str:
    """A cartridge with what most have."""
    return f"""{HEADER}kind: Cartridge
name: c{number}
image: registry.example.org/c{number}:1
ports: [{{name: http, port: 8080, protocol: http, proxyPort: 80}}]
probes: {{readiness: {{http: {{path: /health}}, period: 2s}}, liveness: {{tcp: {{}}}}}}
environment: {{MODE: production, MEMBER: {{member: name}}}}
resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 256Mi}}}}
exports: {{host: {{value: "${{host}}"}}, url: {{value: "http://${{host}}:${{port}}"}}}}
"""


def many() -> str:
    """A hundred clusters in ten levels, without members."""
    uses = "\n".join(
        f"  - {{alias: x{i}, cartridge: c{i % 5}, members: {{min: 0, max: 9}}}}" for i in range(MANY)
    )
    order = ", ".join(f"[x{i - 10}, x{i}]" for i in range(10, MANY))
    application = f"{HEADER}kind: Application\nname: bench-many\ncartridges:\n{uses}\nstartup: [{order}]\n"
    return "---\n".join([*(cartridge(number) for number in range(5)), application])


def few() -> str:
    """Ten clusters of the library's static site in three levels: three, then four, then three."""
    uses = "\n".join(f"  - {{alias: x{i}, cartridge: static}}" for i in range(FEW))
    order = ", ".join(f"[x{a}, x{b}]" for a, b in ((0, 3), (1, 4), (2, 5), (0, 6), (3, 7), (4, 8), (5, 9)))
    return f"{HEADER}kind: Application\nname: bench-few\ncartridges:\n{uses}\nstartup: [{order}]\n"


@contextlib.contextmanager
def stack(cli: Pulumi, name: str, cloud: str, application: str, text: str) -> Iterator[str]:
    """A stack for an application written out here; everything of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="alto-bench-") as folder:
        document = Path(folder) / f"{application}.yaml"
        document.write_text(text)
        cli.init(name)
        try:
            cli.configure(
                name,
                {
                    "altostratus:cloud": cloud,
                    "altostratus:blueprint": str(document),
                    "altostratus:application": application,
                },
            )
            yield name
        finally:
            cli.destroy(name, "--refresh=false")
            cli.remove(name)


def measure_many(cli: Pulumi, cloud: str) -> None:
    """Previews and updates of a hundred clusters."""
    with stack(cli, "app-bench-many", cloud, "bench-many", many()) as name:
        with measured(f"preview of {MANY} clusters, nothing made yet"):
            cli.preview(name)
        with measured(f"up of {MANY} clusters, from nothing"):
            cli.up(name)
        resources = len(cli.deployment(name).get("resources", []))
        for refresh, how in (((), ""), (("--refresh=false",), ", without refresh")):
            with measured(f"preview of {MANY} clusters ({resources} resources){how}"):
                cli.preview(name, *refresh)
            with measured(f"up of {MANY} clusters, no change{how}"):
                cli.up(name, *refresh)


def measure_few(cli: Pulumi, cloud: str) -> None:
    """From nothing to ten clusters that serve, beside the time that their own containers took to start."""
    with stack(cli, "app-bench-few", cloud, "bench-few", few()) as name:
        before_update(cli, name)
        with measured(f"up of {FEW} clusters in 3 levels, from nothing"):
            cli.up(name, "--refresh=false")
        slowest = _slowest_start(cloud)
        print(f"{'slowest of its members, from scheduled to Ready':<58}{slowest:5.1f} s, in each of 3 levels")


def _slowest_start(cloud: str) -> float:
    command = [str(bin_folder.path() / "kubectl"), "--kubeconfig", str(paths.kubeconfig(cloud))]
    command += ["--namespace", "app-bench-few", "get", "pods", "--output", "json"]
    listed = subprocess.run(command, capture_output=True, check=True, text=True)
    return max(_seconds(pod) for pod in json.loads(listed.stdout)["items"])


def _seconds(pod: Any) -> float:
    at = {
        each["type"]: datetime.fromisoformat(each["lastTransitionTime"].replace("Z", "+00:00"))
        for each in pod["status"]["conditions"]
    }
    return (at["Ready"] - at["PodScheduled"]).total_seconds()


def main(cloud: str, wanted: list[str]) -> None:
    """Measure and print."""
    cli = pulumi()
    for part in wanted or PARTS:
        PARTS[part](cli, cloud)


PARTS = {"many": measure_many, "few": measure_few}

if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "local", sys.argv[2:])

"""How fast three local hosts become a cluster, tools and images cached.

Run: .venv/bin/python -m bench.hosts [rounds]
Prints for each round the whole `up`, and the time from the first container's start to the last
node's Ready condition, both in seconds, and their ratio to a no-op `up` of the same run.
"""

import os
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

ROUNDS = 3
STACK = "hosts-bench"


def main(rounds: int) -> None:
    """Make, measure and remove the cluster `rounds` times, under a home of its own."""
    with tempfile.TemporaryDirectory(prefix="alto-bench-") as home:
        os.environ["ALTO_HOME"] = home
        from autoscaler.act.environment import pulumi
        from console import demonstration_end
        from console.demonstration import prepare
        from console.subnets import free_here
        from toolchain.progress import Progress

        with Progress("tools, engine and base image") as progress:
            prepare(progress)
        cli = pulumi()
        try:
            cli.init(STACK)
            settings = {"driver": "docker", "hosts": 3, "controlPlanes": 1, "subnet": str(free_here())}
            cli.configure(STACK, {"altostratus:hosts": settings})
            cli.up(STACK)  # builds the images
            figures = []
            for number in range(rounds):
                cli.destroy(STACK, "--refresh=false")
                begin = time.monotonic()
                cli.up(STACK)
                whole = time.monotonic() - begin
                ready = _ready_seconds(cli.outputs(STACK)["kubeconfig"], Path(home))
                begin = time.monotonic()
                cli.up(STACK)
                nothing = time.monotonic() - begin
                figures.append((whole, ready, nothing))
                print(
                    f"round {number + 1}: up {whole:.1f} s, to Ready {ready:.1f} s, no-op up {nothing:.1f} s"
                )
            whole, ready, nothing = (statistics.median(each) for each in zip(*figures, strict=True))
            print(f"median: up {whole:.1f} s ({whole / nothing:.1f} no-ops), to Ready {ready:.1f} s")
        finally:
            os.environ["ALTO_KEEP_ENGINE"] = "1"
            demonstration_end.run("bench", "none")


def _ready_seconds(kubeconfig: str, home: Path) -> float:
    import docker
    from lightkube import Client, KubeConfig
    from lightkube.resources.core_v1 import Node

    path = home / "kubeconfig"
    path.write_text(kubeconfig)
    nodes = Client(config=KubeConfig.from_file(str(path))).list(Node)
    ready = max(
        condition.lastTransitionTime.timestamp()
        for node in nodes
        for condition in node.status.conditions
        if condition.type == "Ready" and condition.status == "True"
    )
    client = docker.from_env()
    hosts = client.containers.list(filters={"name": "alto-bench-host"})
    begun = min(datetime.fromisoformat(each.attrs["State"]["StartedAt"]).timestamp() for each in hosts)
    client.close()
    return float(ready - begun)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS)

"""1,000 clusters and 10,000 members in 50 applications: does the loop keep up, and in how much memory?

A real API server with kwok's nodes and Pods; the watch of members, documents, decisions, notes and
the journal are the real ones. Measurements come from a source that makes them up, as no kubelet is there, and
edits are counted, not run.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.edits import Outcome, ScaleEdit, Ticket
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY
from autoscaler.journal.journal import Journal
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.settings import Settings
from autoscaler.observe.source import Cloud, Measurement, Report, Target
from blueprints.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
APPLICATIONS, CLUSTERS, MEMBERS, NODES = 50, 20, 10, 100


def size(kwok: Path, seconds: float) -> dict[str, Any]:
    """Make it all, watch the loop in a process of its own, and give its figures."""
    from tests.plugins import control_plane

    with tempfile.TemporaryDirectory(prefix="alto-size-") as name:
        folder = Path(name)
        _documents(folder)
        with control_plane.running(folder) as plane:
            log = (folder / "kwok.log").open("w")
            fake = subprocess.Popen(
                [
                    kwok,
                    f"--kubeconfig={plane.kubeconfig}",
                    f"--config={ROOT / 'bench' / 'kwok_stages.yaml'}",
                    "--manage-all-nodes=true",
                    "--v=ERROR",
                    "--node-lease-duration-seconds=200",
                ],
                stdout=log,
                stderr=log,
            )
            try:
                begun = time.monotonic()
                made = _objects(plane, folder)
                print(f"{made} Pods made and ready after {time.monotonic() - begun:.0f} s", flush=True)
                done = subprocess.run(
                    [sys.executable, "-m", "bench.scaling_size", name, str(plane.kubeconfig), str(seconds)],
                    cwd=ROOT,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    raise RuntimeError(done.stdout + done.stderr)
                return {"pods": made, **json.loads(done.stdout.splitlines()[-1])}
            finally:
                fake.terminate()
                fake.wait(30)
                log.close()


def _names() -> list[str]:
    return [f"d-many{n:02d}" for n in range(APPLICATIONS)]


def _documents(folder: Path) -> None:
    """A document, a config and a checkpoint for each application."""
    policy = {
        "apiVersion": "altostratus/v1",
        "kind": "AutoscalingPolicy",
        "name": "busy",
        "thresholds": {"loadAverage": 70, "memory": 80},
    }
    for name in _names():
        clusters = [f"c{n:02d}" for n in range(CLUSTERS)]
        application = {
            "apiVersion": "altostratus/v1",
            "kind": "Application",
            "name": name,
            "cartridges": [
                {"alias": c, "cartridge": "static", "members": {"min": 2, "max": 40}, "autoscaling": "busy"}
                for c in clusters
            ],
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all([application, policy]))
        config = folder / "stacks" / "config" / f"Pulumi.app-{name}.yaml"
        config.parent.mkdir(parents=True, exist_ok=True)
        scale = {"clusters": dict.fromkeys(clusters, MEMBERS), "groups": {}, "generation": 1}
        keys = {"cloud": "many", "blueprint": f"{name}.yaml", "application": name, "scale": scale}
        config.write_text(yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in keys.items()}}))
        state = folder / "state" / ".pulumi" / "stacks" / "altostratus" / f"app-{name}.json"
        state.parent.mkdir(parents=True, exist_ok=True)
        outputs = {"members": dict.fromkeys(clusters, MEMBERS)}
        stack = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": outputs}
        state.write_text(json.dumps({"checkpoint": {"latest": {"resources": [stack]}}}))


def _objects(plane: Any, folder: Path) -> int:
    """Nodes, namespaces, Deployments that nothing acts on, and Pods; waits until kwok has them Ready."""
    client = plane.client()
    for n in range(NODES):
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node{n:03d}"}}
        client.create("/api/v1/nodes", node)

    def application(name: str) -> None:
        own = plane.client()
        plan = Workspace.load([folder / f"{name}.yaml"]).plan(name)
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": plan.namespace}}
        own.create("/api/v1/namespaces", space)
        for cluster in plan.clusters.values():
            about = {"labels": dict(cluster.labels), "namespace": plan.namespace}
            template = {"metadata": {"labels": dict(cluster.labels)}, "spec": _pod_spec("")}
            own.create(
                f"/apis/apps/v1/namespaces/{plan.namespace}/deployments",
                {
                    "apiVersion": "apps/v1",
                    "kind": "Deployment",
                    "metadata": {"name": cluster.name, **about},
                    "spec": {
                        "replicas": MEMBERS,
                        "paused": True,  # no controller makes Pods of its own for it
                        "selector": {"matchLabels": dict(cluster.selector)},
                        "template": template,
                    },
                },
            )
            for n in range(MEMBERS):
                node = f"node{(int(name[-2:]) * 211 + n * 7) % NODES:03d}"
                pod = {
                    "apiVersion": "v1",
                    "kind": "Pod",
                    "metadata": {"name": f"{cluster.name}-{n}", **about},
                }
                own.create(f"/api/v1/namespaces/{plan.namespace}/pods", {**pod, "spec": _pod_spec(node)})
        own.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(application, _names()))
    deadline = time.monotonic() + 1800
    while time.monotonic() < deadline:
        pods = client.get("/api/v1/pods", fieldSelector="status.phase=Running")["items"]
        if len(pods) >= APPLICATIONS * CLUSTERS * MEMBERS:
            client.close()
            return len(pods)
        time.sleep(5)
    raise RuntimeError(f"only {len(pods)} Pods run after half an hour")


def _pod_spec(node: str) -> dict[str, Any]:
    requests = {"cpu": "100m", "memory": "64Mi"}
    spec: dict[str, Any] = {
        "automountServiceAccountToken": False,
        "containers": [{"name": "main", "image": "none", "resources": {"requests": requests}}],
    }
    return {**spec, "nodeName": node} if node else spec


class MadeUp:
    """Measurements of every member, each period: waves that make clusters grow and shrink."""

    name = "made-up"

    def __init__(self, cloud: Cloud) -> None:
        self.reported = 0

    async def collect(self, targets: Sequence[Target], report: Report) -> None:
        now = time.time()
        for index, target in enumerate(targets):
            load = 55.0 + 25.0 * math.sin(now / 120.0 + index)
            for member in target.members:
                report(Measurement(target.place, LOAD_AVERAGE, member.name, load, now, 10.0))
                report(Measurement(target.place, MEMORY, member.name, 40.0, now))
                self.reported += 2
            if index % 50 == 0:
                await asyncio.sleep(0)

    async def close(self) -> None: ...


class Counted:
    """Counts edits in the runner's place."""

    def __init__(self) -> None:
        self.edits = 0

    def submit(self, edit: ScaleEdit) -> Ticket:
        self.edits += 1
        ticket = Ticket(self.edits, edit.stack)
        ticket.succeed(Outcome("applied", 0))
        return ticket

    def apply(self, stack: str, reason: str) -> Ticket:
        return self.submit(ScaleEdit(stack, None, reason))  # type: ignore[arg-type]


async def watch(folder: Path, kubeconfig: Path, seconds: float) -> dict[str, Any]:
    """Run the loop and give its figures; times in seconds."""
    cli = Pulumi(folder, folder / "pulumi", folder / "state", folder / "logs", {})
    office, journal = Counted(), Journal(folder / "journal.sqlite")
    made: list[MadeUp] = []

    def source(name: str, cloud: Cloud) -> MadeUp:
        made.append(MadeUp(cloud))
        return made[-1]

    settings = Settings(sources=("made-up",))
    autoscaler = Autoscaler(
        cli, lambda _: kubeconfig, settings, folder / "learnt", office, journal, make_source=source
    )
    stop = asyncio.Event()
    task = asyncio.create_task(autoscaler.run(stop))
    while not all(each.verdict for each in autoscaler.applications.values()) or not autoscaler.pace.periods:
        await asyncio.sleep(0.5)
    autoscaler.pace.lags.clear()
    begun, processor = time.monotonic(), time.process_time()
    await asyncio.sleep(seconds)
    spent = time.process_time() - processor
    lags, work = sorted(autoscaler.pace.lags), autoscaler.pace.work
    passed = time.monotonic() - begun
    largest = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
    clusters = sum(len(a.verdict.decisions) for a in autoscaler.applications.values() if a.verdict)
    members = sum(s.observation.ready for a in autoscaler.applications.values() for s in a.sights.values())
    stop.set()
    await task
    journal.close()
    return {
        "clusters": clusters,
        "members": members,
        "periods": len(lags),
        "lagMedianSeconds": round(lags[len(lags) // 2], 2),
        "lagMostSeconds": round(lags[-1], 2),
        "workSeconds": round(work, 2),
        "processorShare": round(spent / passed, 2),
        "memoryMiB": round(largest),
        "edits": office.edits,
        "measurements": made[0].reported,
        "loadAverage": round(os.getloadavg()[0], 1),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(watch(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))))

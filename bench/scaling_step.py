"""A load step to ready capacity: ours beside a real HPA, on the demo cluster, the same step at the same time.

Two applications that are alike but for their names, each behind its own load balancer. One is scaled by
`alto autoscale`, the other by the HPA of kube-controller-manager with metrics-server at its usual 15 s. Both
start at one member and need three. By turns ours goes by what the kubelets tell alone (`cpu`, what the HPA
sees too), or by what the balancers tell as well (`all`).
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.serve.state import read_state
from console import credentials
from console.status_report import stack_outputs
from toolchain import paths
from toolchain.plugins.kubernetes import kubeconfig as kubeconfigs
from toolchain.plugins.kubernetes.client import ApiError, Client

ROOT = Path(__file__).resolve().parents[1]
CLOUD, OURS, THEIRS = "local", "bench-ours", "bench-hpa"
NEEDED = 3
CALM, STEP, WORK = 1.0, 8.0, 50  # requests a second before and after, milliseconds of work for each
LIMIT = 240.0
METRICS_PORT = 14443
THRESHOLDS = {"all": {"loadAverage": 70, "requestRate": 3}, "cpu": {"loadAverage": 70}}
HPA = f"/apis/autoscaling/v2/namespaces/app-{THEIRS}/horizontalpodautoscalers"
DEPLOYMENT = "/apis/apps/v1/namespaces/app-{}/deployments/web"


def steps(metrics_server: Path, rounds: int, factors: list[str]) -> None:
    """Run the rounds and print each, then the medians and their ratio."""
    cli = pulumi()
    file = credentials.refresh(cli, CLOUD)
    if file is None:
        raise SystemExit("the demo's cluster is needed: ./alto demo")
    client = Client(kubeconfigs.resolve(kubeconfigs.parse(file.read_text())))
    found: dict[str, list[tuple[Seen, Seen]]] = {name: [] for name in factors}
    with ExitStack() as stack:
        documents = paths.home() / "bench"
        documents.mkdir(exist_ok=True)
        urls = [stack.enter_context(deployed(cli, name, documents)) for name in (OURS, THEIRS)]
        # Both start with their images on every host: pulling them is no part of scaling.
        order(client, NEEDED)
        wait(lambda: replicas(client, THEIRS) == (NEEDED, NEEDED), "images on the hosts")
        stack.enter_context(metrics(client, metrics_server, file))
        stack.enter_context(autoscaled(documents))
        for number in range(rounds):
            for name in factors:
                pair = one_round(client, documents, urls, name)
                found[name].append(pair)
                ours, theirs = pair
                print(
                    f"round {number + 1}, {name}: ours ordered after {ours.ordered:.1f} s, {NEEDED} ready "
                    f"after {ours.ready:.1f} s; HPA {theirs.ordered:.1f} s and {theirs.ready:.1f} s; ratio "
                    f"{ours.ready / theirs.ready:.2f}; load average {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
    for name, pairs in found.items():
        ours, theirs = (statistics.median(pair[side].ready for pair in pairs) for side in (0, 1))
        print(
            f"{name}: ours {ours:.1f} s, HPA {theirs:.1f} s, ratio {ours / theirs:.2f} (median of {rounds})"
        )


@dataclass
class Seen:
    """Seconds from the step until the last order that was needed, and until all needed members were ready."""

    ordered: float = float("nan")
    ready: float = float("nan")


def one_round(client: Client, documents: Path, urls: list[str], factors: str) -> tuple[Seen, Seen]:
    """Both at one member and calm; then the step."""
    write(documents, OURS, THRESHOLDS[factors])
    pairs = [(url, Traffic(url)) for url in urls]
    try:
        hpa_anew(client)
        wait(lambda: all(replicas(client, name) == (1, 1) for name in (OURS, THEIRS)), "one member each")
        wait(lambda: hpa_sees(client), "the HPA has its metric")
        calm_until = time.monotonic() + 30.0
        wait(lambda: time.monotonic() > calm_until and decides_to_keep_one(), "calm")
        begun = time.monotonic()
        for _, traffic in pairs:
            traffic.rate = STEP
        return tuple(follow(client, begun))  # type: ignore[return-value]
    finally:
        for _, traffic in pairs:
            traffic.end()


def decides_to_keep_one() -> bool:
    """Whether our autoscaler has fresh values of every factor and keeps one member."""
    state = read_state(paths.home() / "autoscaler")
    application = (state or {"applications": {}})["applications"].get(f"app-{OURS}")
    return application is not None and application["clusters"]["web"]["reason"].startswith("Keep 1:")


def follow(client: Client, begun: float) -> list[Seen]:
    seen = {OURS: Seen(), THEIRS: Seen()}
    while time.monotonic() - begun < LIMIT and any(each.ready != each.ready for each in seen.values()):
        for name, each in seen.items():
            wanted, ready = replicas(client, name)
            passed = time.monotonic() - begun
            if wanted >= NEEDED and each.ordered != each.ordered:
                each.ordered = passed
            if ready >= NEEDED and each.ready != each.ready:
                each.ready = passed
        time.sleep(0.25)
    return [seen[OURS], seen[THEIRS]]


def replicas(client: Client, name: str) -> tuple[int, int]:
    found = client.get(DEPLOYMENT.format(name))
    return int(found["spec"]["replicas"]), int(found.get("status", {}).get("readyReplicas", 0))


def wait(condition: Callable[[], bool], what: str, limit: float = 600.0) -> None:
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"not within {limit:.0f} s: {what}")
        time.sleep(0.5)


def write(documents: Path, name: str, thresholds: dict[str, float]) -> None:
    """The application's documents; a change of the policy is taken up while the autoscaler runs."""
    platform = stack_outputs(pulumi(), f"platform-{CLOUD}")
    web: dict[str, Any] = {"alias": "web", "cartridge": "php", "members": {"min": 1, "max": NEEDED}}
    web["artifact"] = {"git": platform["gitRepositories"]["hello"], "branch": "main"}
    if name == OURS:
        web["autoscaling"] = "busy"
    kind = {"apiVersion": "altostratus/v1"}
    front = {**kind, "kind": "LoadBalancer", "name": "front", "scope": "application", "driver": "haproxy"}
    front["replicas"] = {"min": 1, "max": 1}
    policy = {**kind, "kind": "AutoscalingPolicy", "name": "busy", "thresholds": thresholds}
    policy["damping"] = {"settle": "20s"}
    application = {**kind, "kind": "Application", "name": name, "loadBalancer": "front", "cartridges": [web]}
    beside = documents / f".{name}.yaml"
    beside.write_text(yaml.safe_dump_all([application, front, policy]))
    beside.replace(documents / f"{name}.yaml")


@contextmanager
def deployed(cli: Pulumi, name: str, documents: Path) -> Iterator[str]:
    """The application's first URL while it is there."""
    stack = f"app-{name}"
    write(documents, name, THRESHOLDS["all"])
    cli.init(stack)
    cli.configure(
        stack,
        {
            "altostratus:cloud": CLOUD,
            "altostratus:blueprint": str(documents / f"{name}.yaml"),
            "altostratus:application": name,
        },
    )
    try:
        cli.recover(stack)
        cli.up(stack, "--refresh=false")
        yield str(stack_outputs(cli, stack)["urls"][0])
    finally:
        cli.recover(stack)
        cli.destroy(stack, "--refresh=false")
        cli.remove(stack)


@contextmanager
def autoscaled(documents: Path) -> Iterator[None]:
    """`alto autoscale` for our application; what it prints is in `autoscale.log`."""
    log = documents / "autoscale.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "console", "autoscale", "--app", OURS],
            cwd=ROOT,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(180)


def hpa_anew(client: Client) -> None:
    """The HPA without any memory of the round before, and its Deployment at one."""
    if client.find(f"{HPA}/web") is not None:
        client.delete(f"{HPA}/web", "Background")
    order(client, 1)
    wait(lambda: replicas(client, THEIRS) == (1, 1), "the HPA's Deployment at one")
    # What metrics-server still says of the round before would begin five minutes of not scaling down.
    wait(lambda: is_calm(client), "metrics-server has forgotten the load")
    target = {"type": "Utilization", "averageUtilization": 70}
    client.create(
        HPA,
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": NEEDED,
                "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            },
        },
    )


def order(client: Client, members: int) -> None:
    """Set the HPA's Deployment by hand."""
    change = {"op": "replace", "path": "/spec/replicas", "value": members}
    client.patch(DEPLOYMENT.format(THEIRS), [change])


def is_calm(client: Client) -> bool:
    """Whether metrics-server tells of one member, and that it is far under the HPA's target."""
    try:
        found = client.get(f"/apis/metrics.k8s.io/v1beta1/namespaces/app-{THEIRS}/pods").get("items") or []
    except ApiError:
        return False  # metrics-server has just begun
    usages = [c["usage"]["cpu"] for pod in found for c in pod["containers"] if c["name"] == "web"]
    return len(usages) == 1 and _millicores(usages[0]) < 60.0


def _millicores(text: str) -> float:
    units = {"n": 1e-6, "u": 1e-3, "m": 1.0}
    return float(text[:-1]) * units[text[-1]] if text[-1] in units else 1000.0 * float(text)


def hpa_sees(client: Client) -> bool:
    status = client.get(f"{HPA}/web").get("status") or {}
    current = status.get("currentMetrics") or []
    return bool(current) and "averageUtilization" in json.dumps(current) and status["desiredReplicas"] == 1


@contextmanager
def metrics(client: Client, program: Path, kubeconfig: Path) -> Iterator[None]:
    """metrics-server on this machine, known to the API server by a Service without a selector."""
    gateway = str(client.get("/api/v1/nodes")["items"][0]["status"]["addresses"][0]["address"])
    gateway = ".".join([*gateway.split(".")[:3], "1"])  # this machine, on the hosts' network
    service = "/api/v1/namespaces/kube-system/services"
    slices = "/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices"
    services = "/apis/apiregistration.k8s.io/v1/apiservices"
    name, api = "bench-metrics-server", "v1beta1.metrics.k8s.io"
    objects = [
        (service, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
                   "spec": {"ports": [{"port": 443, "targetPort": METRICS_PORT}]}}),
        (slices, {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                  "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                  "endpoints": [{"addresses": [gateway], "conditions": {"ready": True}}],
                  "ports": [{"port": METRICS_PORT}]}),
        (services, {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": {"name": api},
                    "spec": {"group": "metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
                             "versionPriority": 100, "insecureSkipTLSVerify": True,
                             "service": {"name": name, "namespace": "kube-system"}}}),
    ]  # fmt: skip
    folder = paths.home() / "bench"
    with (folder / "metrics-server.log").open("w") as log:
        process = subprocess.Popen(
            [
                program,
                *(f"--{kind}kubeconfig={kubeconfig}" for kind in ("", "authentication-", "authorization-")),
                f"--bind-address={gateway}",
                f"--secure-port={METRICS_PORT}",
                f"--cert-dir={folder}",
                "--kubelet-insecure-tls",
                "--kubelet-preferred-address-types=InternalIP",
                "--metric-resolution=15s",
            ],
            stdout=log,
            stderr=log,
        )
        made: list[str] = []
        try:
            for path, each in objects:
                client.create(path, each)
                made.append(f"{path}/{each['metadata']['name']}")  # type: ignore[index]
            yield
        finally:
            for path in reversed(made):
                client.delete(path, "Background")
            process.terminate()
            process.wait(30)


@dataclass
class Traffic:
    """Requests at a steady rate, answered or not: an open loop, at most so many at once."""

    url: str
    rate: float = CALM
    most: int = 60
    answered: int = 0
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more."""
        self._stop.set()
        self._thread.join(30)

    async def _run(self) -> None:
        open_requests: set[asyncio.Task[None]] = set()
        async with httpx.AsyncClient(timeout=10.0) as client:
            due = time.monotonic()
            while not self._stop.is_set():
                if len(open_requests) < self.most:
                    task = asyncio.create_task(self._one(client))
                    open_requests.add(task)
                    task.add_done_callback(open_requests.discard)
                due = max(due + 1.0 / self.rate, time.monotonic() - 1.0)
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _one(self, client: httpx.AsyncClient) -> None:
        try:
            answer = await client.get(f"{self.url}/work?ms={WORK}")
            self.answered += answer.status_code == 200
            self.failed += answer.status_code != 200
        except httpx.HTTPError:
            self.failed += 1

"""`alto autoscale` on real hosts: real load makes members, silence takes none away, calm does."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.autoscale_process import AutoscaleProcess
from tests.cluster.applications import deployed
from tests.cluster.load import under_load
from tests.demo import Demo
from tests.ports import free_ports
from tests.waiting import until

pytestmark = pytest.mark.cluster

MOST = 3
NAME = "scaled"
DOCUMENTS = f"""
apiVersion: altostratus/v1
kind: Application
name: {NAME}
loadBalancer: front
cartridges:
  - {{alias: web, cartridge: php, members: {{min: 1, max: {MOST}}}, autoscaling: busy}}
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
scope: application
driver: haproxy
replicas: {{min: 1, max: 1}}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: busy
thresholds: {{requestRate: 10, memory: 90}}
metrics: [{{name: jobs, query: 'jobs{{cluster="$cluster"}}', target: 10}}]
damping: {{settle: 10s}}
"""


class Queue(BaseHTTPRequestHandler):
    """Prometheus' query API with one metric: five jobs."""

    def do_POST(self) -> None:
        sample = {"metric": {}, "value": [time.time(), "5"]}
        answer = {"status": "success", "data": {"resultType": "vector", "result": [sample]}}
        text = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


@contextmanager
def prometheus(port: int) -> Iterator[None]:
    """A server of it on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Queue)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def autoscaled(demo: Demo, application: str, settings: Path) -> Iterator[None]:
    """The real process; it has to end by itself when told to."""
    log = settings.with_suffix(".log")
    process = AutoscaleProcess(demo, application, settings, log)
    process.start()
    try:
        yield
        assert process.runs(), log.read_text()
    finally:
        assert process.stop() == 0, log.read_text()


def test_load_scales_out_silence_holds_and_calm_scales_back(demo: Demo, tmp_path: Path) -> None:
    blueprint = tmp_path / "scaled.yaml"
    blueprint.write_text(DOCUMENTS)
    application = f"{NAME}-{os.getpid()}"
    with deployed(demo, NAME, blueprint) as namespace:

        def asked() -> int:
            """How many the autoscaler wants."""
            return int(demo.kubectl("-n", namespace, "get", "deployment", "web")["spec"]["replicas"])

        def members() -> int:
            found = demo.kubectl("-n", namespace, "get", "deployment", "web")
            return int(found["status"].get("readyReplicas", 0)) if found["spec"]["replicas"] else 0

        def explained() -> dict[str, Any]:
            told: dict[str, Any] = json.loads(demo.alto("explain", application, "--json").stdout)
            return told

        def decision() -> dict[str, Any]:
            (found,) = explained()["clusters"]
            return dict(found)

        urls = demo.alto("url", application).stdout.split()
        settings = tmp_path / "settings.yaml"
        (port,) = free_ports(1)
        told = {"sources": ["kubelet", "balancer", "prometheus"], "serve": {"port": 0}}
        told["sourceSettings"] = {"prometheus": {"url": f"http://127.0.0.1:{port}"}}
        settings.write_text(yaml.safe_dump(told))
        with autoscaled(demo, application, settings):
            with under_load(urls, rate=60.0, clients=6) as load:
                with prometheus(port):
                    until(lambda: members() == MOST, f"{MOST} members are ready", 180)
                # In the middle of the load, one of the factors that the policy goes by falls silent.
                until(lambda: "missing:jobs" in decision()["holds"], "the missing factor is told", 90)
            quiet = time.monotonic() + 25
            until(lambda: time.monotonic() > quiet or asked() < MOST, "longer than members settle")
            assert asked() == MOST
            with prometheus(port):
                until(lambda: members() == 1, "one member again", 180)
        assert load.answered > 100
        assert not load.failures
        rose = [each for each in explained()["history"] if each["action"] == "up"]
        assert rose
        assert rose[0]["factor"] == "requestRate"
        assert "requestRate is expected at" in rose[0]["reason"]
        fell = [each for each in explained()["history"] if each["action"] == "down"]
        assert fell

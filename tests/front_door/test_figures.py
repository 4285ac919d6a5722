"""What the copies' own load balancers tell, where the front door counts nothing."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from autoscaler.burst.balancer_control import LABEL, Served, held, served
from autoscaler.burst.front_shares import counted_by
from toolchain.plugins.kubernetes.client import ApiError, Client
from toolchain.plugins.kubernetes.kubeconfig import Cluster

SPACE = "/api/v1/namespaces/app-shop"
EXAMPLE = json.loads((Path(__file__).parents[2] / "docs/balancer/state.json").read_text())


def pod(name: str, phase: str = "Running", **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {LABEL: "lb"}, **more}, "status": {"phase": phase}}


def state(requests: int, failed: int, *, ready: bool = True) -> dict[str, Any]:
    errors = {"balancer": failed, "member": 2, "client": 5, "unanswered": 0}
    figures = {**EXAMPLE["clusters"]["web"], "requests": requests, "errors": errors}
    return {**EXAMPLE, "ready": ready, "backends": {"web": figures}}


@pytest.fixture
def answers() -> dict[str, Any]:
    """What the API server says, by path."""
    return {
        f"{SPACE}/secrets/lb-token": {"data": {"token": base64.b64encode(b"it is me\n").decode()}},
        f"{SPACE}/pods": {"items": []},
    }


@pytest.fixture
def api(answers: dict[str, Any]) -> Iterator[Client]:
    """An API server that knows these, and replicas that answer whoever shows their token."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            proxied = "/proxy/" in path and self.headers["X-Altostratus-Token"] != "it is me"
            found = None if proxied else answers.get(path)
            body = json.dumps(found if found is not None else {"message": "no"}).encode()
            self.send_response(200 if found is not None else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Client(Cluster(f"http://127.0.0.1:{server.server_port}"), 5.0)
    server.shutdown()
    server.server_close()
    thread.join()


def replica(answers: dict[str, Any], name: str, told: dict[str, Any] | None, **more: Any) -> None:
    answers[f"{SPACE}/pods"]["items"].append(pod(name, **more))
    if told is not None:
        answers[f"{SPACE}/pods/https:{name}:8404/proxy/v1/state"] = told


def test_a_balancer_has_served_what_its_replicas_have(api: Client, answers: dict[str, Any]) -> None:
    assert served(api, "app-shop", "lb") == Served(), "nobody is there to serve"
    replica(answers, "one", state(100, 1))
    replica(answers, "two", state(50, 0, ready=False))
    replica(answers, "failed", None, phase="Failed")
    replica(answers, "ending", None, deletionTimestamp="2026-01-01T00:00:00Z")
    assert served(api, "app-shop", "lb") == Served(True, in_flight=24, requests=150, errors=5)
    assert held(api, "app-shop", "away") is None


def test_a_replica_that_cannot_be_asked_leaves_no_half_of_the_figures(
    api: Client, answers: dict[str, Any]
) -> None:
    replica(answers, "one", state(100, 1))
    replica(answers, "two", None)
    with pytest.raises(ApiError):
        served(api, "app-shop", "lb")


def test_the_balancer_that_counts_is_the_applications_own_at_its_first_address() -> None:
    own = {"name": "lb", "namespace": "app-shop", "urls": ["http://10.0.0.1:1"], "tokenSecret": "lb-token"}

    def asked(**changes: Any) -> tuple[str, str] | None:
        balancers = {"other": {**own, "name": "lb2", "urls": ["http://10.0.0.1:2"]}, "lb": {**own, **changes}}
        outputs = {"namespace": "app-shop", "urls": ["http://10.0.0.1:1"], "balancers": balancers}
        return counted_by(outputs)

    assert asked() == ("app-shop", "lb")
    assert asked(namespace="altostratus") is None, "others' requests come in there, too"
    assert asked(urls=["http://10.0.0.1:3"]) is None
    assert counted_by({"urls": ["http://10.0.0.1:1"]}) is None
    del own["tokenSecret"]
    assert asked() is None, "its driver tells no figures"

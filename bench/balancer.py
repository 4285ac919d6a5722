"""What our balancer costs: throughput and p99 through it as ratios to the same HAProxy configured by hand.

Run: .venv/bin/python -m bench.balancer [rounds] [seconds]
Needs HAProxy and wrk (Debian has both). The one is our agent's, from the driver's own template; the other
is a configuration as one would write it for the same listener, members, checks and access log. Rounds take
turns, so that both meet the same machine; the figures are medians of the rounds' ratios.
"""

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from blueprints.loader import load_text
from blueprints.workspace import Workspace
from components.load_balancer.drivers.driver import Facts
from components.load_balancer.drivers.haproxy import Haproxy
from toolchain import debian, install

ROUNDS, SECONDS = 10, 5
CONNECTIONS = 64
MEMBERS = 2
TOKEN = "a-token-for-this-bench"  # noqa: S105
DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: bench
cartridges: [{alias: web, cartridge: php, members: {min: 1, max: 4}}]
loadBalancer: front
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
algorithm: least-connections
health: {path: /health}
"""


def main(rounds: int, seconds: int) -> None:
    """Print each round, and the medians of the ratios."""
    debian.install(["haproxy", "wrk"])
    agent = install.ensure(["balancer-agent"])["balancer-agent"]
    with tempfile.TemporaryDirectory(prefix="alto-bench-") as name, ExitStack() as running:
        folder = Path(name)
        members = [_free_port() for _ in range(MEMBERS)]
        running.enter_context(_program(["haproxy", "-db", "-f", _origins(folder, members)]))
        hand, ours = _free_port(), _free_port()
        by_hand = running.enter_context(_program(["haproxy", "-db", "-f", _by_hand(folder, hand, members)]))
        by_us = running.enter_context(_program([str(agent)], _our_places(folder, ours, members)))
        for port in (hand, ours):
            _await(port)
        rounds_of: dict[str, list[Round]] = {"hand": [], "ours": []}
        for number in range(rounds):
            order = [("hand", hand, by_hand), ("ours", ours, by_us)]
            for who, port, pid in order if number % 2 else reversed(order):
                rounds_of[who].append(_round(port, seconds, pid))
            print(
                f"round {number + 1}: by hand {rounds_of['hand'][-1]}, ours {rounds_of['ours'][-1]}",
                flush=True,
            )
        pairs = list(zip(rounds_of["hand"], rounds_of["ours"], strict=True))
        for what, ratios in (
            ("throughput, ours to by hand", [ours.rate / hand.rate for hand, ours in pairs]),
            ("p99, by hand to ours", [hand.p99 / ours.p99 for hand, ours in pairs]),
            (
                "requests for the same processor time, ours to by hand",
                [hand.cost / ours.cost for hand, ours in pairs],
            ),
        ):
            print(f"{what}: median {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")


@dataclass(frozen=True)
class Round:
    """Requests a second; p99 in milliseconds; processor time for one request in microseconds."""

    rate: float
    p99: float
    cost: float

    def __str__(self) -> str:
        return f"{self.rate:.0f}/s, p99 {self.p99:.2f} ms, {self.cost:.1f} us each"


def _round(port: int, seconds: int, pid: int) -> Round:
    before = _processor_seconds(pid)
    rate, p99, requests = _wrk(port, seconds)
    return Round(rate, p99, (_processor_seconds(pid) - before) * 1e6 / requests)


def _processor_seconds(pid: int) -> float:
    """User and system time of a process and its children that run."""
    children = [
        name for each in Path(f"/proc/{pid}/task").glob("*/children") for name in each.read_text().split()
    ]
    spent = 0
    for each in (str(pid), *children):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / os.sysconf("SC_CLK_TCK")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _origins(folder: Path, ports: list[int]) -> str:
    """Members that answer at once: HAProxy's own answers, so that they are never the slow part."""
    binds = "\n".join(f"    bind 127.0.0.1:{port}" for port in ports)
    text = f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend members
{binds}
    http-request return status 200 content-type text/plain string "hello, this is a small page\\n"
"""
    return _written(folder / "members.cfg", text)


def _by_hand(folder: Path, port: int, members: list[int]) -> str:
    servers = "\n".join(
        f"    server web{number} 127.0.0.1:{member} check inter 2s rise 2 fall 3"
        for number, member in enumerate(members)
    )
    text = f"""
global
    maxconn 8000
    log stdout format raw local0
defaults
    mode http
    log global
    timeout connect 3s
    timeout client 60s
    timeout server 60s
    timeout queue 30s
    timeout tunnel 1h
    timeout http-request 10s
    timeout http-keep-alive 60s
    timeout check 1s
    option redispatch 1
    option dontlognull
    retries 2
    retry-on conn-failure empty-response
frontend http
    bind 127.0.0.1:{port}
    capture request header Host len 253
    capture request header User-Agent len 200
    log-format '{{"time":"%[date,ltime(%Y-%m-%dT%H:%M:%S)]","backend":"%b","member":"%s","client":"%ci","listener":"%f","protocol":"%HV","method":"%HM","host":"%[capture.req.hdr(0),json(utf8s)]","path":"%[capture.req.uri,json(utf8s)]","userAgent":"%[capture.req.hdr(1),json(utf8s)]","status":%ST,"milliseconds":%Ta,"waited":%Tw,"bytesIn":%U,"bytesOut":%B,"ended":"%ts"}}'
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Port 80
    option forwardfor
    default_backend web
backend web
    balance leastconn
    option httpchk GET /health
    http-request disable-l7-retry unless {{ method GET HEAD OPTIONS PUT DELETE TRACE }}
{servers}
"""  # noqa: E501
    return _written(folder / "hand.cfg", text)


def _our_places(folder: Path, port: int, members: list[int]) -> dict[str, str]:
    """The driver's own files, with members that are told instead of found, and the agent's environment."""
    documents, findings = load_text(DOCUMENTS, "bench.yaml")
    assert not findings, findings
    (balancer,) = Workspace(documents).plan("bench").balancers
    files = dict(Haproxy().configuration(balancer, Facts("local", 1, {"http": 80})))
    model = json.loads(files["balancer.json"])
    for backend in model["backends"].values():
        del backend["service"]
        backend["addresses"] = [
            {"name": f"web{number}", "host": "127.0.0.1", "port": member}
            for number, member in enumerate(members)
        ]
    place = folder / "balancer"
    place.mkdir()
    (folder / "run").mkdir()
    _written(place / "balancer.json", json.dumps(model))
    (listener,) = balancer.listeners
    _written(
        place / "haproxy.cfg",
        files["haproxy.cfg"].replace(f"bind :{listener.bind}", f"bind 127.0.0.1:{port}"),
    )
    _written(folder / "token", TOKEN)
    return {
        "ALTO_BALANCER_FOLDER": str(place),
        "ALTO_RUN_FOLDER": str(folder / "run"),
        "ALTO_TOKEN_FILE": str(folder / "token"),
        "ALTO_STATE_LISTEN": f"127.0.0.1:{_free_port()}",
    }


def _written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@contextmanager
def _program(command: list[str], more: dict[str, str] | None = None) -> Iterator[int]:
    process = subprocess.Popen(
        command, env={**os.environ, **(more or {})}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    # Somebody reads what is logged, as a container's engine would.
    reader = subprocess.Popen(["cat"], stdin=process.stdout, stdout=subprocess.DEVNULL)
    process.stdout.close()
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        reader.wait(60)


def _await(port: int) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nobody answers at port {port}")


def _wrk(port: int, seconds: int) -> tuple[float, float, int]:
    """Requests a second, p99 in milliseconds, and how many requests there were."""
    command = ["wrk", "--latency", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if wrong := re.search(r"(Non-2xx.*|Socket errors.*)", said):
        raise SystemExit(f"requests failed: {wrong.group()}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    count = re.search(r"(\d+) requests in", said)
    assert rate is not None
    assert tail is not None
    assert count is not None
    p99 = float(tail.group(1)) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[tail.group(2)]
    return float(rate.group(1)), p99, int(count.group(1))


if __name__ == "__main__":
    told = [int(each) for each in sys.argv[1:]]
    main(*[*told, *(ROUNDS, SECONDS)[len(told) :]])

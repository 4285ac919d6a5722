"""A balancer on loopback: the real agent, with the real HAProxy or nginx."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.balancer.origins import Origin
from tests.ports import free_ports
from tests.waiting import until

TOKEN = "a-token-for-these-tests-only"  # noqa: S105
PATIENCE = 60.0
"""Seconds for one answer, on a machine that does much else."""


def backend(name: str, origins: Sequence[Origin] = (), **more: Any) -> dict[str, Any]:
    """A backend of the model whose members are told."""
    return {
        "name": name,
        "cluster": name,
        "addresses": addresses(origins),
        "protocol": "http",
        "health": {"path": "/health", "interval": 0.5, "timeout": 5, "rise": 1, "fall": 2},
        "retries": {"attempts": 2, "on": ["connect", "empty"]},
        "timeouts": {"connect": 10, "server": 60, "queue": 60, "tunnel": 60},
        "draining": 60,
        **more,
    }


def addresses(origins: Sequence[Origin]) -> list[dict[str, Any]]:
    return [{"name": each.name, "host": "127.0.0.1", "port": each.port} for each in origins]


class Balancer:
    """One replica. `port` serves http; `model` can be changed and written again."""

    def __init__(
        self, driver: str, binary: Path, folder: Path, *backends: Mapping[str, Any], **more: Any
    ) -> None:
        self.driver, self.folder, self._binary = driver, folder, binary
        self.port, self.state_port = free_ports(2)
        self.log = folder / "access.log"
        self.said = folder / "agent.log"
        self.model: dict[str, Any] = {
            "version": 1,
            "name": "test",
            "driver": driver,
            "namespace": "none",
            "draining": 60,
            "splits": {"web": [{"backend": each["name"], "weight": 100} for each in backends]},
            "backends": {each["name"]: dict(each) for each in backends},
            **more,
        }
        self.template = haproxy(self) if driver == "haproxy" else nginx(self)
        self.environment: dict[str, str] = {}
        self._control: dict[str, Any] = {}
        self.process: subprocess.Popen[bytes] | None = None

    def write(self) -> None:
        """Put model and template where the agent reads them."""
        (self.folder / "balancer").mkdir(exist_ok=True)
        self._place(self.folder / "balancer" / "balancer.json", json.dumps(self.model))
        name = "haproxy.cfg" if self.driver == "haproxy" else "nginx.conf"
        self._place(self.folder / "balancer" / name, self.template)

    @staticmethod
    def _place(path: Path, text: str) -> None:
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(text)
        beside.replace(path)

    def start(self, ready: bool = True) -> "Balancer":
        self.write()
        run = self.folder / "run"
        run.mkdir(exist_ok=True)
        (self.folder / "token").write_text(TOKEN)
        environment = {
            **os.environ,
            "ALTO_BALANCER_FOLDER": str(self.folder / "balancer"),
            "ALTO_RUN_FOLDER": str(run),
            "ALTO_TOKEN_FILE": str(self.folder / "token"),
            "ALTO_STATE_FOLDER": str(self.folder / "none"),
            "ALTO_CONTROL_FILE": str(self.folder / "control.json"),
            "ALTO_STATE_LISTEN": f"127.0.0.1:{self.state_port}",
            "POD_NAME": "replica-1",
            "TMPDIR": str(run),
            **self.environment,
        }
        with self.log.open("ab") as log, self.said.open("ab") as said:
            self.process = subprocess.Popen([self._binary], env=environment, stdout=log, stderr=said)
        if ready:
            try:
                until(self.ready, "the balancer is ready", 20)
            except AssertionError as error:
                raise AssertionError(f"{error}:\n{self.said.read_text()[-3000:]}") from None
        return self

    def ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said.read_text()[-3000:]
        try:
            return self._get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def _get(self, path: str, token: str | None = TOKEN) -> httpx.Response:
        headers = {"X-Altostratus-Token": token} if token else {}
        # The certificate is one that the agent made for itself.
        with httpx.Client(verify=False) as client:  # noqa: S501
            return client.get(f"https://127.0.0.1:{self.state_port}{path}", headers=headers, timeout=PATIENCE)

    def ask(self, path: str, token: str | None = TOKEN) -> httpx.Response:
        return self._get(path, token)

    def state(self) -> dict[str, Any]:
        answer = self._get("/v1/state")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def cluster(self, name: str = "web") -> dict[str, Any]:
        found: dict[str, Any] = self.state()["clusters"][name]
        return found

    def counted(self, total: int, name: str = "web") -> bool:
        """Whether its figures have `total` requests. HAProxy drops a log line now and then rather than wait
        for its own lock when processors are scarce."""
        missing = total - int(self.cluster(name)["requests"])
        return 0 <= missing <= (total / 10 + 5 if self.driver == "haproxy" else 0)

    def control(self, **changes: Any) -> None:
        """Change control data; keys stay until they are changed again."""
        self._control.update(changes)
        self._place(self.folder / "control.json", json.dumps(self._control))

    def members(self, name: str, origins: Sequence[Origin]) -> None:
        """Tell who the members of a backend are now."""
        told = dict(self._control.get("addresses", {}))
        self.control(addresses={**told, name: addresses(origins)})

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def lines(self) -> list[dict[str, Any]]:
        """The access log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(240)

    def close(self) -> None:
        """End whatever is still there."""
        if self.process is None:
            return
        pid = 0
        if self.process.poll() is None:
            try:
                pid = int(self.state()["program"]["pid"])
            except (AssertionError, httpx.TransportError):
                pass
            self.process.kill()
            self.process.wait()
        if pid:
            try:
                os.killpg(pid, signal.SIGKILL)  # the program has a group of its own
            except ProcessLookupError:
                pass


def haproxy(balancer: Balancer) -> str:
    """A template as a driver makes it, for one http listener."""
    backends = "\n".join(
        f"""
backend {each["name"]}
    balance {"leastconn" if each.get("algorithm") == "least-connections" else "roundrobin"}
    retries 2
    retry-on conn-failure empty-response
    http-request disable-l7-retry unless {{ method GET HEAD OPTIONS PUT DELETE TRACE }}
    option httpchk GET /health
    # altostratus:backend {each["name"]}
"""
        for each in balancer.model["backends"].values()
    )
    return f"""
global
    maxconn 4000
    # altostratus:global
defaults
    mode http
    timeout connect 10s
    timeout client 60s
    timeout server 60s
    timeout queue 60s
    timeout tunnel 60s
    timeout http-request 60s
    option redispatch 1
# altostratus:sections
frontend http
    bind 127.0.0.1:{balancer.port}
    # altostratus:log
    option forwardfor
    http-request set-var(txn.split) str(web) unless {{ path_beg /nowhere }}
    # altostratus:pick
{backends}
"""


def nginx(balancer: Balancer) -> str:
    """The same for nginx."""
    return f"""
# altostratus:main
events {{
    worker_connections 8192;
}}
http {{
    # altostratus:http
    keepalive_timeout 30s;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{balancer.port} backlog=4096;
        location / {{
            # altostratus:route web
        }}
    }}
}}
"""

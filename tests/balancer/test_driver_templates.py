"""What the drivers write from documents runs as it is: TLS, HTTP/2, PROXY protocol, routes, limits, tcp."""

import http.client
import json
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from blueprints.loader import load_text
from blueprints.workspace import Workspace
from components.load_balancer.drivers.catalogue import driver as driver_named
from components.load_balancer.drivers.driver import Facts
from tests.balancer.origins import Origin
from tests.balancer.rig import PATIENCE, Balancer, addresses, backend
from tests.ports import free_ports
from tests.waiting import until

pytestmark = pytest.mark.engine

Origins = Callable[..., Origin]
Balancers = Callable[..., Balancer]

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, members: {min: 1, max: 4}}
  - {alias: api, cartridge: node, members: {min: 1, max: 4}}
  - {alias: cache, cartridge: redis, members: {min: 1, max: 1}}
loadBalancer: front
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
driver: DRIVER
listeners:
  - {name: http, port: 80}
  - {name: https, port: 443, protocol: https}
  - {name: old, port: 81, redirectTo: https}
  - {name: behind, port: 82, proxyProtocol: true}
  - {name: cache, port: 6379, protocol: tcp, target: cache}
routes:
  - {cluster: web}
  - {cluster: api, path: /api, rewrite: /v2}
health: {path: /health, interval: 500ms, timeout: 5s}
rateLimits: [{per: client, requests: 40, window: 1s}]
algorithm: least-connections
draining: 1s
"""


@pytest.fixture
def front(
    balancer: Balancers, origin: Origins, driver: str, tmp_path: Path
) -> tuple[Balancer, dict[str, int]]:
    """The balancer as the driver writes it, and the port of each listener."""
    documents, findings = load_text(DOCUMENTS.replace("DRIVER", driver), "front.yaml")
    assert not findings, findings
    (planned,) = Workspace(documents).plan("shop").balancers
    facts = Facts("local", 1, {each.name: each.port for each in planned.listeners}, {"https": ["made"]})
    files = dict(driver_named(driver).configuration(planned, facts))
    made = balancer(backend("none"), start=False)
    made.model = json.loads(files["balancer.json"])
    made.model["control"] = ""
    for found in made.model["backends"].values():
        del found["service"]
        found["addresses"] = addresses([origin(found["cluster"], lingers=True)])
    template = files["haproxy.cfg" if driver == "haproxy" else "nginx.conf"]
    names = [each.name for each in planned.listeners]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    for each in planned.listeners:
        for before, after in (("bind :", "bind 127.0.0.1:"), ("listen ", "listen 127.0.0.1:")):
            for end in (" ", "\n", ";"):
                template = template.replace(f"{before}{each.bind}{end}", f"{after}{ports[each.name]}{end}")
    _certificate(tmp_path / "certificates" / "made")
    made.template = template.replace("/etc/altostratus/certificates", str(tmp_path / "certificates"))
    made.start()
    return made, ports


def _certificate(folder: Path) -> None:
    folder.mkdir(parents=True)
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"), "-days", "2"]
    subprocess.run([*command, "-subj", "/CN=shop.example.org"], check=True, capture_output=True)


def test_a_balancer_of_documents(front: tuple[Balancer, dict[str, int]], driver: str) -> None:
    made, ports = front
    _routes(ports)
    _listeners(ports)
    _proxied(made, ports["behind"])
    _stream(made, ports["cache"])
    _left_tunnel(made, ports["http"])
    _limits(made, ports["http"], driver)


def _routes(ports: dict[str, int]) -> None:
    for path, served in (
        ("/", "web\n/\n"),
        ("/api/x?y=1", "api\n/v2/x?y=1\n"),
        ("/apiary", "web\n/apiary\n"),
    ):
        answer = httpx.get(f"http://127.0.0.1:{ports['http']}{path}", timeout=PATIENCE)
        assert answer.status_code == 200
        assert answer.text.startswith(served), answer.text
        assert "x-forwarded-for: 127.0.0.1" in answer.text
        assert "x-forwarded-proto: http" in answer.text


def _listeners(ports: dict[str, int]) -> None:
    url, host = f"http://127.0.0.1:{ports['old']}/a?b=1", {"Host": "shop.example.org:81"}
    moved = httpx.get(url, headers=host, timeout=PATIENCE)
    assert (moved.status_code, moved.headers["location"]) == (308, "https://shop.example.org/a?b=1")
    asked = [
        "curl",
        "-sk",
        "--http2",
        "-w",
        " %{http_version} %{http_code}",
        f"https://127.0.0.1:{ports['https']}/",
    ]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said.startswith("web\n/\n")
    assert said.endswith(" 2 200")
    assert "x-forwarded-proto: https" in said
    old = ssl.create_default_context()
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        pytest.raises((ssl.SSLError, OSError)),
        socket.create_connection(("127.0.0.1", ports["https"])) as plain,
    ):
        old.wrap_socket(plain)


def _receive(connection: socket.socket, words: bytes) -> None:
    """Until these words have come."""
    said = b""
    while words not in said:
        more = connection.recv(4096)
        assert more, said
        said += more


def _proxied(made: Balancer, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(
            b"PROXY TCP4 198.51.100.7 127.0.0.1 5000 82\r\nGET /proxied HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        _receive(connection, b"x-forwarded-for: 198.51.100.7")
    until(lambda: any(line["client"] == "198.51.100.7" for line in made.lines()), "the log has the client")


def _stream(made: Balancer, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(b"GET /through HTTP/1.1\r\nHost: a\r\n\r\n")
        _receive(connection, b"cache\n/through")
        held = {"serving": 1, "queued": 0}
        until(lambda: made.cluster("cache")["inFlight"] == held, "it is in flight")
        told = made.cluster("cache")
        assert told["requests"] == 0
        assert told["members"]["cache"]["state"] == "serving"
    until(lambda: made.cluster("cache")["inFlight"]["serving"] == 0, "it is closed")
    until(lambda: made.cluster("cache")["members"]["cache"]["requests"] == 1, "it is counted when it ends")
    (line,) = until(
        lambda: [each for each in made.lines() if each["protocol"] == "tcp"], "it is in the access log"
    )
    assert (line["member"], line["client"]) == ("cache", "127.0.0.1")


def _left_tunnel(made: Balancer, port: int) -> None:
    """A WebSocket whose client has gone does not hold its member, though that keeps its side open."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(
            b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        _receive(connection, b"HTTP/1.1 101")
        until(lambda: made.cluster("web")["inFlight"]["serving"] == 1, "it is in flight")
    until(lambda: made.cluster("web")["inFlight"]["serving"] == 0, "it is over", 20)


def _limits(made: Balancer, port: int, driver: str) -> None:
    clients = [http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE) for _ in range(200)]
    for each in clients:
        each.connect()
    for each in clients:  # all at once, however slow the machine is
        each.request("GET", "/")
    refused = [answer for each in clients if (answer := each.getresponse()).status == 429]
    for each in clients:
        each.close()
    assert refused, "a client that asks too often is refused"
    url = f"http://127.0.0.1:{port}/"
    until(lambda: httpx.get(url, timeout=PATIENCE).status_code == 200, "it is not shut out")
    assert refused[0].headers["x-altostratus-reason"] == "rate-limit"
    assert int(refused[0].headers["retry-after"]) >= 1
    told = until(lambda: made.state()["refused"]["rate"], "refusals are counted")
    assert told > 0

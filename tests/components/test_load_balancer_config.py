"""The drivers' configurations: equal documents give equal text, and the programs themselves accept it."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from blueprints.balancing.model import Balancer, Rule
from components.load_balancer.certificates import folders
from components.load_balancer.drivers.catalogue import driver
from components.load_balancer.drivers.driver import Facts
from components.load_balancer.drivers.nginx import effective
from components.load_balancer.workload import replicas
from tests.components.conftest import workspace_of
from tests.debian_packages import need

GOLDEN = Path(__file__).parent / "golden"
PORTS = {"http": 30080, "plain": 30081, "https": 30443, "sql": 30306}
DOCUMENTS = """
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
driver: DRIVER
listeners:
  - {name: http, port: 80, redirectTo: https}
  - {name: plain, port: 8080, proxyProtocol: true}
  - {name: https, port: 443, protocol: https, http2: false}
  - {name: sql, port: 3306, protocol: tcp, target: db}
routes:
  - {cluster: web}
  - {cluster: web, path: /a.b, weight: 90}
  - {cluster: search/front, path: /a.b, weight: 10}
  - {cluster: search/front, path: /z, rewrite: /y/q, host: "*.example.com", listeners: [https]}
affinity: {by: cookie, lifetime: 1h}
health: {path: /ok}
retries: {attempts: 3, on: [connect, empty, timeout, "503"]}
rateLimits:
  - {per: client, requests: 5}
  - {per: tenant, requests: 3, window: 2s}
  - {per: total, requests: 100, window: 1m}
clientAddresses: true
maxBody: 1Mi
queue: {memberConnections: 5, length: 7}
---
apiVersion: altostratus/v1
kind: CartridgeGroup
name: pair
cartridges: [{alias: front, cartridge: python, members: {min: 1, max: 4}}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
tenant: acme
loadBalancer: front
cartridges:
  - {alias: web, cartridge: php, members: {min: 1, max: 40}}
  - {alias: db, cartridge: mysql}
groups: [{alias: search, group: pair, instances: {min: 1, max: 3}}]
---
apiVersion: altostratus/v1
kind: DomainMapping
name: guests
application: shop
cluster: search/front
domain: www.example.org
path: /x/
rewrite: /
signup: guest-at-shop
certificate: {certificate: {secret: guest-certificate}, key: {secret: guest-key}}
---
apiVersion: altostratus/v1
kind: Signup
name: guest-at-shop
application: shop
tenant: guest
"""
SIMPLE = """
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
driver: DRIVER
---
apiVersion: altostratus/v1
kind: Application
name: shop
loadBalancer: front
cartridges: [{alias: web, cartridge: php}]
"""


def balancer_of(documents: str, name: str) -> Balancer:
    (found,) = workspace_of(documents.replace("DRIVER", name)).plan("shop").balancers
    return found


def files_of(documents: str, name: str) -> dict[str, str]:
    balancer = balancer_of(documents, name)
    return dict(driver(name).configuration(balancer, Facts("local", 2, PORTS, folders(balancer))))


@pytest.mark.parametrize("name", ["haproxy", "nginx"])
@pytest.mark.parametrize("case", ["full", "simple"])
def test_configurations_are_as_they_were_agreed_on(name: str, case: str) -> None:
    """`ALTO_GOLDEN=write` writes them anew, for a person to read the difference."""
    for file, text in files_of(DOCUMENTS if case == "full" else SIMPLE, name).items():
        golden = GOLDEN / f"{case}-{name}-{file}"
        if os.environ.get("ALTO_GOLDEN") == "write":
            golden.write_text(text)
        assert text == golden.read_text()


def test_what_holds_for_all_replicas_together_is_shared_out_among_them() -> None:
    backend = json.loads(files_of(DOCUMENTS, "haproxy")["balancer.json"])["backends"]["web"]
    assert backend["queue"] == {"memberConnections": 3, "length": 4}
    text = files_of(DOCUMENTS, "haproxy")["haproxy.cfg"]
    assert "sc_gpc0_rate(2,limit-2) ge 50" in text, "100 in a minute are 50 for each of two"
    assert "sc_gpc0_rate(0,limit-0) ge 5" in text, "a client stays with one replica"


def test_no_word_of_a_document_can_end_a_directive() -> None:
    """What patterns let through holds nothing that either program reads as the end of a word."""
    for name, file in (("haproxy", "haproxy.cfg"), ("nginx", "nginx.conf")):
        text = files_of(DOCUMENTS, name)[file]
        assert not re.search(r"[`\x00-\x08]", text)


def test_replicas_grow_with_what_they_front_within_their_range() -> None:
    documents = SIMPLE.replace("DRIVER", "DRIVER\nreplicas: {min: 2, max: 4}")
    balancer = balancer_of(documents, "haproxy")
    assert [replicas(balancer, members) for members in (0, 50, 51, 1000)] == [2, 2, 3, 4]


def test_nginx_gives_a_host_the_rules_for_any_host_where_its_own_do_not_match() -> None:
    def rule(name: str, host: str | None, path: str) -> Rule:
        return Rule(name, host, path, None, "s", "-", ("http",))

    rules = [
        rule("own", "www.example.org", "/x"),
        rule("star", "*.example.org", "/y"),
        rule("deep", None, "/x/deep"),
        rule("any", None, "/"),
    ]
    assert [r.name for r in effective(rules, "www.example.org")] == ["own", "star", "any"]
    assert [r.name for r in effective(rules, "other.example.org")] == ["star", "deep", "any"]
    assert [r.name for r in effective(rules, None)] == ["deep", "any"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("made", "host-www-example-org"):
        (folder / name).mkdir()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", "tls.key", "-out", "tls.crt", "-subj", "/CN=test", "-days", "2"],
            cwd=folder / name, check=True, capture_output=True,
        )  # fmt: skip
    return folder


@pytest.mark.engine
@pytest.mark.parametrize("name", ["haproxy", "nginx"])
def test_the_programs_own_validator_accepts_what_drivers_write(
    name: str, certificates: Path, tmp_path: Path
) -> None:
    need(shutil.which(name), name)
    for case in (DOCUMENTS, SIMPLE):
        files = files_of(case, name)
        text = next(text for file, text in files.items() if file != "balancer.json")
        text = text.replace("/etc/altostratus/certificates", str(certificates))
        path = tmp_path / "template"
        if name == "nginx":
            # A stream names upstreams that the agent makes.
            text = text.partition("\nstream {")[0] + "\n"
            command = ["nginx", "-t", "-p", str(tmp_path), "-c", str(path)]
        else:
            command = ["haproxy", "-c", "-f", str(path)]
        path.write_text(text)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

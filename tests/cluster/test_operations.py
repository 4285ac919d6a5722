"""What an operator does to a running application, under load: scale, go back after an update that fails,
and maintenance. Requests are counted; none may be lost."""

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.applications import deployed
from tests.cluster.load import under_load
from tests.demo import ROOT, Demo
from tests.waiting import until
from toolchain.plugins.kubernetes.pods import condition

pytestmark = pytest.mark.cluster

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Cartridge
name: site
build: {}
security: {user: 10001, group: 10001, readOnlyRoot: true}
mounts: [{volume: scratch, path: /tmp}]
volumes: [{name: scratch, size: 64Mi}]
ports: [{name: http, port: 8080, protocol: http, proxyPort: 80, exposure: node}]
probes: {readiness: {http: {path: /.altostratus/health}, period: 1s}}
files: [{path: /var/www/app/version.txt, content: "good"}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: site, members: {min: 2, max: 4}}
  - {alias: cache, cartridge: site, members: {min: 1, max: 2}}
groups:
  - {alias: search, instances: {min: 1, max: 2}, cartridges: [{alias: engine, cartridge: site}]}
scaling: [{members: [web, cache], ratio: 2:1}]
"""
SITE = ROOT / "blueprints" / "library" / "static"


@dataclass
class Shop:
    """The application deployed, and its documents."""

    demo: Demo
    namespace: str
    name: str
    document: Path

    @property
    def stack(self) -> str:
        return f"app-{self.name}"

    @property
    def config(self) -> Path:
        return ROOT / "stacks" / "config" / f"Pulumi.{self.stack}.yaml"

    def urls(self) -> list[str]:
        """Where `web` answers."""
        known = json.loads(self.demo.run("pulumi", "stack", "output", "--json", "--stack", self.stack).stdout)
        port = known["clusters"]["web"]["nodePorts"]["http"]
        return sorted({f"{url.rsplit(':', 1)[0]}:{port}/version.txt" for url in known["urls"]})

    def clusters(self) -> dict[str, dict[str, object]]:
        """The clusters as `alto status` tells them, by id."""
        report = json.loads(self.demo.alto("status", "--json").stdout)
        mine = next(each for each in report["applications"] if each["name"] == self.name)
        return {each["cluster"]: each for each in mine["clusters"]}


@pytest.fixture(scope="module")
def shop(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("shop")
    for path in SITE.iterdir():
        if path.name != "cartridge.yaml":
            subprocess.run(["cp", "-r", str(path), str(folder)], check=True)
    document = folder / "shop.yaml"
    document.write_text(DOCUMENTS)
    with deployed(demo, "shop", folder) as namespace:
        listing = json.loads(demo.run("pulumi", "stack", "ls", "--json").stdout)
        stack = next(each["name"] for each in listing if each["name"].startswith("app-shop-"))
        yield Shop(demo, namespace, stack.removeprefix("app-"), document)


def answer(url: str) -> tuple[int, str, str | None]:
    """Status, text and Retry-After."""
    try:
        with urllib.request.urlopen(url, timeout=60) as found:  # noqa: S310
            return found.status, found.read().decode(), found.headers["Retry-After"]
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(), error.headers["Retry-After"]


def test_clusters_and_groups_are_scaled_and_what_keeps_a_proportion_follows(shop: Shop) -> None:
    preview = shop.demo.alto("scale", shop.name, "web=4", "search=2", "--preview").stdout
    assert "cache: 1 -> 2 members" in preview
    assert "scale" not in shop.config.read_text(), "a preview writes nothing"
    shop.demo.alto("scale", shop.name, "web=4", "search=2")
    wanted = {"web": 4, "cache": 2, "search.1/engine": 1, "search.2/engine": 1}
    until(
        lambda: {id: each["ready"] for id, each in shop.clusters().items()} == wanted,
        "as many members as asked are ready",
    )
    until(lambda: _states(shop) == {"ready"}, "every cluster is ready")
    refused = shop.demo.alto("scale", shop.name, "web=5", check=False)
    assert refused.returncode == 2
    assert "2 to 4" in refused.stderr


def _states(shop: Shop) -> set[object]:
    return {each["state"] for each in shop.clusters().values()}


def test_an_update_that_fails_is_gone_back_from_and_no_request_sees_it(shop: Shop) -> None:
    good = shop.document.read_text()
    broken = good.replace('"good"', '"broken"').replace("/.altostratus/health", "/.altostratus/none")
    with under_load(shop.urls()) as load:
        shop.document.write_text(broken)
        failing = subprocess.Popen(
            ["pulumi", "up", "--stack", shop.stack, "--yes", "--skip-preview", "--non-interactive"],
            cwd=ROOT,
            env=shop.demo.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: _has_unready(shop), "members of the new version are made, and do not get ready")
        failing.send_signal(signal.SIGINT)
        assert failing.wait(600) != 0
        said = shop.demo.alto("rollback", shop.name).stdout
        assert "stands at revision" in said
        until(lambda: not _has_unready(shop), "only good members are left")
    assert load.answered > 0
    assert not load.failures
    listing = shop.demo.alto("rollback", shop.name, "--list").stdout.splitlines()
    assert "gone back to" in listing[1]
    assert "failed" in listing[2]
    shop.document.write_text(good.replace('"good"', '"better"'))
    forward = shop.demo.up(shop.stack)
    assert "they count again" in forward
    until(lambda: {answer(url)[1] for url in shop.urls()} == {"better"}, "the new version answers")


def _has_unready(shop: Shop) -> bool:
    pods = shop.demo.kubectl("-n", shop.namespace, "get", "pods")["items"]
    return any(
        condition(pod, "Ready").get("status") == "False"
        for pod in pods
        if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    )


def test_maintenance_shows_the_page_and_loses_no_request(shop: Shop, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<h1>we are painting</h1>")
    url = shop.urls()[0]
    with under_load(shop.urls()) as load:
        shop.demo.alto("maintenance", shop.name, "on", "--page", str(page), "--retry-after", "90s")
        page_shown = (503, "<h1>we are painting</h1>", "90")
        until(lambda: answer(url) == page_shown, "the page is there")
        until(lambda: _states(shop) == {"maintenance"}, "every cluster is in maintenance")
        shop.demo.run("kubectl", "-n", shop.namespace, "scale", "deployment", "web", "--replicas=0")
        until(lambda: shop.clusters()["web"]["ready"] == 0, "the members are gone")
        assert "in maintenance" in shop.demo.alto("supervise", shop.name, "--once").stdout
        shop.demo.alto("maintenance", shop.name, "off")
        until(lambda: answer(url)[0] == 200, "members answer")
    assert set(load.failures) == {"http/1.1 503 service temporarily unavailable"}, "only the page may be seen"
    assert "maintenance" not in shop.config.read_text()

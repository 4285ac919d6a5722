"""Load balancers in the stacks: an application's own, and one that a platform's applications share."""

from pathlib import Path

import pulumi
import pytest

from stacks.settings import SettingsError
from tests.components.conftest import DIGEST, NODE_PORT, Engine
from tests.stacks import test_programs
from tests.stacks.test_programs import PLATFORM, run

engine = test_programs.engine
PROGRAMS = {name: f"10.88.0.3:5000/altostratus/balancer-{name}@{DIGEST}" for name in ("haproxy", "nginx")}
EDGE = """
apiVersion: altostratus/v1
kind: LoadBalancer
name: edge
scope: cloud
driver: nginx
"""


def application(name: str, host: str) -> str:
    return f"""
---
apiVersion: altostratus/v1
kind: Application
name: {name}
loadBalancer: edge
cartridges: [{{alias: web, cartridge: php, members: {{min: 1, max: 4}}}}]
---
apiVersion: altostratus/v1
kind: DomainMapping
name: {name}-home
application: {name}
cluster: web
domain: {host}
"""


@pytest.fixture
def blueprint(tmp_path: Path) -> str:
    path = tmp_path / "edge.yaml"
    path.write_text(EDGE + application("shop", "shop.example.org") + application("news", "news.example.org"))
    return str(path)


def test_a_platform_makes_the_balancer_that_its_applications_share(engine: Engine, blueprint: str) -> None:
    wanted = {"document": "edge", "blueprint": blueprint, "applications": ["shop", "news"]}
    made = run(engine, "platform-local", {"platform": {"storage": "cloud", "loadBalancers": [wanted]}})
    edge = made.exports["balancers"]["edge"]
    assert edge["clusters"] == ["shop/web", "news/web"]
    assert edge["urls"] == [f"http://10.88.0.10:{NODE_PORT}"]
    files = made.of("core/v1:ConfigMap")["lb-cloud--edge-config"]["data"]
    assert "server_name shop.example.org;" in files["nginx.conf"]
    assert "altostratus:route news.web" in files["nginx.conf"]
    spaces = {each["metadata"]["name"] for each in made.of("core/v1:Namespace").values()}
    assert "altostratus-balancing" in spaces
    rules = made.of("rbac.authorization.k8s.io/v1:ClusterRole")["altostratus-lb-cloud--edge"]["rules"]
    assert [rule["resources"] for rule in rules] == [["endpointslices"]]


def test_an_application_that_does_not_ask_for_it_is_named(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    other = application("news", "news.example.org").replace("loadBalancer: edge\n", "")
    path.write_text(EDGE + other)
    wanted = {"document": "edge", "blueprint": str(path), "applications": ["news"]}
    with pytest.raises((SettingsError, pulumi.RunError), match="news does not ask for edge"):
        run(engine, "platform-local", {"platform": {"storage": "cloud", "loadBalancers": [wanted]}})


def test_an_application_tells_the_addresses_of_the_balancer_it_shares(engine: Engine, blueprint: str) -> None:
    known = {"edge": {"name": "lb-cloud--edge", "urls": ["http://10.88.0.10:30090"]}}
    engine.stacks["organization/altostratus/platform-local"] = {
        **PLATFORM, "balancerImages": PROGRAMS, "balancers": known,
    }  # fmt: skip
    made = run(engine, "app-shop", {"cloud": "local", "blueprint": blueprint})
    assert made.exports["urls"] == ["http://10.88.0.10:30090"], "members are reached by the balancer only"
    assert made.exports["balancers"] == {"lb-cloud--edge": known["edge"]}
    policies = made.of("networking.k8s.io/v1:NetworkPolicy")
    (allowed,) = policies["shared-balancers"]["spec"]["ingress"]
    assert "altostratus-balancing" in str(allowed)

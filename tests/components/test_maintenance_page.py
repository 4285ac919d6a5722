"""An application in maintenance: which ports lead to the page, and what waits for what."""

import json
from typing import Any

import pulumi
import pytest

from components.application import Application
from components.maintenance_page import NAME, PORT, Maintenance
from components.pods.errors import ApplicationError
from components.pods.template import Images
from components.registry_login import RegistryLogin
from tests.components.conftest import Engine, plan_of

SHOP = """
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
security: {user: 33, group: 33}
ports:
  - {name: http, port: 8000, protocol: http, proxyPort: 80, exposure: node}
  - {name: admin, port: 9000, protocol: http}
  - {name: tls, port: 8443, protocol: https, exposure: node}
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{alias: web, cartridge: site}]
"""
SERVICE = "core/v1:Service"
DEPLOYMENT = "apps/v1:Deployment"


def deploy(
    maintenance: Maintenance | None, image: str | None = "registry/page@sha256:1", documents: str = SHOP
) -> Engine:
    def program() -> None:
        Application(
            plan_of(documents),
            Images({}, page=image, balancers={"haproxy": "registry/haproxy@sha256:1"}),
            RegistryLogin("10.88.0.3:5000", "altostratus", pulumi.Output.secret("pass"), "PEM"),
            node_addresses=["10.88.0.11"],
            kubeconfig="",
            maintenance=maintenance,
        )

    return Engine().run(program)


def spec(engine: Engine, name: str) -> dict[str, Any]:
    return engine.of(SERVICE)[name]["spec"]  # type: ignore[no-any-return]


def test_public_web_ports_lead_to_the_page_and_all_others_stay() -> None:
    usual, resting = deploy(None), deploy(Maintenance("<h1>later</h1>", 90))
    page = resting.of(DEPLOYMENT)[NAME]["spec"]
    public = spec(resting, "web-http")
    assert public["selector"] == page["selector"]["matchLabels"]
    assert public["ports"][0]["targetPort"] == PORT
    assert public["ports"][0]["port"] == spec(usual, "web-http")["ports"][0]["port"]
    for name in ("web-admin", "web-tls"):
        assert spec(resting, name) == spec(usual, name)
    assert resting.of(DEPLOYMENT)["web"] == usual.of(DEPLOYMENT)["web"], "members stay as they are"
    assert NAME not in usual.of(DEPLOYMENT)


def test_the_page_says_what_is_asked_and_nothing_may_write_in_it() -> None:
    engine = deploy(Maintenance("<h1>later</h1>", 90))
    data = engine.of("core/v1:ConfigMap")[NAME]["data"]
    assert data["page.html"] == "<h1>later</h1>"
    assert "Retry-After 90 always" in data["retry.conf"]
    security = engine.of(DEPLOYMENT)[NAME]["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert security["readOnlyRootFilesystem"]
    assert security["runAsNonRoot"]


def test_the_plain_page_names_the_application() -> None:
    assert (
        "shop is in maintenance"
        in deploy(Maintenance(None, 120)).of("core/v1:ConfigMap")[NAME]["data"]["page.html"]
    )


def test_without_the_image_of_the_page_it_is_refused_in_words() -> None:
    with pytest.raises(ApplicationError, match="image of the page"):
        deploy(Maintenance(None, 120), image=None)


def test_an_own_load_balancer_keeps_its_address_and_leads_to_the_page() -> None:
    documents = SHOP.replace("name: shop\n", "name: shop\nloadBalancer: front\n") + (
        "---\napiVersion: altostratus/v1\nkind: LoadBalancer\nname: front\n"
        'retries: {attempts: 2, on: [connect, "503"]}\nhealth: {path: /}\n'
    )
    usual, resting = deploy(None, documents=documents), deploy(Maintenance(None, 90), documents=documents)
    name = "lb--application"
    assert spec(resting, name) == spec(usual, name)
    page = resting.of(DEPLOYMENT)[NAME]["spec"]["selector"]["matchLabels"]
    assert spec(resting, NAME)["selector"] == page
    model, before = (
        json.loads(engine.of("core/v1:ConfigMap")[f"{name}-config"]["data"]["balancer.json"])
        for engine in (resting, usual)
    )
    assert set(model["splits"]) == set(before["splits"])
    assert {part["backend"] for parts in model["splits"].values() for part in parts} == {NAME}
    (backend,) = model["backends"].values()
    assert backend["service"]["name"] == NAME
    assert backend["retries"]["on"] == ["connect"], "a 503 of the page is what is wanted"
    assert backend["health"]["path"] == "/.altostratus/health"
    replicas = [engine.of(DEPLOYMENT)[name]["spec"]["replicas"] for engine in (resting, usual)]
    assert replicas[0] == replicas[1]

"""Stacks of an application whose data stays at home: what the home makes for others, and a copy of it."""

from pathlib import Path
from typing import Any

import pulumi
import pytest

from stacks.settings import SettingsError
from tests.components.conftest import DIGEST, NODE_PORT, Engine, is_secret, plain
from tests.stacks.test_programs import HOSTS, PLATFORM, engine, run

__all__ = ["engine"]

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
placement: places
cartridges:
  - {alias: web, cartridge: php, members: {min: 2, max: 4}}
  - {alias: db, cartridge: mysql}
startup: [[db, web]]
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: places
networkPartitions: [one, two]
burst: {data: home}
---
{apiVersion: altostratus/v1, kind: NetworkPartition, name: one, cloud: local, partitions: [{name: all}]}
---
{apiVersion: altostratus/v1, kind: NetworkPartition, name: two, cloud: away, partitions: [{name: all}]}
"""
BALANCER = f"10.88.0.3:5000/altostratus/balancer-haproxy@{DIGEST}"
LINK = {
    "keys": {"authority": "CA", "gateway": "GATEWAY-PEM", "link": "LINK-PEM"},
    "passwords": {"db-password": "the-homes-password"},
}
PORTS = {"alive": 31000, "db:mysql": 31001, "db:mysql:primary": 31002}


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Engine:
    (tmp_path / "shop.yaml").write_text(SHOP)
    images = {name: f"10.88.0.3:5000/cartridges/{name}@{DIGEST}" for name in ("php", "mysql")}
    platform = {**PLATFORM, "images": images, "balancerImages": {"haproxy": BALANCER}}
    for cloud, reach in (("local", ["10.88.0.10", "10.88.0.11"]), ("away", ["10.88.0.240"])):
        engine.stacks[f"organization/altostratus/hosts-{cloud}"] = {**HOSTS, "reach": reach}
        engine.stacks[f"organization/altostratus/platform-{cloud}"] = platform
    gateway = {"addresses": ["10.88.0.10", "10.88.0.11"], "ports": PORTS}
    engine.stacks["organization/altostratus/app-shop"] = {"link": LINK, "gateway": gateway}
    return engine


def home(shop: Engine, tmp_path: Path, **more: Any) -> Engine:
    return run(shop, "app-shop", {"cloud": "local", "blueprint": str(tmp_path / "shop.yaml"), **more})


def copy(shop: Engine, tmp_path: Path, **more: Any) -> Engine:
    values = {"blueprint": str(tmp_path / "shop.yaml"), "clusters": ["web"], **more}
    return run(shop, "app-shop--away", values)


def test_a_home_lets_others_in_to_its_data_and_to_nothing_else(shop: Engine, tmp_path: Path) -> None:
    home(shop, tmp_path)
    assert shop.exports["gateway"] == {
        "addresses": ["10.88.0.10", "10.88.0.11"],
        "ports": dict.fromkeys(PORTS, NODE_PORT),
    }
    configuration = shop.of("v1:ConfigMap")["altostratus-gateway"]["data"]["haproxy.cfg"]
    binds = [line for line in configuration.splitlines() if line.startswith("  bind ")]
    assert len(binds) == len(PORTS) + 1
    assert all("verify required" in line for line in binds if ":8404" not in line)
    assert "web-" not in configuration
    assert is_secret(shop.exports["link"])
    assert "db-password" in plain(shop.exports["link"])["passwords"]


def test_both_ends_are_restricted_and_their_keys_are_secrets(shop: Engine, tmp_path: Path) -> None:
    home(shop, tmp_path)
    secret = shop.one("v1:Secret", "altostratus-gateway")
    assert is_secret(secret.inputs["stringData"])
    pod = shop.of("apps/v1:Deployment")["altostratus-gateway"]["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    security = pod["containers"][0]["securityContext"]
    assert (security["readOnlyRootFilesystem"], security["runAsNonRoot"]) == (True, True)
    assert security["capabilities"] == {"drop": ["ALL"]}
    ingress = shop.of("v1:NetworkPolicy")["altostratus-gateway"]["spec"]["ingress"]
    assert {each["port"] for each in ingress[0]["ports"]} == {9999, 10000, 10001}
    usages = {name: each["usages"] for name, each in shop.of("pki:Certificate").items()}
    assert usages == {"shop-link-gateway": ["server"], "shop-link-link": ["client"]}


def test_a_copy_has_its_clusters_only_and_finds_the_rest_under_its_names(
    shop: Engine, tmp_path: Path
) -> None:
    copy(shop, tmp_path)
    assert set(shop.of("apps/v1:Deployment")) == {"web", "altostratus-link"}
    assert not shop.of("apps/v1:StatefulSet")
    services = shop.of("v1:Service")
    assert services["db-mysql"]["spec"]["selector"]["app.kubernetes.io/name"] == "altostratus-link"
    assert services["db-mysql"]["spec"]["ports"][0]["port"] == 3306
    configuration = shop.of("v1:ConfigMap")["altostratus-link"]["data"]["haproxy.cfg"]
    for address in ("10.88.0.10:31001", "10.88.0.11:31001"):
        assert address in configuration
    assert "verifyhost gateway.shop.altostratus.internal" in configuration
    assert shop.exports["members"] == {"web": 2}
    assert "link" not in shop.exports


def test_a_copy_uses_its_homes_passwords(shop: Engine, tmp_path: Path) -> None:
    copy(shop, tmp_path)
    assert not shop.of("kept:Password")
    given = shop.one("v1:Secret", "web-secrets").inputs["stringData"]
    assert is_secret(given)
    assert "the-homes-password" in plain(given).values()


def test_members_wait_until_their_home_is_reached(shop: Engine, tmp_path: Path) -> None:
    copy(shop, tmp_path)
    link = shop.one("apps/v1:Deployment", "altostratus-link")
    web = shop.one("apps/v1:Deployment", "web")
    cluster = shop.one("altostratus:application:Cluster", "web")
    assert link.urn in web.dependencies | cluster.dependencies


def test_a_home_that_lets_nobody_in_is_to_be_updated_first(shop: Engine, tmp_path: Path) -> None:
    gateway = {"addresses": ["10.88.0.10"], "ports": {"alive": 31000}}
    shop.stacks["organization/altostratus/app-shop"]["gateway"] = gateway
    with pytest.raises(pulumi.RunError, match=r"does not let in db:mysql"):
        copy(shop, tmp_path)


def test_without_data_to_reach_there_is_no_gateway(shop: Engine, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(path.read_text().replace("data: home", "data: refuse"))
    home(shop, tmp_path)
    assert shop.exports["gateway"] == {}
    assert not shop.of("pki:CertificateAuthority")


def test_a_copy_by_hand_is_let_in_as_well(shop: Engine, tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(path.read_text().replace("data: home", "data: refuse"))
    (tmp_path / "Pulumi.app-shop--away.yaml").write_text("config: {'altostratus:clusters': [web]}\n")
    home(shop, tmp_path)
    assert set(shop.exports["gateway"]["ports"]) == set(PORTS)


def test_a_home_has_everything(shop: Engine, tmp_path: Path) -> None:
    with pytest.raises((SettingsError, pulumi.RunError), match="is for copies"):
        home(shop, tmp_path, clusters=["web"])


def beside(shop: Engine, tmp_path: Path, **scale: Any) -> Engine:
    """Members of web beside the home, which are behind a gateway of their own."""
    (tmp_path / "Pulumi.app-shop.yaml").write_text("config: {'altostratus:cloud': local}\n")
    path = tmp_path / "shop.yaml"
    path.write_text(path.read_text().replace("burst: {data: home}\n", ""))
    return copy(shop, tmp_path, scale={"clusters": {"web": 1}, "overflow": True, **scale})


def test_members_beside_the_home_are_let_out_here_and_led_to_from_there(shop: Engine, tmp_path: Path) -> None:
    beside(shop, tmp_path)
    assert shop.exports["members"] == {"web": 1}, "the documents' minimum is the home's"
    assert set(shop.exports["gateway"]["ports"]) == {"alive", "web:http"}
    assert set(shop.exports["links"]) == {"web:http"}
    assert set(shop.of("apps/v1:Deployment")) == {
        "web",
        "altostratus-gateway",
        "altostratus-link",
        "altostratus-link-away",
    }
    assert shop.of("v1:Service")["web-http--away"]["spec"]["ports"][0]["port"] == 80
    assert "nodePort" not in shop.of("v1:Service")["web-http"]["spec"]["ports"][0]
    here = shop.one("apps/v1:Deployment", "altostratus-link-away")
    assert set(shop.of("providers:kubernetes")) == {"away", "local-home"}
    assert here.inputs["metadata"]["labels"]["altostratus.dev/link"] == "away"
    assert not shop.of("pki:CertificateAuthority"), "the home's, as they use its data"


def test_members_beside_the_home_that_use_nothing_of_it_have_keys_of_their_own(
    shop: Engine, tmp_path: Path
) -> None:
    (tmp_path / "shop.yaml").write_text(
        (tmp_path / "shop.yaml").read_text().replace("startup: [[db, web]]\n", "")
    )
    shop.stacks["organization/altostratus/app-shop"] = {}
    beside(shop, tmp_path)
    assert len(shop.of("pki:CertificateAuthority")) == 1
    assert set(shop.exports["links"]) == {"web:http"}
    assert "link" not in shop.exports

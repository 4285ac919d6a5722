"""What outlives an application, and what must not be deleted."""

from typing import Any

import pytest

from blueprints.scale import ScaleState
from components.application import KEPT_SECRET
from tests.components.conftest import Engine, is_secret, plain, plan_of
from tests.components.test_application import SECRET, SERVICE, STATEFUL_SET, deploy

STORE = """
apiVersion: altostratus/v1
kind: Cartridge
name: store
image: registry.example.org/store:1
category: data
ports: [{{name: sql, port: 3306}}]
persistence: [{{name: data, path: /var/lib/store, size: 1Gi{data}}}]
draining: {{command: [/bin/store, --flush]}}
exports: {{host: {{value: "${{host}}"}}, password: {{generate: {{length: 20}}}}}}
---
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{{alias: web, cartridge: site}}]
groups:
  - alias: shard
    instances: {{min: 0, max: 3}}
    cartridges: [{{alias: db, cartridge: store}}]
startup: [[shard, web]]
"""


def made(data: str = "", instances: int = 1) -> Engine:
    scale = ScaleState(groups={"shard": instances})
    return deploy(Engine(), plan_of(STORE.format(data=data), scale=scale))


@pytest.fixture(scope="module")
def kept() -> Engine:
    return made()


def test_a_namespace_with_data_and_its_passwords_stay_when_the_application_goes(kept: Engine) -> None:
    assert kept.one("core/v1:Namespace", "app-shop").retain
    secret = kept.one(SECRET, KEPT_SECRET)
    assert secret.retain
    assert is_secret(secret.inputs["stringData"])
    others = [each for each in kept.registered if each.retain]
    assert len(others) == 2, "everything else goes"


def test_a_password_is_looked_for_where_it_is_kept(kept: Engine) -> None:
    (password,) = kept.of("altostratus:kept:Password").values()
    assert password["namespace"] == "app-shop"
    assert password["secret"] == kept.one(SECRET, KEPT_SECRET).inputs["metadata"]["name"]
    assert set(plain(kept.one(SECRET, KEPT_SECRET).inputs["stringData"])) == {password["key"]}
    registered = next(each for each in kept.registered if each.type == "altostratus:kept:Password")
    assert is_secret(registered.inputs["kubeconfig"])


def test_data_that_is_not_kept_holds_nothing_back() -> None:
    engine = made(", retain: false")
    assert not [each.name for each in engine.registered if each.retain]
    claims = engine.of(STATEFUL_SET)["shard-1--db"]["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert claims == {"whenScaled": "Retain", "whenDeleted": "Delete"}


def test_protected_data_protects_what_it_would_go_with() -> None:
    engine = made(", protect: true")
    assert {each.name for each in engine.registered if each.protect} == {"app-shop", "shard-1--db"}


@pytest.mark.parametrize("instances", [0, 1, 3])
def test_copies_are_reached_at_one_address_whatever_their_number(instances: int) -> None:
    engine = made(instances=instances)
    service = engine.of(SERVICE)["shard-all--db-sql"]["spec"]
    web = variables(engine)
    assert web["SHARD_DB_HOST"]["value"] == "shard-all--db-sql.app-shop.svc.cluster.local"
    assert set(web) == set(variables(made(instances=2)))
    assert len(engine.of("altostratus:kept:Password")) == 1, "copies share their passwords"
    for name, each in engine.of(STATEFUL_SET).items():
        labels = each["spec"]["template"]["metadata"]["labels"]
        assert service["selector"].items() <= labels.items(), name


def test_a_members_own_leaving_begins_when_no_more_requests_come(kept: Engine) -> None:
    (container,) = kept.of(STATEFUL_SET)["shard-1--db"]["spec"]["template"]["spec"]["containers"]
    command = container["lifecycle"]["preStop"]["exec"]["command"]
    assert command == ["/bin/sh", "-c", 'sleep 5; exec "$@"', "sh", "/bin/store", "--flush"]


def variables(engine: Engine) -> dict[str, Any]:
    (web,) = engine.of("apps/v1:Deployment")["web"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each for each in web["env"]}

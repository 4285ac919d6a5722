"""What a copy whose data follows home's is made of, and what stays of that once it is the home."""

from typing import Any

import pulumi

from blueprints.following import following, home_id
from blueprints.passages import passages
from blueprints.plan import Data, Plan
from blueprints.workspace import Workspace
from components.application import KEPT_SECRET, Application
from components.cloud_link.ends import Ends, LedIn
from components.registry_login import RegistryLogin
from tests.components.conftest import Engine, plain, workspace_of
from tests.components.test_application import IMAGES, SECRET, SERVICE, STATEFUL_SET

STORE = """
apiVersion: altostratus/v1
kind: Cartridge
name: store
image: registry.example.org/store:1
category: data
ports: [{name: sql, port: 3306}]
persistence: [{name: data, path: /var/lib/store, size: 1Gi}]
environment: {PASSWORD: {export: password}}
replication:
  {position: [x], reached: [x], readOnly: [x], writable: [x], promote: [x]}
exports: {primary: {value: "${primary}"}, password: {generate: {length: 20}, private: true}}
---
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{alias: web, cartridge: site}, {alias: db, cartridge: store}]
startup: [[db, web]]
"""
PRIMARY = "db-sql-primary"


def plan(data: Data | None) -> Plan:
    workspace: Workspace = workspace_of(STORE)
    whole = workspace.plan("shop", copy="away")
    return whole if data is None else following(whole, data)


def made(data: Data | None) -> Engine:
    asked = plan(data)

    def program() -> None:
        Application(
            asked,
            IMAGES,
            RegistryLogin("10.88.0.3:5000", "altostratus", pulumi.Output.secret("pass"), "PEM"),
            node_addresses=["10.88.0.11"],
            kubeconfig="KUBECONFIG",
            ends=_ends(asked) if data == "follows" else None,
        )

    return Engine().run(program)


def _ends(asked: Plan) -> Ends:
    way = {"addresses": ["192.0.2.1"], "ports": {"alive": 30001, "db:sql": 30002}}
    return Ends(
        "haproxy@sha256:0",
        handed=pulumi.Output.secret({"gateway": "G", "link": "L", "authority": "A"}),
        led_in=LedIn(passages(asked.remote.values()), way),
        passwords=pulumi.Output.secret({"db-password": "of home"}),
    )


def store(engine: Engine) -> dict[str, Any]:
    (found,) = engine.of(STATEFUL_SET)["db"]["spec"]["template"]["spec"]["containers"]
    return {each["name"]: each for each in found["env"]}


def test_who_takes_writes_is_at_home_until_the_copy_is_promoted() -> None:
    follows, promoted = made("follows"), made("promoted")
    proxy = follows.of(SERVICE)["db-sql-home"]["spec"]
    leads = follows.of(SERVICE)[PRIMARY]["spec"]
    assert leads["selector"] == proxy["selector"]
    assert leads["ports"][0]["targetPort"] == proxy["ports"][0]["targetPort"]
    assert leads["ports"][0]["port"] == 3306
    own = promoted.of(SERVICE)[PRIMARY]["spec"]
    members = promoted.of(STATEFUL_SET)["db"]["spec"]["template"]["metadata"]["labels"]
    assert own["selector"].items() <= members.items()
    assert own["ports"][0]["targetPort"] == 3306
    assert "db-sql-home" not in promoted.of(SERVICE)
    assert own == made(None).of(SERVICE)[PRIMARY]["spec"], "at home it is the same"


def test_the_promotion_restarts_nobody() -> None:
    follows, promoted = (
        made(data).of(STATEFUL_SET)["db"]["spec"]["template"] for data in ("follows", "promoted")
    )
    for each in (follows, promoted):
        each["metadata"]["annotations"].pop("altostratus.dev/secrets-checksum")  # of another password here
    assert follows == promoted
    told = store(made("follows"))["ALTO_REPLICATE_FROM"]["value"]
    assert told == "db-sql-home.app-shop.svc.cluster.local:3306"
    assert "ALTO_REPLICATE_FROM" not in store(made(None))


def test_passwords_are_homes_and_are_kept_where_the_promoted_finds_them() -> None:
    engine = made("follows")
    assert not engine.of("altostratus:kept:Password")
    assert plain(engine.one(SECRET, KEPT_SECRET).inputs["stringData"]) == {"db-password": "of home"}
    (password,) = made("promoted").of("altostratus:kept:Password").values()
    assert (password["secret"], password["key"]) == (KEPT_SECRET, "db-password")


def test_a_copy_that_follows_goes_whole_and_one_that_is_promoted_keeps_its_data() -> None:
    assert not [each.name for each in made("follows").registered if each.retain]
    assert {each.name for each in made("promoted").registered if each.retain} == {"app-shop", KEPT_SECRET}


def test_home_is_reached_by_the_key_that_its_gateway_knows() -> None:
    (passage,) = passages(plan("follows").remote.values())
    assert (passage.key, passage.service) == ("db:sql", "db-sql-home")
    assert list(plan("follows").remote) == [home_id("db")]

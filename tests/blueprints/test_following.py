"""Copies whose data follows that at home."""

import pytest

from blueprints.following import data_clusters, followers, following, home_id, unfit
from blueprints.plan import Data, Plan
from tests.blueprints.workbench import workspace_of

REPLICATION = """\
replication:
  {port: sql, position: [x], reached: [x], readOnly: [x], writable: [x], promote: [x]}
"""
STORE = (
    """
kind: Cartridge
name: store
image: a
ports: [{name: admin, port: 80}, {name: sql, port: 3306, proxyPort: 13306}]
persistence: [{name: d, path: /d, size: 5Gi, protect: true}]
exports:
  host: {value: "${host:sql}"}
  primary-host: {value: "${primary}"}
  password: {generate: {length: 20}}
"""
    + REPLICATION
)
SHOP = """
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, uses: [{from: db}]}
  - {alias: db, cartridge: store}
"""


def shop(text: str = SHOP) -> Plan:
    workspace, findings = workspace_of(STORE, text)
    assert not [each for each in findings if each.severity == "error"]
    return workspace.plan("shop", copy="away")


@pytest.mark.parametrize("data", ["follows", "promoted"])
def test_members_are_told_the_same_whether_they_follow_or_did(data: Data) -> None:
    plan = following(shop(), data)
    assert followers(plan).keys() == {"db"}
    assert plan.clusters["db"].follows == "db-sql-home.app-shop.svc.cluster.local:13306"
    assert plan.clusters["web"] == shop().clusters["web"]
    assert plan.generated == shop().generated


def test_data_that_follows_goes_with_its_copy_and_stays_once_promoted() -> None:
    (kept,) = following(shop(), "follows").clusters["db"].persistence
    assert (kept.retain, kept.protect) == (False, False)
    (kept,) = following(shop(), "promoted").clusters["db"].persistence
    assert (kept.retain, kept.protect) == (True, True)


def test_home_is_remote_under_a_name_of_its_own() -> None:
    remote = following(shop(), "follows").remote[home_id("db")]
    (port,) = remote.ports
    assert (port.service, port.service_port, port.port) == ("db-sql-home", 13306, 3306)
    assert port.host == "db-sql-home.app-shop.svc.cluster.local"
    assert following(shop(), "promoted").remote == {}


def test_whoever_takes_writes_has_a_name_of_its_own() -> None:
    admin, sql = shop().clusters["db"].ports
    assert admin.primary == ""
    assert sql.primary_host == "db-sql-primary.app-shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (SHOP.replace("cartridge: store", "cartridge: store, members: {min: 1, max: 2}"), "several members"),
        (
            "kind: Application\nname: shop\n"
            "groups: [{alias: g, instances: {min: 1, max: 2}, cartridges: [{alias: db, cartridge: store}]}]",
            "a group",
        ),
    ],
)
def test_what_cannot_be_followed_is_named(text: str, why: str) -> None:
    plan = shop(text)
    (found,) = unfit(plan).items()
    assert found[0] in data_clusters(plan)
    assert why in found[1]


def test_a_cartridge_that_does_not_say_how_cannot_be_followed() -> None:
    plain = STORE.replace(REPLICATION, "").replace("${primary}", "${host:sql}")
    workspace, _ = workspace_of(plain, SHOP)
    assert unfit(workspace.plan("shop")) == {"db": "its cartridge store declares no replication"}
    assert unfit(shop()) == {}

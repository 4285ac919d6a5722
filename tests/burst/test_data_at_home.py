"""A copy of an application with data: what it has of it, and where it would split the data."""

import pytest

from autoscaler.burst.data import part_of_copy, refusal
from blueprints.composition import ComposedLevel
from blueprints.plan import Plan
from blueprints.workspace import Workspace
from tests.components.conftest import workspace_of

STORE = """
apiVersion: altostratus/v1
kind: Cartridge
name: store
image: registry.example.org/store:1
category: data
ports: [{name: sql, port: 3306}]
persistence: [{name: data, path: /var/lib/store, size: 1Gi}]
exports: {host: {value: "${host}"}}
---
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
ports: [{name: http, port: 8080, protocol: http, exposure: node}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: site}
  - {alias: db, cartridge: store}
startup: [[db, web]]
"""


def shop(*changes: tuple[str, str]) -> tuple[Plan, ComposedLevel]:
    text = STORE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    workspace: Workspace = workspace_of(text)
    return workspace.plan("shop"), workspace.compose("shop")


def test_the_data_stays_and_the_rest_is_copied() -> None:
    plan, root = shop()
    assert not refusal(plan, root, "home")
    assert part_of_copy(plan, root, "home") == ("web",)
    assert part_of_copy(plan, root, "replicate") is None


def test_without_data_a_copy_has_everything() -> None:
    plan, root = shop(("persistence: [{name: data, path: /var/lib/store, size: 1Gi}]\n", ""))
    assert part_of_copy(plan, root, "home") is None
    assert not refusal(plan, root, "refuse")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("exposure: node}]\n", "exposure: node}]\npersistence: [{name: d, path: /d, size: 1Gi}]\n"),
         "nothing that a copy could have"),
        (("{name: sql, port: 3306}", "{name: sql, port: 3306, protocol: udp}"), "links carry tcp only"),
        (("cartridge: site}", "cartridge: site, environment: {DB: db-0.db.app-shop.svc}}"),
         "web uses members of db by their own host names (DB)"),
        (("{name: sql, port: 3306}", "{name: sql, port: 3306, exposure: node}"), ""),
    ],
)  # fmt: skip
def test_what_would_split_the_data_is_refused_with_the_reason(change: tuple[str, str], why: str) -> None:
    said = refusal(*shop(change), "home")
    assert why in said
    assert bool(said) == bool(why)


def test_a_copy_that_clients_cannot_come_to_is_no_help() -> None:
    shown = ("ports: [{name: sql, port: 3306}]", "ports: [{name: sql, port: 3306, exposure: node}]")
    hidden = ("protocol: http, exposure: node", "protocol: http")
    assert "what its clients come to (db)" in refusal(*shop(shown, hidden), "home")

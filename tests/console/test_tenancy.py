"""A tenant's clouds, where a person asks for another one by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from console import bursting, migration
from console.building import before_update
from console.errors import BadInput
from tests.blueprints.workbench import HEADER

DOCUMENTS = f"""
{HEADER}kind: Tenant
name: acme
clouds: [home]
---
{HEADER}kind: NetworkPartition
name: home
cloud: local
partitions: [{{name: a}}]
---
{HEADER}kind: NetworkPartition
name: rented
cloud: away
partitions: [{{name: a}}]
---
{HEADER}kind: Application
name: shop
tenant: acme
cartridges: [{{alias: web, cartridge: php}}]
"""
REFUSED = (
    "shop may not run in the cloud {}: its tenant acme may use home, which is in local\n"
    "  Choose one of those, or add {} to them (`clouds` of the tenant)."
)


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    made = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    (tmp_path / "shop.yaml").write_text(DOCUMENTS)
    for stack in ("app-shop", "platform-local", "platform-away"):
        path = made.state_path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('{"checkpoint": {"latest": {}}}')
    _home(made, "local")
    for module in (bursting, migration):
        monkeypatch.setattr(module, "pulumi", lambda: made)
    return made


def _home(cli: Pulumi, cloud: str) -> None:
    values = {"cloud": cloud, "blueprint": "shop.yaml", "application": "shop"}
    path = cli.config_path("app-shop")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("config:\n" + "".join(f"  altostratus:{key}: {value}\n" for key, value in values.items()))


def _refused(do: Callable[[], object], cloud: str, network: str) -> None:
    with pytest.raises(BadInput) as refused:
        do()
    assert str(refused.value) == REFUSED.format(cloud, network)
    assert refused.value.exit_code == 2


def test_a_copy_and_a_move_by_hand_are_refused_before_anything_is_made(cli: Pulumi) -> None:
    before = sorted(each.name for each in cli.root.rglob("*"))
    _refused(lambda: bursting.burst("shop", "away", end=False, forget=False), "away", "rented")
    _refused(lambda: migration.migrate("shop", "away"), "away", "rented")
    assert sorted(each.name for each in cli.root.rglob("*")) == before


def test_half_edited_documents_refuse_by_what_can_be_read_of_them(cli: Pulumi) -> None:
    (cli.root / "shop.yaml").write_text(DOCUMENTS + "---\nkind: Half")
    _refused(lambda: migration.migrate("shop", "moon"), "moon", "a network partition of moon")


def test_an_update_of_a_home_in_such_a_cloud_is_refused(cli: Pulumi) -> None:
    _home(cli, "away")
    _refused(lambda: before_update(cli, "app-shop"), "away", "rented")


@pytest.mark.parametrize("clouds", ["[home, rented]", "[]"])
def test_where_the_tenant_may_run_nothing_is_refused(cli: Pulumi, clouds: str) -> None:
    (cli.root / "shop.yaml").write_text(DOCUMENTS.replace("clouds: [home]", f"clouds: {clouds}"))
    _home(cli, "away")
    # It goes on to what it needs beside that: the image, which nobody builds here.
    with pytest.raises(OSError, match="nonexistent"):
        before_update(cli, "app-shop")


def test_the_end_of_a_copy_is_never_refused(cli: Pulumi, capsys: pytest.CaptureFixture[str]) -> None:
    bursting.burst("shop", "away", end=True, forget=False)
    assert "nothing of a copy is in away" in capsys.readouterr().out

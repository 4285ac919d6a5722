"""A copy's secrets with the real CLI: carried without being opened, whichever key their stack has."""

import json
import subprocess
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from autoscaler.burst import making
from autoscaler.burst.records import Move, Records
from autoscaler.burst.work import Work
from tests.act import light_project
from tests.burst.light_clouds import SHOP, Land

pytestmark = pytest.mark.engine

COPY = "app-shop--away"
SECRET = "altostratus:secrets"  # noqa: S105


def pulumi(cli: Pulumi, *arguments: str, given: str | None = None) -> str:
    done = subprocess.run(
        [str(cli.binary), *arguments, "--non-interactive"],
        cwd=cli.root,
        env=dict(cli.environment),
        input=given,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def opened(cli: Pulumi, stack: str) -> Any:
    values = json.loads(pulumi(cli, "config", "--stack", stack, "--show-secrets", "--json"))
    return json.loads(values[SECRET]["value"])


@pytest.mark.parametrize("own_key", [False, True], ids=["home's key", "key of its own"])
def test_a_copy_has_the_homes_secrets_and_nothing_plain_is_written(tmp_path: Path, own_key: bool) -> None:
    cli = light_project.make(tmp_path / "project")
    (cli.root / "apps").mkdir()
    database = "  - {alias: db, cartridge: page}\n"
    (cli.root / "apps" / "shop.yaml").write_text(SHOP + database)
    pulumi(
        cli,
        "config",
        "set",
        "--stack",
        "app-shop",
        "--secret",
        "--path",
        f"{SECRET}.token",
        given="swordfish",
    )
    if own_key:
        pulumi(cli, "stack", "init", COPY, "--no-select")
    (tmp_path / "land").mkdir()
    world = replace(Land(tmp_path / "land").moves().world, cli=cli)
    records = Records(tmp_path / "moves")
    work = Work(Move("shop", "burst", "away", "local", 0.0), world, records, print, threading.Event())
    making.config(work)
    assert opened(cli, COPY) == {"token": "swordfish"}
    sealed = [read(cli.config_path(stack))[SECRET]["token"]["secure"] for stack in ("app-shop", COPY)]
    assert (sealed[0] == sealed[1]) is not own_key
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"swordfish" not in path.read_bytes(), path
    before = cli.config_path(COPY).read_bytes()
    making.config(work)
    assert own_key or cli.config_path(COPY).read_bytes() == before


def test_a_renamed_stack_keeps_what_it_made_and_can_be_updated(tmp_path: Path) -> None:
    cli = light_project.make(tmp_path / "project")
    cli.up("app-shop")
    cli.rename("app-shop", "app-store")
    assert cli.stacks() == ["app-store"]
    assert cli.up("app-store").changes == {"same": 4}
    assert [
        each for each in cli.state.rglob("*app-shop*") if each.is_file() and "locks" not in each.parts
    ] == []

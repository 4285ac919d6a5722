"""How doors are told where the balancer does not answer, and where a stack's config is what is told."""

import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act import stack_config
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.update_errors import UpdateError
from autoscaler.burst import front_steering
from autoscaler.burst.front_door import FrontDoor, FrontDoorUnreachable
from autoscaler.burst.front_shares import Told
from autoscaler.burst.front_steering import FileSteering
from blueprints.balancing.front import CONTROL, TOLD
from tests.ports import free_ports

HOME, AWAY = [("10.0.0.1", 80)], [("10.1.0.1", 80)]
AUTHORITY = ""


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileSteering:
    """The steering of a door that does not run."""
    monkeypatch.setattr(front_steering, "IN_FORCE_SECONDS", 0.2)
    monkeypatch.setattr(ssl, "create_default_context", lambda cadata: False)
    (port,) = free_ports(1)
    return FileSteering(tmp_path, f"https://127.0.0.1:{port}", "token", AUTHORITY, "front-shop")


def test_what_a_door_is_told_while_it_is_down_is_kept_for_its_start(
    down: FileSteering, tmp_path: Path
) -> None:
    with pytest.raises(FrontDoorUnreachable, match="front-shop does not answer"):
        down.put({"local": HOME})
    with pytest.raises(FrontDoorUnreachable, match="kept for its next start"):
        down.share({"local": 40})
    told = Told.read((tmp_path / TOLD).read_text())
    assert told.clouds["local"].weight == 40
    assert json.loads((tmp_path / CONTROL).read_text()) == told.control()


def test_a_door_of_this_machine_takes_no_names(down: FileSteering, tmp_path: Path) -> None:
    with pytest.raises(FrontDoorUnreachable, match=r"by IP address only, not by lb\.example\.net"):
        down.put({"local": HOME, "away": [("lb.example.net", 80)]})
    assert not (tmp_path / TOLD).exists()


def test_a_killed_writer_leaves_no_half_and_the_next_puts_it_right(
    down: FileSteering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = front_steering._place

    def killed(path: Path, text: str) -> None:
        if path.name == "control.json":
            raise KeyboardInterrupt
        place(path, text)

    monkeypatch.setattr(front_steering, "_place", killed)
    with pytest.raises(KeyboardInterrupt):
        down.put({"local": HOME})
    assert not (tmp_path / CONTROL).exists()
    monkeypatch.setattr(front_steering, "_place", place)
    with pytest.raises(FrontDoorUnreachable):
        down.share({"local": 7})
    assert json.loads((tmp_path / CONTROL).read_text())["weights"]["front"]["place-1"] == 7


def test_a_spoilt_file_is_named_with_the_way_out(down: FileSteering, tmp_path: Path) -> None:
    (tmp_path / TOLD).parent.mkdir()
    (tmp_path / TOLD).write_text("{")
    with pytest.raises(FrontDoorUnreachable, match=r"(?s)front\.json.*alto front shop"):
        down.share({"local": 1})


class Cli(Pulumi):
    """The config file, and updates that are counted."""

    def exists(self, stack: str) -> bool:
        return stack == "front-shop"

    def deployment(self, stack: str) -> dict[str, Any]:
        outputs = {"steering": "config", "urls": ["http://shop.example.org"], "settles": 50.0}
        return {"resources": [{"type": "pulumi:pulumi:Stack", "outputs": outputs}]}

    def up(self, stack: str, *arguments: str, **more: Any) -> Any:
        assert arguments == ("--refresh=false",)
        updates.append(stack_config.read(self.config_path(stack))["altostratus:clouds"])
        if len(updates) > 3:
            raise UpdateError("it failed")


updates: list[Mapping[str, Any]] = []


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    updates.clear()
    (tmp_path / "stacks" / "config").mkdir(parents=True)
    return Cli(tmp_path, tmp_path / "pulumi", tmp_path / "state", tmp_path / "logs", {})


def test_a_door_that_follows_its_config_takes_one_update_for_each_change(cli: Cli) -> None:
    door = FrontDoor.of(cli, "shop")
    assert door is not None
    door.put({"local": HOME, "away": AWAY})
    door.share({"local": 300, "away": 100})
    door.share({"away": 100})
    assert len(updates) == 2
    assert updates[-1]["away"] == {"place": "place-2", "weight": 100, "addresses": [["10.1.0.1", 80]]}
    state = door.state()
    assert {name: each.share for name, each in state.clouds.items()} == {"local": 0.75, "away": 0.25}
    assert (state.counted, state.settles) == (False, 50.0)
    door.put({"local": HOME})
    assert list(updates[-1]) == ["local"]
    with pytest.raises(FrontDoorUnreachable, match="was not updated: it failed"):
        door.share({"local": 1})


@pytest.mark.parametrize("failure", [UpdateError("it failed"), KeyboardInterrupt()], ids=["failed", "killed"])
def test_an_update_that_did_not_end_well_is_made_again(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise failure

    door = FrontDoor.of(cli, "shop")
    assert door is not None
    door.put({"local": HOME, "away": AWAY})
    door.share({"local": 50, "away": 50})
    with monkeypatch.context() as broken:
        broken.setattr(Cli, "up", fail)
        with pytest.raises((FrontDoorUnreachable, KeyboardInterrupt)):
            door.share({"away": 0})
    door.share({"away": 0})
    assert (len(updates), updates[-1]["away"]["weight"]) == (3, 0)
    door.share({"away": 0})
    assert len(updates) == 3
    updates.clear()
    with monkeypatch.context() as broken:
        broken.setattr(Cli, "up", fail)
        with pytest.raises((FrontDoorUnreachable, KeyboardInterrupt)):
            door.put({"local": HOME})
    assert list(door.state().clouds) == ["local", "away"], "it may stand behind the door still"
    door.share({"local": 50, "away": 0})
    door.put({"local": HOME})
    assert list(updates[-1]) == ["local"]
    assert list(door.state().clouds) == ["local"]
    assert "altostratus:before" not in stack_config.read(cli.config_path("front-shop"))


def test_an_application_without_a_door_has_none(cli: Cli) -> None:
    assert FrontDoor.of(cli, "other") is None


def test_a_door_of_another_machine_is_told_so(cli: Cli) -> None:
    outputs = {"steering": "file", "folder": "/nowhere/at/all"}
    with pytest.raises(FrontDoorUnreachable, match="another machine's"):
        front_steering.of(cli, "front-shop", outputs)

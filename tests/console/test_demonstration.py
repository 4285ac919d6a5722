"""What the demo writes down and takes away, without a cluster."""

from pathlib import Path

import pytest
import yaml

from autoscaler.act.pulumi_cli import Pulumi
from console import subnets
from console.demonstration import start
from console.demonstration_clouds import DemoCloud, hosts_config
from console.demonstration_end import note_second, second_of, stacks_of
from console.errors import BadInput
from toolchain import paths


def test_every_trace_is_its_stacks_with_copies_before_the_clouds_they_stand_on() -> None:
    present = [
        "app-hello", "app-hello--away", "app-hello2", "front-hello", "hosts-away", "hosts-local",
        "hosts-other", "images-hello--away", "platform-away", "platform-local",
    ]  # fmt: skip
    assert stacks_of(present, ["local", "away"], "hello") == [
        "front-hello", "app-hello--away", "app-hello", "images-hello--away",
        "platform-away", "hosts-away", "platform-local", "hosts-local",
    ]  # fmt: skip


def test_the_end_knows_the_second_cloud_without_being_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTO_HOME", str(tmp_path))
    assert second_of("local") is None
    note_second("local", "yonder")
    assert second_of("local") == "yonder"
    assert paths.home() == tmp_path


def test_a_second_cloud_has_ranges_that_no_cloud_here_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subnets, "free_here", lambda: subnets.Network("10.88.24.0/24"))
    cli = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    folder = cli.config_path("any").parent
    folder.mkdir(parents=True)
    (folder / "Pulumi.hosts-local.yaml").write_text("config:\n  altostratus:hosts: {driver: docker}\n")
    (folder / "Pulumi.hosts-east.yaml").write_text("config:\n  altostratus:hosts: {podCidr: 10.245.0.0/16}\n")
    text = hosts_config(cli, DemoCloud("away", 1, beside="local"))
    settings = yaml.safe_load(text)["config"]["altostratus:hosts"]
    assert (settings["podCidr"], settings["serviceCidr"]) == ("10.246.0.0/16", "10.97.0.0/16")
    assert settings["hosts"] == 1
    assert settings["joins"] == {"alto-local": "10.88.0.240"}
    assert text.count("  # ") >= 2


def test_a_third_cloud_joins_the_first_ones_network_at_other_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subnets, "free_here", lambda: subnets.Network("10.88.32.0/24"))
    cli = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    folder = cli.config_path("any").parent
    folder.mkdir(parents=True)
    (folder / "Pulumi.hosts-local.yaml").write_text(
        "config:\n  altostratus:hosts: {driver: docker, subnet: 10.88.16.0/24}\n"
    )
    (folder / "Pulumi.hosts-away.yaml").write_text(
        "config:\n  altostratus:hosts: {joins: {alto-local: 10.88.16.240}}\n"
    )
    (folder / "Pulumi.hosts-mine.yaml").write_text("config:\n  altostratus:hosts: {driver: existing}\n")
    settings = yaml.safe_load(hosts_config(cli, DemoCloud("third", 1, beside="local")))["config"]
    assert settings["altostratus:hosts"]["joins"] == {"alto-local": "10.88.16.224"}
    settings = yaml.safe_load(hosts_config(cli, DemoCloud("third", 1, beside="mine")))["config"]
    assert settings["altostratus:hosts"]["joins"] == {}


def test_two_clouds_of_one_name_are_refused() -> None:
    with pytest.raises(BadInput, match="both clouds are named 'local'"):
        start("local", "hello", 3, "local")

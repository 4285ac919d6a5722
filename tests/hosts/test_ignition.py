"""Hosts' documents through the real butane and ignition-validate."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from components.hosts.host_files import HostFile, host_files
from components.hosts.ignition import ButaneError, butane_document, ignition_config, units
from tests.hosts.clusters import materials, topology
from toolchain import install


@pytest.fixture(scope="module")
def tools() -> dict[str, Path]:
    return install.ensure(["butane", "ignition-validate"])


@pytest.mark.engine
@pytest.mark.parametrize(
    ("hosts", "control_planes", "number"), [(1, 1, 1), (2, 1, 2), (3, 1, 1), (3, 3, 3), (5, 3, 2), (5, 1, 5)]
)
def test_every_combination_of_roles_becomes_a_valid_ignition_config(
    tools: dict[str, Path], hosts: int, control_planes: int, number: int
) -> None:
    cloud = topology(hosts=hosts, control_planes=control_planes)
    files = host_files(cloud, cloud.hosts[number - 1], materials(cloud))
    config = json.loads(ignition_config(butane_document(files), tools["butane"], tools["ignition-validate"]))
    assert config["ignition"]["version"] == "3.3.0"
    written = {file["path"]: file["mode"] for file in config["storage"]["files"]}
    assert written == {path: file.mode for path, file in files.items()}
    assert [unit["name"] for unit in config["systemd"]["units"]] == [unit.name for unit in units()]
    assert all(unit["enabled"] for unit in config["systemd"]["units"])


@pytest.mark.engine
def test_contents_survive_the_way_through_the_document(tools: dict[str, Path]) -> None:
    awkward = 'a: "b" <c> & ${d} {{ e }} %f\n\ttab \\ back\n# ä\n'
    document = butane_document({"/etc/x": HostFile(awkward, 0o600)})
    config = json.loads(ignition_config(document, tools["butane"], tools["ignition-validate"]))
    source = config["storage"]["files"][0]["contents"]["source"]
    with urlopen(source) as stream:  # noqa: S310
        assert stream.read().decode() == awkward


@pytest.mark.engine
def test_a_refusal_tells_butanes_message_and_the_line(tools: dict[str, Path]) -> None:
    document = butane_document({"/etc/x": HostFile("x")}).replace("overwrite: true", "overwrit: true", 1)
    with pytest.raises(ButaneError) as caught:
        ignition_config(document, tools["butane"], tools["ignition-validate"])
    told = str(caught.value)
    assert "butane refuses the host's document" in told
    assert "overwrit" in told
    line = next(
        number for number, text in enumerate(document.splitlines(), start=1) if "overwrit: true" in text
    )
    assert f"line {line}" in told


def test_a_tool_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ButaneError, match="butane cannot be started: No such file"):
        ignition_config("variant: fcos", tmp_path / "butane", tmp_path / "ignition-validate")


def test_a_refusal_never_shows_a_private_key(tmp_path: Path) -> None:
    butane = tmp_path / "butane"
    butane.write_text("#!/bin/sh\ncat > /dev/null\necho 'error at line 2 and line 3' >&2\nexit 1\n")
    butane.chmod(0o755)
    with pytest.raises(ButaneError) as caught:
        ignition_config("variant: fcos\ninline: -----BEGIN PRIVATE KEY-----\nmode: 12\n", butane, butane)
    assert "line 3: mode: 12" in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)

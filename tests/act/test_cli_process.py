"""Whatever a CLI prints and whoever reads it, its process comes to an end and is told about."""

import json
import sys
from pathlib import Path

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.update_errors import UpdateError


def cli(folder: Path, program: str) -> Pulumi:
    """A CLI that is this program."""
    binary = folder / "pulumi"
    binary.write_text(f"#!{sys.executable}\nimport os, signal, sys\n{program}")
    binary.chmod(0o755)
    return Pulumi(folder, binary, folder / "state", folder / "logs", {})


def test_output_that_is_no_text_is_no_failure(tmp_path: Path) -> None:
    said: list[str] = []
    made = cli(tmp_path, "sys.stdout.buffer.write(b'caf\\xe9\\nResources:\\n    + 3 created\\n')")
    assert made.up("app-shop", listen=said.append).changes == {"create": 3}
    assert said[0] == "caf\ufffd"
    assert "caf\ufffd" in (tmp_path / "logs" / "app-shop.log").read_text()


def test_an_update_that_nobody_reads_any_more_is_ended_in_order(tmp_path: Path) -> None:
    program = """\
signal.signal(signal.SIGINT, lambda *_: (open("ended", "w").close(), os._exit(1)))
while True:
    print("a line" * 1000)
"""

    def listen(line: str) -> None:
        raise BrokenPipeError("whoever read it has gone")

    with pytest.raises(BrokenPipeError):
        cli(tmp_path, program).up("app-shop", listen=listen)
    assert (tmp_path / "ended").exists()


def test_a_cli_that_ends_before_it_has_read_says_why_itself(tmp_path: Path) -> None:
    program = """\
if "export" in sys.argv:
    print('{"deployment": {"padding": "' + "x" * 1_000_000 + '"}}')
else:
    sys.exit("error: the backend is away")
"""
    made = cli(tmp_path, program)
    resource = {"urn": "urn:pulumi:app-shop::altostratus::test:index:Thing::a"}
    left = {"pending_operations": [{"resource": resource}]}
    made.state_path("app-shop").parent.mkdir(parents=True)
    made.state_path("app-shop").write_text(json.dumps({"checkpoint": {"latest": left}}))
    with pytest.raises(UpdateError, match="the backend is away"):
        made.recover("app-shop")

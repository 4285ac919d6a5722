"""Every update goes through one door: the real CLI on a project without clouds."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.act import processes, stack_lock
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.update_errors import StackConflict, UpdateError, WrongPassphrase
from tests.waiting import until
from toolchain import install, paths, plugin_install

pytestmark = pytest.mark.engine

PROGRAM = """\
import os, pathlib, pulumi

class Thing(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("test:index:Thing", name)
        self.register_outputs({})

config = pulumi.Config("altostratus")
if config.get_bool("fail"):
    raise pulumi.RunError("the shop is closed")
for number in range(config.get_int("things") or 1):
    Thing(f"thing-{number}")
gate = config.get("gate")
if gate:
    # Held open until the test has done what it came for.
    pathlib.Path(gate, "reached").touch()
    with open(pathlib.Path(gate, "pipe")) as pipe:
        pipe.read()
pulumi.export("word", pulumi.Output.secret("swordfish"))
"""


@pytest.fixture
def cli(tmp_path: Path) -> Pulumi:
    """A project of two files, a state and a passphrase of its own."""
    binary = install.locate("pulumi")
    assert binary is not None, "the pulumi CLI is not installed: ./alto toolchain install"
    (tmp_path / "stacks" / "config").mkdir(parents=True)
    (tmp_path / "stacks" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "Pulumi.yaml").write_text(
        "name: altostratus\nmain: stacks/\nstackConfigDir: stacks/config\n"
        f"runtime: {{name: python, options: {{virtualenv: {paths.root() / '.venv'}}}}}\n"
    )
    (tmp_path / "passphrase").write_text("open sesame\n")
    (tmp_path / "state").mkdir()
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / plugin_install.LANGUAGE_HOST).symlink_to(plugin_install.language_host().path)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    environment = {
        **inherited,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": (tmp_path / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Pulumi(tmp_path, binary, tmp_path / "state", tmp_path / "logs", environment)
    made.init("app-shop")
    return made


def test_an_update_counts_what_it_did_and_a_second_does_nothing(cli: Pulumi) -> None:
    cli.configure("app-shop", {"altostratus:things": 3})
    assert cli.up("app-shop").changes["create"] == 4
    record = stack_lock.record_path(cli.state, PROJECT, "app-shop")
    assert not record.exists(), "what has freed its lock leaves no record"
    again = cli.up("app-shop")
    assert not again.changed
    assert cli.stacks() == ["app-shop"]
    assert cli.outputs("app-shop") == {"word": "swordfish"}
    assert "swordfish" not in cli.state_path("app-shop").read_text()
    assert "swordfish" not in (cli.logs / "app-shop.log").read_text()


def test_a_wrong_passphrase_is_told_as_one_and_loses_nothing(cli: Pulumi) -> None:
    cli.up("app-shop")
    before = cli.state_path("app-shop").read_bytes()
    (cli.root / "passphrase").write_text("open barley\n")
    with pytest.raises(WrongPassphrase, match="put back the one") as refused:
        cli.up("app-shop")
    assert refused.value.exit_code == 2
    assert cli.state_path("app-shop").read_bytes() == before
    (cli.root / "passphrase").write_text("open sesame\n")
    assert not cli.up("app-shop").changed


def test_a_failing_program_is_explained_without_a_traceback(cli: Pulumi) -> None:
    cli.configure("app-shop", {"altostratus:fail": "true"})
    with pytest.raises(UpdateError, match="the shop is closed") as failed:
        cli.up("app-shop")
    assert "Traceback" not in str(failed.value)
    cli.configure("app-shop", {"altostratus:fail": None})
    assert cli.up("app-shop").changed


def close_gate(cli: Pulumi, gate: Path) -> Path:
    """From now on programs say that they have come to it, and wait there."""
    gate.mkdir()
    os.mkfifo(gate / "pipe")
    cli.configure("app-shop", {"altostratus:gate": str(gate)})
    return gate


def hold(cli: Pulumi, gate: Path) -> "subprocess.Popen[str]":
    """An update of somebody else's that has begun and does not end by itself."""
    close_gate(cli, gate)
    process = subprocess.Popen(
        [str(cli.binary), "up", "--stack", "app-shop", "--yes", "--skip-preview", "--non-interactive"],
        cwd=cli.root,
        env=dict(cli.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    until((gate / "reached").exists, "the update's program runs")
    return process


def test_the_lock_of_a_living_update_is_respected(cli: Pulumi, tmp_path: Path) -> None:
    process = hold(cli, tmp_path / "gate")
    try:
        with pytest.raises(StackConflict, match=f"process {process.pid}") as refused:
            cli.recover("app-shop")
        assert refused.value.exit_code == 3
        with pytest.raises(StackConflict):
            cli.up("app-shop")
        with (tmp_path / "gate" / "pipe").open("w"):
            pass
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert cli.recover("app-shop") == []


def test_a_killed_update_of_a_pod_that_had_another_name_is_known_by_its_record(
    cli: Pulumi, tmp_path: Path
) -> None:
    gate = close_gate(cli, tmp_path / "gate")
    process = again_elsewhere(cli)
    try:
        until((gate / "reached").exists, "the update's program runs")
        (lock,) = stack_lock.locks(cli.state, PROJECT, "app-shop")
        until(lambda: lock.path.name in lock.record.read_text(), "the lock is on record")
        about = json.loads(lock.path.read_text())
        lock.path.write_text(json.dumps({**about, "hostname": "autoscaler-5d4f-xk2p"}))
        process.kill()
        process.wait()
        with pytest.raises(StackConflict, match="autoscaler-5d4f-xk2p"):
            cli.recover("app-shop")  # its CLI lives on
    finally:
        process.kill()
        process.wait()
        os.killpg(lock.pid, signal.SIGKILL)
    cli.configure("app-shop", {"altostratus:gate": None})

    def recovered() -> list[str]:
        try:
            return cli.recover("app-shop")
        except StackConflict:
            return []  # the last of its processes is still at its end

    assert "autoscaler-5d4f-xk2p" in until(recovered, "the lock is released")[0]
    assert cli.up("app-shop").changed


def test_an_update_is_ended_in_order_when_the_right_to_it_is_lost(cli: Pulumi, tmp_path: Path) -> None:
    gate = close_gate(cli, tmp_path / "gate")
    losing = replace(cli, held=lambda: not (gate / "reached").exists())
    with pytest.raises(UpdateError):
        losing.up("app-shop")
    assert not list(stack_lock.locks(cli.state, PROJECT, "app-shop"))


@pytest.mark.skipif(
    not processes._sees_every_process(), reason="from inside a container process ids prove nothing"
)
def test_after_a_kill_the_next_update_goes_through(cli: Pulumi, tmp_path: Path) -> None:
    process = hold(cli, tmp_path / "gate")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    cli.configure("app-shop", {"altostratus:gate": None})
    with pytest.raises(StackConflict):
        cli.up("app-shop")
    assert any(f"process {process.pid}" in line for line in cli.recover("app-shop"))
    assert cli.up("app-shop").changed
    assert cli.recover("app-shop") == []


def test_an_interrupt_ends_the_update_in_order(cli: Pulumi, tmp_path: Path) -> None:
    gate = close_gate(cli, tmp_path / "gate")
    process = again_elsewhere(cli)
    until((gate / "reached").exists, "the update's program runs")
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # the program may be gone, and nobody reads any more
        os.close(os.open(gate / "pipe", os.O_WRONLY | os.O_NONBLOCK))
    assert process.wait(timeout=300) != 0
    cli.configure("app-shop", {"altostratus:gate": None})
    assert cli.recover("app-shop") == [], "the interrupted update left its lock"
    cli.up("app-shop")


def again_elsewhere(cli: Pulumi) -> "subprocess.Popen[bytes]":
    """An update of ours by another process, which takes an interrupt."""
    code = (
        # Whoever started the tests may ignore interrupts, and children inherit that.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from tests.act.test_pulumi_cli import again; "
        f"again({str(cli.root)!r}, {str(cli.binary)!r})"
    )
    return subprocess.Popen([sys.executable, "-c", code], cwd=paths.root(), env=dict(cli.environment))


def again(root: str, binary: str) -> None:
    """The same project's update, in a process that can be interrupted."""
    folder = Path(root)
    Pulumi(folder, Path(binary), folder / "state", folder / "logs", dict(os.environ)).up("app-shop")


def test_stacks_of_one_backend_share_a_key_and_keep_what_people_wrote(cli: Pulumi) -> None:
    cli.up("app-shop")
    cli.config_path("app-blog").write_text("---\n# the blog's\nconfig:\n  altostratus:things: 2\n")
    cli.init("app-blog")
    text = cli.config_path("app-blog").read_text()
    first = next(line for line in cli.config_path("app-shop").read_text().splitlines() if "salt" in line)
    assert first in text.splitlines()
    assert "# the blog's\nconfig:\n  altostratus:things: 2\n" in text
    assert cli.up("app-blog").changes["create"] == 3
    assert cli.outputs("app-blog") == {"word": "swordfish"}

"""Plugins as processes: they start from anywhere, tell their port, and end with whoever started them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until
from toolchain import paths
from toolchain.plugins.language.interpreter import Interpreter, NoInterpreter, find

LAUNCHERS = {
    "language": paths.root() / "toolchain/plugins/language/pulumi-language-python",
    "kubernetes": paths.root() / "toolchain/plugins/kubernetes/pulumi-resource-kubernetes",
}


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_works_through_links_from_any_folder_with_an_odd_path_and_ends_quietly(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "grpc.py").write_text("raise SystemExit('the folder it was started in got in the way')")
    first = tmp_path / "first link"
    first.symlink_to(LAUNCHERS[name])
    (tmp_path / "second").symlink_to("first link")
    process = subprocess.Popen(
        [tmp_path / "second", "127.0.0.1:1"],
        cwd=tmp_path,
        env={"PATH": "/nonexistent:relative", "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert 0 < int(process.stdout.readline()) < 65536
    process.send_signal(signal.SIGINT)
    rest, complaints = process.communicate(timeout=120)
    assert (process.returncode, rest, complaints) == (0, "", "")


def test_a_plugin_ends_when_the_engine_that_started_it_is_killed(tmp_path: Path) -> None:
    engine = tmp_path / "engine.py"
    engine.write_text(
        "import subprocess, sys\n"
        "plugin = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "plugin.stdout.readline()\n"
        "print(plugin.pid, flush=True)\n"
        "plugin.wait()\n"
    )
    command = [sys.executable, str(engine), str(LAUNCHERS["kubernetes"])]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    plugin = int(parent.stdout.readline())
    parent.kill()
    parent.wait(120)
    parent.stdout.close()
    until(lambda: not _runs(plugin), "the plugin has ended", 15)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_a_port_that_is_taken_is_one_line(tmp_path: Path) -> None:
    taken = subprocess.Popen([LAUNCHERS["kubernetes"]], stdout=subprocess.PIPE, text=True)
    assert taken.stdout is not None
    port = taken.stdout.readline().strip()
    second = subprocess.run(
        [LAUNCHERS["kubernetes"], f"--port={port}"], capture_output=True, text=True, check=False, timeout=120
    )
    taken.terminate()
    taken.communicate(timeout=120)
    assert second.returncode == 1
    assert f"127.0.0.1:{port}" in second.stderr
    assert "Traceback" not in second.stderr


def test_the_project_s_virtual_environment_runs_its_program(tmp_path: Path) -> None:
    executable = tmp_path / "env" / "bin" / "python"
    executable.parent.mkdir(parents=True)
    executable.touch()
    found = find(tmp_path, {"virtualenv": "env"})
    assert found == Interpreter(executable, tmp_path / "env")
    variables = found.environment({"PATH": "/usr/bin", "PYTHONHOME": "/old"})
    assert variables == {
        "PATH": f"{executable.parent}{os.pathsep}/usr/bin",
        "VIRTUAL_ENV": str(tmp_path / "env"),
    }
    assert find(tmp_path, {}, default="env").virtualenv == tmp_path / "env"


def test_without_a_virtual_environment_the_python_on_path_runs_it(tmp_path: Path) -> None:
    assert find(tmp_path, {}).virtualenv is None


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"virtualenv": "gone"}, "pulumi install"),
        ({"toolchain": "poetry"}, "pip and uv"),
        ({"toolchain": "uv"}, ".venv"),
    ],
)
def test_a_missing_interpreter_is_named_with_what_to_do(
    options: dict[str, str], hint: str, tmp_path: Path
) -> None:
    with pytest.raises(NoInterpreter, match=hint):
        find(tmp_path, options)

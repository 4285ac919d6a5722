"""`alto` makes its Python environment once, and again when the packages change."""

import hashlib
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.waiting import until
from toolchain import environment, paths

SHELL_PATH = "/usr/bin:/bin"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real launcher; its `environment.py` and Python only say what they were asked."""
    root = tmp_path / "check out"
    (root / "toolchain").mkdir(parents=True)
    shutil.copy2(paths.root() / "alto", root / "alto")
    (root / "requirements.lock").write_text("rich==14.0.0\n")
    (root / "toolchain/environment.py").write_text(
        "import pathlib, sys\n"
        "root = pathlib.Path(sys.argv[1])\n"
        "(root / 'made').open('a').write('x')\n"
        "if (root / 'broken').exists(): sys.exit(1)\n"
        "bin = root / '.venv/bin'\n"
        "bin.mkdir(parents=True, exist_ok=True)\n"
        "(bin / 'python').write_text('#!/bin/sh\\necho \"$@\"\\nexit 7\\n')\n"
        "(bin / 'python').chmod(0o755)\n"
        "lock = (root / 'requirements.lock').read_text()\n"
        "(root / '.venv/.ready').write_text(f'{root}\\n{lock}')\n"
    )
    return root


def alto(
    root: Path, *arguments: str, path: str = f"{Path(sys.executable).parent}:{SHELL_PATH}"
) -> tuple[int, str, str]:
    done = subprocess.run(
        [root / "alto", *arguments],
        env={"PATH": path, "HOME": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def times_made(root: Path) -> int:
    return (root / "made").read_text().count("x")


def test_the_environment_is_made_on_first_use_only_and_the_command_runs_in_it(checkout: Path) -> None:
    assert alto(checkout, "status", "--json") == (7, "-P -m console status --json\n", "")
    assert alto(checkout, "two words")[1] == "-P -m console two words\n"
    assert times_made(checkout) == 1


def test_changed_packages_or_a_moved_checkout_make_it_anew(checkout: Path) -> None:
    alto(checkout)
    (checkout / "requirements.lock").write_text("rich==14.1.0\n")
    alto(checkout)
    assert times_made(checkout) == 2
    moved = checkout.rename(checkout.with_name("moved"))
    alto(moved)
    assert times_made(moved) == 3


def test_the_launcher_works_through_a_link_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "bin"
    link.mkdir()
    (link / "alto").symlink_to(checkout / "alto")
    done = subprocess.run([link / "alto", "demo"], cwd="/", capture_output=True, text=True, check=False)
    assert done.stdout == "-P -m console demo\n"


def test_nothing_runs_when_the_environment_could_not_be_made(checkout: Path) -> None:
    (checkout / "broken").touch()
    assert alto(checkout, "demo") == (1, "", "")


def test_a_machine_without_a_new_enough_python_is_told_what_to_install(
    checkout: Path, tmp_path: Path
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("dirname", "readlink", "cat", "cmp"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    launcher = checkout / "alto"
    launcher.write_text(launcher.read_text().replace(" /usr/bin/python3", ""))
    code, _, said = alto(checkout, path=str(tools))
    assert code == 1
    assert "no Python 3.11 or later was found" in said
    assert "ALTO_PYTHON" in said
    assert not (checkout / "made").exists()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout for the real `environment`, whose slow parts only pretend."""
    (tmp_path / "requirements.lock").write_text("rich==14.0.0 \\\n    --hash=sha256:00\n")

    def create(venv: Path) -> None:
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "lib/python3.11/site-packages").mkdir(parents=True, exist_ok=True)
        (venv / "bin/python").write_text("#!/bin/sh\n")
        (venv / "bin/python").chmod(0o755)

    monkeypatch.setattr(environment, "_create", create)
    monkeypatch.setattr(environment, "_install", lambda *_: None)
    return tmp_path


def test_a_made_environment_knows_the_checkout_and_is_ready(root: Path) -> None:
    assert not environment.is_ready(root)
    environment.make(root)
    assert environment.is_ready(root)
    assert (root / ".venv/lib/python3.11/site-packages/altostratus.pth").read_text() == f"{root}\n"


def test_an_installation_that_fails_leaves_the_environment_unready(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment.make(root)
    (root / "requirements.lock").write_text("rich==14.1.0\n")

    def fail(*_: object) -> None:
        raise environment.EnvironmentFailure("pip could not install the packages")

    monkeypatch.setattr(environment, "_install", fail)
    with pytest.raises(environment.EnvironmentFailure):
        environment.make(root)
    assert not environment.is_ready(root)
    (root / "requirements.lock").write_text("rich==14.0.0 \\\n    --hash=sha256:00\n")
    assert not environment.is_ready(root)


def test_two_runs_at_once_make_it_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    going, go_on = threading.Event(), threading.Event()
    made: list[int] = []
    said: list[str] = []

    def install(*_: object) -> None:
        made.append(1)
        going.set()
        assert go_on.wait(120)

    monkeypatch.setattr(environment, "_install", install)
    monkeypatch.setattr(environment, "_say", said.append)
    runs = [threading.Thread(target=environment.make, args=(root,)) for _ in range(2)]
    runs[0].start()
    assert going.wait(120)
    runs[1].start()
    until(lambda: any(line.startswith("Waiting for another alto") for line in said), "the second to wait")
    go_on.set()
    for run in runs:
        run.join(120)
    assert made == [1]


def test_pips_refusal_is_passed_on_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "requirements.lock").write_text("nothing==1 --hash=sha256:" + hashlib.sha256().hexdigest())
    python = tmp_path / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/bin/sh\necho Collecting nothing\necho 'ERROR: No matching distribution' >&2\nexit 1\n"
    )
    python.chmod(0o755)
    with pytest.raises(
        environment.EnvironmentFailure, match="ERROR: No matching distribution\n  Check the network"
    ):
        environment._install(tmp_path, tmp_path / ".venv")


def test_a_python_without_venv_is_explained_to_a_user_who_cannot_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(environment.EnvironmentFailure, match=r"apt-get install python3\.\d+-venv"):
        environment._install_venv_package()

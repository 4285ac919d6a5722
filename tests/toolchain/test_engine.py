"""A running Docker engine is used, ours is started only where none is, and only ours is stopped."""

import hashlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolchain import debian, dockerd, engine, engine_probe
from toolchain.errors import ToolchainError


def serve(path: Path, body: bytes) -> socket.socket:
    """An engine that knows only its version; it ends when its socket is closed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen()

    def answer() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(4096)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                connection.sendall(head.encode() + body)

    threading.Thread(target=answer, daemon=True).start()
    return server


@pytest.fixture
def running(tmp_path: Path) -> Iterator[str]:
    path = tmp_path / "run/docker.sock"
    server = serve(path, b'{"Version": "28.1.0"}')
    yield f"unix://{path}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture(autouse=True)
def no_default_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever engine this machine runs is none of these tests' business."""
    monkeypatch.setattr(engine_probe, "DEFAULT_SOCKET", tmp_path / "none.sock")
    monkeypatch.setattr(engine_probe, "OTHER_SOCKETS", ())
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)


def test_a_running_engine_is_used_as_it_is(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_probe, "DEFAULT_SOCKET", Path(running.removeprefix("unix://")))
    assert engine.ensure() == engine.Engine(running, False, "28.1.0")
    assert engine.stop() is False


def test_docker_host_says_which_engine_is_meant(running: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", running)
    assert engine.ensure().host == running


def test_the_context_chosen_with_dockers_own_command_is_used(running: str) -> None:
    folder = Path.home() / ".docker"
    meta = folder / "contexts/meta" / hashlib.sha256(b"colima").hexdigest() / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Endpoints": {"docker": {"Host": running}}}))
    (folder / "config.json").write_text('{"currentContext": "colima"}')
    found = engine.find()
    assert found is not None
    assert found.host == running


def test_an_engine_that_was_named_but_does_not_answer_is_not_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/gone.sock")
    with pytest.raises(
        ToolchainError, match=r"no Docker engine answers at DOCKER_HOST=.*gone\.sock.*\n.*unset"
    ):
        engine.ensure()


def test_what_answers_without_a_version_is_no_engine(tmp_path: Path) -> None:
    server = serve(tmp_path / "odd.sock", b"<html>hello</html>")
    answer = engine_probe.probe(f"unix://{tmp_path}/odd.sock")
    assert not answer.ok
    assert answer.problem
    server.close()


def test_a_user_who_may_not_use_the_engine_is_told_how_to_be_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_probe, "candidates", lambda: ["unix:///run/docker.sock"])
    monkeypatch.setattr(
        engine_probe, "probe", lambda host, **_: engine_probe.Answer(host, "", "permission denied")
    )
    with pytest.raises(ToolchainError, match="this user may not use it\n  Add yourself to the group docker"):
        engine.ensure()


def test_a_user_who_is_not_root_is_told_to_start_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ToolchainError, match="only root can start one\n  Start Docker"):
        engine.ensure()


def test_without_docker_on_another_system_than_debian_installing_it_is_left_to_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID="fedora"\nID_LIKE="rhel"\n')
    monkeypatch.setattr(debian, "OS_RELEASE", release)
    monkeypatch.setattr(engine, "_search_path", lambda: ["/nowhere"])
    with pytest.raises(ToolchainError, match=r"this machine is not Debian.*\n  Install a Docker engine"):
        engine.ensure()


def test_on_debian_as_root_docker_is_installed_and_then_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    installed: list[str] = []
    record = dockerd.Record(1, 1, "boot", "unix:///x", "/d", "/e")
    monkeypatch.setattr(engine, "_search_path", lambda: ["/nowhere"])
    monkeypatch.setattr(debian, "can_install", lambda: True)
    monkeypatch.setattr(debian, "install", installed.extend)
    monkeypatch.setattr(dockerd, "start", lambda: record)
    assert engine.ensure(said.append) == engine.Engine("unix:///x", True, "")
    assert installed == ["docker.io", "iptables"]
    assert said == ["installing docker.io, iptables", "starting"]


def test_an_engine_that_ends_at_once_gives_its_own_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin/dockerd"
    broken.parent.mkdir()
    broken.write_text(
        "#!/bin/sh\necho 'time=now level=info msg=hello'\necho 'failed: no iptables' >&2\nexit 1\n"
    )
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:/usr/bin:/bin")
    monkeypatch.setattr(dockerd, "RUN", tmp_path / "run")
    with pytest.raises(
        ToolchainError, match=r"did not start: failed: no iptables\n  Its log is .*dockerd\.log"
    ):
        engine.ensure()
    assert dockerd.recorded() is None


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def remember(process: subprocess.Popen[bytes], tmp_path: Path, **changes: object) -> dockerd.Record:
    record = dockerd.Record(
        pid=process.pid,
        started=dockerd.start_ticks(process.pid) or 0,
        boot=Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        host=f"unix://{tmp_path}/gone.sock",
        data=str(tmp_path / "data"),
        execution=str(tmp_path / "run"),
    )
    record = dockerd.Record(**{**record.__dict__, **changes})
    dockerd.write_record(record)
    return record


def test_the_engine_that_we_started_is_stopped(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record = remember(sleeper, tmp_path)
    assert dockerd.is_ours(record)
    assert engine.stop(force=True) is True
    assert not dockerd.is_ours(record)
    assert dockerd.recorded() is None


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "an earlier one"}])
def test_a_process_that_only_has_the_number_of_our_engine_is_left_alone(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], change: dict[str, object]
) -> None:
    remember(sleeper, tmp_path, **change)
    assert engine.stop(force=True) is False
    assert sleeper.poll() is None


def test_an_engine_on_which_others_run_containers_is_not_stopped(
    tmp_path: Path, sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(sleeper, tmp_path)
    monkeypatch.setattr(engine, "_foreign_containers", lambda host: ["somebodys-database"])
    with pytest.raises(ToolchainError, match=r"containers that are not ours run .*: somebodys-database"):
        engine.stop()
    assert sleeper.poll() is None

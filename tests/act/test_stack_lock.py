"""A lock is released only when its holder is proven gone."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.act import processes, update_record
from autoscaler.act.stack_lock import locks, record_path, release_dead
from tests.waiting import until
from toolchain import paths

IN_A_NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"]
outermost = pytest.mark.skipif(
    not processes._sees_every_process(), reason="from inside a container process ids prove nothing"
)
namespaces = pytest.mark.skipif(
    shutil.which("unshare") is None
    or subprocess.run([*IN_A_NAMESPACE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no pid namespaces may be made here",
)


def _lock(state: Path, pid: int, host: str | None = None, name: str = "a") -> Path:
    folder = state / ".pulumi/locks/organization/altostratus/app-shop"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "pid": pid,
        "username": "op",
        "hostname": host or socket.gethostname(),
        "timestamp": "2026-01-02T03:04:05.678901234Z",  # as Go writes it
    }
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def pulumi(tmp_path: Path) -> Path:
    """A program that is called as Pulumi is."""
    program = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    return program


@outermost
def test_the_lock_of_a_process_that_ended_is_released(tmp_path: Path, dead_pid: int) -> None:
    path = _lock(tmp_path, dead_pid)
    assert [lock.pid for lock in release_dead(tmp_path, "altostratus", "app-shop")] == [dead_pid]
    assert not path.exists()


@outermost
def test_a_pid_that_another_program_got_since_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = _lock(tmp_path, os.getpid())
    assert release_dead(tmp_path, "altostratus", "app-shop")
    assert not path.exists()


@outermost
def test_the_lock_of_a_living_pulumi_stays(tmp_path: Path, pulumi: Path) -> None:
    process = subprocess.Popen([str(pulumi), "60"])
    try:
        # It is run before it has its name.
        until(lambda: Path(f"/proc/{process.pid}/comm").read_text() == "pulumi\n", "it is called Pulumi")
        path = _lock(tmp_path, process.pid)
        assert release_dead(tmp_path, "altostratus", "app-shop") == []
        assert path.exists()
    finally:
        process.kill()
        process.wait()
    assert release_dead(tmp_path, "altostratus", "app-shop")


def test_another_machines_lock_is_never_touched(tmp_path: Path, dead_pid: int) -> None:
    path = _lock(tmp_path, dead_pid, host="elsewhere")
    assert release_dead(tmp_path, "altostratus", "app-shop") == []
    assert path.exists()


@namespaces
@outermost
def test_a_living_pulumi_in_a_container_of_the_same_name_keeps_its_lock(tmp_path: Path, pulumi: Path) -> None:
    # Until it is run, the shell's child is a shell.
    run = f'"{pulumi}" 60 & while kill -0 $! && [ "$(cat /proc/$!/comm)" != pulumi ]; do :; done'
    script = f"{run}; echo $!; wait"
    container = subprocess.Popen(
        [*IN_A_NAMESPACE, "sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert container.stdout is not None
        path = _lock(tmp_path, int(container.stdout.readline()))
        assert release_dead(tmp_path, "altostratus", "app-shop") == []
    finally:
        os.killpg(container.pid, 9)
        container.communicate()
    until(lambda: release_dead(tmp_path, "altostratus", "app-shop"), "the container's processes are gone")
    assert not path.exists()


@namespaces
def test_from_inside_a_container_a_lock_from_outside_is_left_alone(tmp_path: Path, dead_pid: int) -> None:
    path = _lock(tmp_path, dead_pid)
    code = (
        "import sys; from pathlib import Path; from autoscaler.act.stack_lock import release_dead\n"
        "print(release_dead(Path(sys.argv[1]), 'altostratus', 'app-shop'))"
    )
    command = [*IN_A_NAMESPACE, sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(command, cwd=paths.root(), capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
    assert path.exists()


def test_processes_that_are_hidden_from_us_may_be_pulumi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dead_pid: int
) -> None:
    monkeypatch.setattr(processes, "_PROC", tmp_path)
    assert processes.may_be_pulumi(os.getppid()), "it is there, and nothing says what it is"
    assert processes.may_be_pulumi(dead_pid), "a container's may be hidden as well"


@pytest.fixture
def recorded(tmp_path: Path) -> Iterator[tuple[Path, "subprocess.Popen[bytes]"]]:
    """The lock of another Pod's update, which is on record, and the update's process."""
    lock = _lock(tmp_path, 57, host="autoscaler-5d4f-xk2p")
    with update_record.kept(record_path(tmp_path, "altostratus", "app-shop")) as record:
        update = subprocess.Popen(["sleep", "600"], pass_fds=record.descriptors)
        record.write(lock.name)
    yield lock, update
    update.kill()
    update.wait()


def test_the_lock_of_an_update_on_record_is_released_wherever_it_ran_once_it_has_ended(
    tmp_path: Path, recorded: tuple[Path, "subprocess.Popen[bytes]"]
) -> None:
    lock, update = recorded
    assert release_dead(tmp_path, "altostratus", "app-shop") == []
    other = _lock(tmp_path, 57, host="autoscaler-5d4f-xk2p", name="b")
    update.kill()
    update.wait()
    assert [each.path for each in release_dead(tmp_path, "altostratus", "app-shop")] == [lock]
    assert other.exists(), "of the same process id, and not on record"


def test_a_record_on_a_file_system_of_several_machines_counts_only_on_the_one_that_made_it(
    tmp_path: Path, recorded: tuple[Path, "subprocess.Popen[bytes]"], monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, update = recorded
    update.kill()
    update.wait()
    monkeypatch.setattr(update_record, "file_system", lambda path: "nfs4")
    boot = update_record._boot()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(update_record, "_boot", lambda: "another")
        assert release_dead(tmp_path, "altostratus", "app-shop") == []
    assert boot
    assert [each.path for each in release_dead(tmp_path, "altostratus", "app-shop")] == [lock]


def test_a_record_that_was_half_written_proves_nothing(
    tmp_path: Path, recorded: tuple[Path, "subprocess.Popen[bytes]"]
) -> None:
    _, update = recorded
    update.kill()
    update.wait()
    record = record_path(tmp_path, "altostratus", "app-shop")
    whole = record.read_text()
    for text in ("", whole[:-1], "[]", "{}"):
        record.write_text(text)
        assert release_dead(tmp_path, "altostratus", "app-shop") == []


def test_a_file_systems_type_is_that_of_the_mount_a_path_is_on() -> None:
    assert update_record.file_system(Path("/proc/self/status")) == "proc"
    assert update_record.file_system(Path("/")) not in {"", "proc"}


def test_an_unreadable_lock_is_left_for_pulumi_to_report(tmp_path: Path, dead_pid: int) -> None:
    _lock(tmp_path, dead_pid).write_text("{")
    _lock(tmp_path, dead_pid, name="b")
    assert len(list(locks(tmp_path, "altostratus", "app-shop"))) == 1

"""A lock is released only when its holder is proven gone."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.act.stack_lock import locks, release_dead


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


def test_the_lock_of_a_process_that_ended_is_released(tmp_path: Path, dead_pid: int) -> None:
    path = _lock(tmp_path, dead_pid)
    assert [lock.pid for lock in release_dead(tmp_path, "altostratus", "app-shop")] == [dead_pid]
    assert not path.exists()


def test_a_pid_that_another_program_got_since_does_not_keep_the_lock(tmp_path: Path) -> None:
    path = _lock(tmp_path, os.getpid())
    assert release_dead(tmp_path, "altostratus", "app-shop")
    assert not path.exists()


def test_the_lock_of_a_living_pulumi_stays(tmp_path: Path) -> None:
    sleeper = tmp_path / "pulumi"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", sleeper)
    process = subprocess.Popen([str(sleeper), "60"])
    try:
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


def test_an_unreadable_lock_is_left_for_pulumi_to_report(tmp_path: Path, dead_pid: int) -> None:
    _lock(tmp_path, dead_pid).write_text("{")
    _lock(tmp_path, dead_pid, name="b")
    assert len(list(locks(tmp_path, "altostratus", "app-shop"))) == 1

"""A lease is held by one process, ends with it, and outlives it only in the update that it started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.act.lease import FileLeases
from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict
from tests.waiting import until
from toolchain import paths

HOLD = (
    "import subprocess, sys; from pathlib import Path; from autoscaler.act.lease import FileLeases\n"
    "lease = FileLeases(Path(sys.argv[1])).hold('app-shop')\n"
    "update = ['sleep', '600'] if sys.argv[2] == 'update' else ['true']\n"
    "child = subprocess.Popen(update, pass_fds=lease.descriptors, stdin=-3, stdout=-3)\n"
    "sys.argv[2] == 'update' or child.wait()\n"
    "print(child.pid, flush=True); sys.stdin.read()\n"
)


def holder(folder: Path, kind: str) -> "tuple[subprocess.Popen[str], int]":
    """Another process that holds the lease of app-shop; and its update's process id, if it has one."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=paths.root(),
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def test_a_lease_is_taken_once_and_kept(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path)
    lease = leases.hold("app-shop")
    assert leases.hold("app-shop") is lease
    assert lease.held()
    leases.beat()
    assert f'"pid": {os.getpid()}' in (tmp_path / "app-shop.lease").read_text()
    assert (tmp_path / "app-shop.lease").stat().st_mode & 0o777 == 0o600


def test_another_process_is_named_and_a_kill_frees_the_lease_at_once(tmp_path: Path) -> None:
    process, _ = holder(tmp_path, "alone")
    leases = FileLeases(tmp_path)
    try:
        with pytest.raises(NotOurs, match=f"process {process.pid}"):
            leases.hold("app-shop")
        assert leases.hold("app-blog").held(), "the other stack is free"
    finally:
        end(process)
    assert leases.hold("app-shop").held()


def test_a_killed_holders_update_keeps_the_lease_until_it_has_ended(tmp_path: Path) -> None:
    process, update = holder(tmp_path, "update")
    leases = FileLeases(tmp_path)
    try:
        end(process)
        with pytest.raises(StackConflict, match=f"process {process.pid} began"):
            leases.hold("app-shop")
    finally:
        os.kill(update, 9)

    def freed() -> bool:
        try:
            return leases.hold("app-shop").held()
        except StackConflict:
            return False  # the kernel is still at it

    until(freed, "the lease is free")


def test_a_lease_whose_file_was_removed_is_lost(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path)
    lease = leases.hold("app-shop")
    (tmp_path / "app-shop.lease").unlink()
    assert not lease.held()
    assert leases.hold("app-shop").held(), "and is taken anew"


def test_a_released_lease_is_free_for_others(tmp_path: Path) -> None:
    first, second = FileLeases(tmp_path), FileLeases(tmp_path)
    first.hold("app-shop")
    with pytest.raises((NotOurs, StackConflict)):
        second.hold("app-shop")
    first.release("app-shop")
    assert second.hold("app-shop").held()


def test_a_lease_that_nobody_has_any_more_leaves_no_file(tmp_path: Path) -> None:
    leases = FileLeases(tmp_path)
    leases.hold("app-blog")
    lease = leases.hold("app-shop")
    update = subprocess.Popen(["sleep", "600"], pass_fds=lease.descriptors)
    try:
        leases.close()
        assert [path.name for path in tmp_path.iterdir()] == ["app-shop.lease"], "its update still runs"
    finally:
        update.kill()
        update.wait()
    assert leases.hold("app-shop").held()
    leases.close()
    assert list(tmp_path.iterdir()) == []

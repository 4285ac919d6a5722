"""A tool is looked for at a configured path, then on PATH, then in the cache."""

from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain import find, install, paths, pins, store
from toolchain.errors import ToolchainError

Program = Callable[..., Path]
BUTANE = pins.tools()["butane"]
ETCD = pins.tools()["etcd"]


def put_in_cache(pin: pins.Pin, says: str, program: Program) -> None:
    with store.turn(pin), store.staging(pin, "build") as programs:
        for name in pin.names:
            program(programs / name, says)


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "path"
    monkeypatch.setenv("PATH", f"{place}:/usr/bin:/bin")
    return place


def test_a_configured_path_wins_over_path_which_wins_over_the_cache(
    tmp_path: Path, on_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_cache(BUTANE, "Butane 0.25.1", program)
    found = find.locate(BUTANE)
    assert found is not None
    assert found.source == "build"

    there = program(on_path / "butane", "Butane 0.25.1")
    found = find.locate(BUTANE)
    assert found == find.Found({"butane": there}, "0.25.1", "PATH")

    chosen = program(tmp_path / "mine", "Butane 0.26.0")
    monkeypatch.setenv("ALTO_TOOL_BUTANE", str(chosen))
    assert find.locate(BUTANE) == find.Found({"butane": chosen}, "0.26.0", "configured")


def test_a_wrong_version_on_path_is_passed_over_for_a_right_one_further_on(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "old/butane", "Butane 0.24.0")
    right = program(tmp_path / "new/butane", "Butane 0.25.1")
    monkeypatch.setenv("PATH", f"{tmp_path}/old:{tmp_path}/new:/usr/bin:/bin")
    assert install.locate("butane") == right
    right.unlink()
    assert install.locate("butane") is None


def test_a_program_that_fails_when_asked_is_passed_over(on_path: Path, program: Program) -> None:
    program(on_path / "butane", "Butane 0.25.1", code=3)
    assert install.locate("butane") is None


def test_a_tool_of_several_programs_counts_only_when_all_are_there(on_path: Path, program: Program) -> None:
    program(on_path / "etcd", "etcd Version: 3.5.35")
    assert find.locate(ETCD) is None
    program(on_path / "etcdctl", "etcdctl version: 3.5.36")
    found = find.locate(ETCD)
    assert found is not None
    assert set(found.programs) == {"etcd", "etcdctl"}


def test_our_own_links_on_path_do_not_pass_for_the_users_tools(on_path: Path, program: Program) -> None:
    put_in_cache(BUTANE, "Butane 0.25.1", program)
    on_path.mkdir()
    (on_path / "butane").symlink_to(store.directory(BUTANE) / "bin/butane")
    found = find.locate(BUTANE)
    assert found is not None
    assert found.source == "build"


def test_a_program_is_asked_for_its_version_once_until_it_changes(on_path: Path, program: Program) -> None:
    there = program(on_path / "butane", "Butane 0.25.1")
    starts = Path(f"{there}.starts")
    assert install.locate("butane") == install.locate("butane") == there
    assert starts.read_text().count("x") == 1
    program(there, "Butane 0.25.12")
    found = find.locate(BUTANE)
    assert found is not None
    assert found.version == "0.25.12"


@pytest.mark.parametrize(
    ("says", "complaint"),
    [("Butane 0.24.0", "butane there is 0.24.0"), ("hello", "butane there is no known version")],
)
def test_a_configured_program_of_a_wrong_version_is_refused_with_the_version_needed(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch, says: str, complaint: str
) -> None:
    monkeypatch.setenv("ALTO_TOOL_BUTANE", str(program(tmp_path / "mine", says)))
    with pytest.raises(ToolchainError, match=rf"{complaint}\n  0\.25\.1 or later of 0 is needed"):
        find.locate(BUTANE)


def test_a_configured_path_that_leads_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALTO_TOOL_BUTANE", "/nowhere/butane")
    with pytest.raises(ToolchainError, match="ALTO_TOOL_BUTANE sets butane to /nowhere/butane, but"):
        find.locate(BUTANE)
    problems = {status.name: status.problem for status in install.status()}
    assert "ALTO_TOOL_BUTANE" in problems["butane"]
    assert not problems["etcd"]


def test_one_file_cannot_stand_for_a_tool_of_several_programs(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALTO_TOOL_ETCD", str(program(tmp_path / "etcd", "etcd Version: 3.5.35")))
    with pytest.raises(ToolchainError, match="Set it to the folder that holds etcd, etcdctl"):
        find.locate(ETCD)


def test_the_home_folder_may_configure_tools_in_a_file(tmp_path: Path, program: Program) -> None:
    folder = program(tmp_path / "opt/etcd", "etcd Version: 3.5.35").parent
    program(folder / "etcdctl", "etcdctl version: 3.5.35")
    (paths.home() / "tools.yaml").write_text(f"tools:\n  etcd: {folder}\n")
    found = find.locate(ETCD)
    assert found is not None
    assert found.programs["etcdctl"] == folder / "etcdctl"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("tools: {etdc: /opt}", "unknown tools: etdc\n  Known are .*butane"),
        ("tools: [", "cannot be read"),
        ("pulumi: /opt", "must hold `tools:`"),
    ],
)
def test_a_wrong_file_of_settings_is_refused(text: str, complaint: str) -> None:
    (paths.home() / "tools.yaml").write_text(text)
    with pytest.raises(ToolchainError, match=complaint):
        find.locate(ETCD)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ToolchainError, match=r"no tool has a program named kubctl\n  Known are .*kubectl"):
        install.locate("kubctl")

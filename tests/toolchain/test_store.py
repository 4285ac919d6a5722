"""A tool in the cache is whole or not there."""

from pathlib import Path

import pytest

from toolchain import paths, pins, store

BUTANE = pins.tools()["butane"]


def put(content: str = "#!/bin/sh\n") -> None:
    with store.turn(BUTANE), store.staging(BUTANE, "build") as programs:
        (programs / "butane").write_text(content)
        (programs / "butane").chmod(0o755)


def test_what_was_staged_is_found_with_its_source() -> None:
    assert store.find(BUTANE) is None
    put()
    stored = store.find(BUTANE)
    assert stored is not None
    assert stored.source == "build"
    assert stored.programs["butane"].read_text() == "#!/bin/sh\n"


def test_a_staging_that_fails_leaves_nothing() -> None:
    def fail() -> None:
        with store.turn(BUTANE), store.staging(BUTANE, "build") as programs:
            (programs / "butane").write_text("half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    assert list(store.folder().iterdir()) == []


def test_what_a_killed_run_left_is_swept_by_the_next() -> None:
    dead = store.folder() / f".new-{store.directory(BUTANE).name}-dead" / "bin"
    dead.mkdir(parents=True)
    (dead / "butane").write_text("half")
    put()
    assert [place.name for place in store.folder().iterdir()] == [store.directory(BUTANE).name]


@pytest.mark.parametrize("damage", ["shorter", "gone", "no manifest", "not executable"])
def test_a_damaged_tool_does_not_count_and_is_replaced(damage: str) -> None:
    put()
    place = store.directory(BUTANE)
    program = place / "bin/butane"
    match damage:
        case "shorter":
            program.write_text("#!")
        case "gone":
            program.unlink()
        case "no manifest":
            (place / "manifest.json").write_text("{")
        case _:
            program.chmod(0o644)
    assert store.find(BUTANE) is None
    put()
    assert store.find(BUTANE) is not None


def test_the_key_follows_the_modules_files_and_the_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "toolchain/go/butane"
    module.mkdir(parents=True)
    (module / "go.mod").write_text("module one\n")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    first = store.key(BUTANE)
    assert store.key(BUTANE) == first
    (module / "go.sum").write_text("sum\n")
    assert store.key(BUTANE) != first
    (module / "go.sum").unlink()
    (module / "README").write_text("not part of the build\n")
    assert store.key(BUTANE) == first
    assert store.key(pins.tools()["etcd"]) != first

"""A folder of files that a container follows: written whole, put right, taken away."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.plugins_altostratus.test_certificate_resources import PREVIEW, RUN
from toolchain.plugins.altostratus.kept_files import KeptFilesHandler
from toolchain.plugins.protocol import Failure

HANDLER = KeptFilesHandler()


def wanted(folder: Path, **files: str) -> dict[str, Any]:
    given = {path.replace("__", "/"): content for path, content in files.items()}
    return {"folder": str(folder / "door"), "files": given, "owner": os.getuid()}


def contents(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder / "door")): path.read_text()
        for path in (folder / "door").rglob("*")
        if path.is_file()
    }


def test_files_are_there_and_for_their_owner_alone(tmp_path: Path) -> None:
    _, state = HANDLER.create(RUN, wanted(tmp_path, sub__word="secret", a="1"))
    assert contents(tmp_path) == {"sub/word": "secret", "a": "1"}
    for path in (tmp_path / "door").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert (tmp_path / "door").stat().st_mode & 0o077 == 0
    assert state["files"] == {"sub/word": "secret", "a": "1"}


def test_a_preview_writes_nothing(tmp_path: Path) -> None:
    HANDLER.create(PREVIEW, wanted(tmp_path, a="1"))
    HANDLER.update(PREVIEW, "id", {}, {}, wanted(tmp_path, a="1"))
    assert not (tmp_path / "door").exists()


def test_a_change_is_made_in_place_and_leaves_what_others_put_there(tmp_path: Path) -> None:
    old = wanted(tmp_path, a="1", b="2")
    HANDLER.create(RUN, old)
    (tmp_path / "door" / "control").write_text("mine")
    folder = (tmp_path / "door").stat().st_ino
    new = wanted(tmp_path, a="changed")
    assert not HANDLER.diff(RUN, "id", old, old, new).replaces
    HANDLER.update(RUN, "id", old, old, new)
    assert contents(tmp_path) == {"a": "changed", "control": "mine"}
    assert (tmp_path / "door").stat().st_ino == folder, "who is mounted on it would not see it"


def test_what_was_changed_or_removed_by_hand_is_found_and_put_right(tmp_path: Path) -> None:
    given = wanted(tmp_path, a="1", b="2", c="3")
    HANDLER.create(RUN, given)
    (tmp_path / "door" / "a").write_text("by hand")
    (tmp_path / "door" / "b").unlink()
    found = HANDLER.read(RUN, "id", given, given)
    assert found is not None
    assert found[1]["files"] == {"c": "3"}
    assert HANDLER.diff(RUN, "id", found[1], found[2], given).changes
    HANDLER.update(RUN, "id", found[1], found[2], given)
    assert contents(tmp_path) == given["files"]


def test_it_goes_with_everything_and_may_be_gone_already(tmp_path: Path) -> None:
    given = wanted(tmp_path, a="1")
    HANDLER.create(RUN, given)
    (tmp_path / "door" / "control").write_text("mine")
    HANDLER.delete(RUN, "id", given, given)
    assert not (tmp_path / "door").exists()
    HANDLER.delete(RUN, "id", given, given)
    assert HANDLER.read(RUN, "id", given, given) is None


@pytest.mark.parametrize("path", ["/etc/passwd", "../other", "a/../../b", ""])
def test_a_path_outside_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    _, failures = HANDLER.check(RUN, {}, {**wanted(tmp_path), "files": {path: "x"}})
    assert [failure.property for failure in failures] == ["files"]


def test_a_relative_folder_is_refused() -> None:
    _, failures = HANDLER.check(RUN, {}, {"folder": "here", "files": {"a": "1"}})
    assert [failure.property for failure in failures] == ["folder"]


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "door").write_text("a file")
    with pytest.raises(Failure, match="could not be written below"):
        HANDLER.create(RUN, wanted(tmp_path, a="1"))

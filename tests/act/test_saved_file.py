"""What people save while a config file is edited is never lost, and the file stays whose and what it was."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.act import saved_file, stack_config
from autoscaler.act.saved_file import SavedFile
from tests.waiting import until
from toolchain import paths

KEY = "altostratus:scale"
FILE = "# save 0\nconfig:\n  altostratus:cloud: local\n  altostratus:scale: {clusters: {web: 0}}\n"
SAVES = 60


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.app-shop.yaml"
    path.write_text(FILE)
    return path


def scale(path: Path) -> object:
    return stack_config.read(path)[KEY]


def left(path: Path) -> list[str]:
    """What lies beside the file and its lock."""
    return [each.name for each in path.parent.iterdir() if each.name not in {path.name, f".{path.name}.lock"}]


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def by_renaming(path: Path, text: str) -> None:
    beside = path.with_name("#saved#")
    beside.write_text(text)
    beside.replace(path)


def by_two_renames(path: Path, text: str) -> None:
    """As some editors do that keep a backup: for a moment there is no file."""
    path.rename(path.with_name("backup~"))
    path.write_text(text)
    path.with_name("backup~").unlink()


ways = pytest.mark.parametrize("save", [in_place, by_renaming, by_two_renames])


@ways
def test_a_save_while_the_new_file_is_being_written_is_kept(
    config: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[[Path, str], None]
) -> None:
    flush, saves = os.fsync, [FILE.replace("save 0", "save 1")]

    def meanwhile(descriptor: int) -> None:
        if saves:
            save(config, saves.pop())
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert config.read_text() == FILE.replace("save 0", "save 1").replace("web: 0", "web: 1")
    assert left(config) == []


@ways
def test_a_save_in_the_last_moment_is_put_back_and_edited(
    config: Path, monkeypatch: pytest.MonkeyPatch, save: Callable[[Path, str], None]
) -> None:
    rename, saves = saved_file._rename, [FILE.replace("save 0", "save 1")]

    def meanwhile(*words: object) -> bool:
        if saves:
            save(config, saves.pop())
        return rename(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(saved_file, "_rename", meanwhile)
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert config.read_text() == FILE.replace("save 0", "save 1").replace("web: 0", "web: 1")
    assert left(config) == []


def test_a_save_onto_what_is_about_to_be_taken_back_is_the_last_word(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, moment = saved_file._rename, iter(["first", "second"])

    def meanwhile(*words: object) -> bool:
        if said := next(moment, None):
            by_renaming(config, FILE.replace("save 0", said))
        return rename(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(saved_file, "_rename", meanwhile)
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert config.read_text() == FILE.replace("save 0", "second").replace("web: 0", "web: 1")
    assert left(config) == []


def test_a_decision_on_a_scale_that_a_person_changes_in_the_last_moment_is_not_written(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, by_hand = saved_file._rename, FILE.replace("web: 0", "web: 9")
    saves = [by_hand]

    def meanwhile(*words: object) -> bool:
        if saves:
            by_renaming(config, saves.pop())
        return rename(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(saved_file, "_rename", meanwhile)
    assert not stack_config.exchange(config, KEY, {"clusters": {"web": 0}}, {"clusters": {"web": 1}})
    assert config.read_text() == by_hand
    assert left(config) == []


def test_who_has_the_file_open_to_write_it_is_waited_for(config: Path) -> None:
    with config.open("r+") as editor:
        edit = threading.Thread(target=stack_config.write, args=(config, {KEY: {"clusters": {"web": 1}}}))
        edit.start()
        editor.write("# save 1")
    edit.join()
    assert config.read_text() == FILE.replace("save 0", "save 1").replace("web: 0", "web: 1")


def test_a_file_that_is_held_open_for_writing_is_left_alone_and_told(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_config, "ATTEMPTS", 3)
    with config.open("a"), pytest.raises(stack_config.ConfigBusy, match="open for writing") as busy:
        stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert busy.value.exit_code == 3
    assert config.read_text() == FILE
    assert left(config) == []


@pytest.mark.parametrize("save", [in_place, by_renaming])
def test_no_save_is_lost_beside_an_autoscaler_that_writes_all_the_time(
    config: Path, save: Callable[[Path, str], None]
) -> None:
    code = f"from tests.act.test_saved_file import scale_up; scale_up({str(config)!r})"
    autoscaler = subprocess.Popen([sys.executable, "-c", code], cwd=paths.root())
    try:
        until(lambda: scale(config) != {"clusters": {"web": 0}}, "the autoscaler writes")
        for number in range(1, SAVES + 1):
            # What the autoscaler takes back at once may be seen for a moment.
            before = f"# save {number - 1}\n"
            until(lambda before=before: before in config.read_text(), "the last save is there", 5)
            save(config, FILE.replace("save 0", f"save {number}"))
    finally:
        config.with_name("enough").touch()
        assert autoscaler.wait(60) == 0
    assert config.read_text().startswith(f"# save {SAVES}\n")
    assert left(config) == ["enough"]


def scale_up(path: str) -> None:
    """An autoscaler that decides without a pause; one that is kept from writing tries again."""
    config, number = Path(path), 0
    while not config.with_name("enough").exists():
        number += 1
        try:
            stack_config.write(config, {KEY: {"clusters": {"web": number}}})
        except stack_config.ConfigUnreadable:
            continue  # half a save was read


def test_a_file_that_comes_into_being_meanwhile_is_kept(config: Path) -> None:
    config.unlink()
    seen = SavedFile.read(config)
    config.write_text(FILE)
    assert not seen.replace(b"config: {}\n")
    assert config.read_text() == FILE
    assert left(config) == []


def test_mode_and_group_stay_and_a_new_file_is_for_its_owner_only(config: Path) -> None:
    config.chmod(0o664)
    if os.getuid() == 0:
        os.chown(config, 12_345, 23_456)
    before = config.stat()
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    after = config.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    fresh = config.with_name("Pulumi.app-blog.yaml")
    assert stack_config.write(fresh, {KEY: {"clusters": {"web": 1}}})
    assert stat.S_IMODE(fresh.stat().st_mode) == 0o600


def test_a_symbolic_link_stays_one(config: Path) -> None:
    kept = config.parent / "kept" / "shop.yaml"
    kept.parent.mkdir()
    config.rename(kept)
    config.symlink_to(Path("kept") / "shop.yaml")
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert config.is_symlink()
    assert kept.read_text() == FILE.replace("web: 0", "web: 1")


def test_where_files_cannot_be_swapped_they_are_replaced(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_file, "_renameat2", None)
    config.chmod(0o640)
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1}}})
    assert stack_config.write(config.with_name("Pulumi.app-blog.yaml"), {KEY: {"clusters": {"web": 1}}})
    assert config.read_text() == FILE.replace("web: 0", "web: 1")
    assert stat.S_IMODE(config.stat().st_mode) == 0o640
    assert sorted(left(config)) == [".Pulumi.app-blog.yaml.lock", "Pulumi.app-blog.yaml"]


def test_windows_line_ends_stay(config: Path) -> None:
    config.write_bytes(FILE.replace("\n", "\r\n").encode())
    assert stack_config.write(config, {KEY: {"clusters": {"web": 1, "db": 2}}, "altostratus:new": {"a": 1}})
    raw = config.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") == FILE.count("\n") + 2
    assert scale(config) == {"clusters": {"web": 1, "db": 2}}

"""A journal whose file is damaged is set aside; one that is whole stays."""

from pathlib import Path

from autoscaler.journal.damage import set_aside
from autoscaler.journal.journal import Journal


def filled(path: Path) -> Path:
    journal = Journal(path)
    for number in range(500):
        journal.accept("app-shop", f"reason {number} " * 20, {})
    journal.close()
    return path


def test_a_whole_journal_stays_where_it_is(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.sqlite")
    assert set_aside(path) is None
    assert set_aside(tmp_path / "none.sqlite") is None
    journal = Journal(path)
    assert journal.edits("app-shop", 1)[0].reason.startswith("reason 499")
    journal.close()


def test_what_is_no_journal_any_more_is_set_aside_and_a_new_one_begins(tmp_path: Path) -> None:
    for number, damage in enumerate((b"this is no database" * 100, None)):
        path = filled(tmp_path / f"{number}.sqlite")
        content = bytearray(path.read_bytes())
        if damage is None:  # pages in the middle, as a disk loses them
            content[8192:40960] = b"\xa5" * (40960 - 8192)
        path.write_bytes(damage or bytes(content))
        path.with_name(path.name + "-wal").write_bytes(b"left")
        aside = set_aside(path, clock=lambda: 17.0)
        assert aside == path.with_name(f"{path.name}.damaged-17")
        assert aside.read_bytes() == (damage or bytes(content))
        assert not path.exists()
        assert not path.with_name(path.name + "-wal").exists()
        journal = Journal(path)
        assert journal.edits("app-shop") == []
        journal.close()

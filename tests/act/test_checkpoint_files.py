"""A CLI that was killed while it wrote a checkpoint: what it leaves is mended, nothing else is touched."""

from pathlib import Path

from autoscaler.act import checkpoint_files

WHOLE = '{"user.content_type":"","md5":"bm90aGluZw=="}'


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_attributes_that_were_cut_off_go_and_the_checkpoint_stays(tmp_path: Path) -> None:
    state = tmp_path / "app-shop.json"
    for name, text in {
        "app-shop.json": "{}",
        "app-shop.json.attrs": "",
        "app-shop.json.bak": "{}",
        "app-shop.json.bak.attrs": WHOLE,
        "app-shop.json.18eacd7760b4df56.tmp": "{",
        "app-shop.json.bak.18eacd6960dd33c9.tmp": "",
        "app-shopping.json.attrs": "",
        "app-shop--away.json.18eacd7760b4df57.tmp": "{",
    }.items():
        (tmp_path / name).write_text(text)
    (told,) = checkpoint_files.mend(state, wait=lambda seconds: None)
    assert told == "removed app-shop.json.attrs, which a killed update left half-written"
    assert files(tmp_path) == {
        "app-shop.json",
        "app-shop.json.bak",
        "app-shop.json.bak.attrs",
        "app-shopping.json.attrs",
        "app-shop--away.json.18eacd7760b4df57.tmp",
    }


def test_attributes_that_are_just_being_written_stay(tmp_path: Path) -> None:
    state, attributes = tmp_path / "app-shop.json", tmp_path / "app-shop.json.attrs"
    attributes.write_text("")
    assert checkpoint_files.mend(state, wait=lambda seconds: attributes.write_text(WHOLE)) == []
    assert attributes.read_text() == WHOLE


def test_where_all_is_well_nothing_is_done(tmp_path: Path) -> None:
    (tmp_path / "app-shop.json").write_text("{}")
    assert checkpoint_files.mend(tmp_path / "app-shop.json") == []

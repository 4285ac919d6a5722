"""Reading files: what is refused, why, and where."""

import time
from pathlib import Path

import pytest

from blueprints.json_reader import read_json
from blueprints.loader import load_file, load_text
from blueprints.nodes import ReadError
from blueprints.sources import SIZE_LIMIT
from blueprints.validate import validate
from blueprints.yaml_reader import read_yaml

REFUSED: dict[str, tuple[bytes, str, int]] = {
    "a bomb of aliases": (
        b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(8)
        ),
        "ALT1008",
        6,
    ),
    "flow lists nested too deep": (b"a: " + b"[" * 100_000, "ALT1007", 1),
    "flow mappings nested too deep": (b"a: " + b"{a: " * 50_000, "ALT1007", 1),
    "block mappings nested too deep": (b"".join(b" " * i + b"a:\n" for i in range(400)), "ALT1007", 121),
    "a key twice": (b"kind: A\nname: x\nname: y\n", "ALT1006", 3),
    "a key twice below": (b"a:\n  b: 1\n  c: 2\n  b: 3\n", "ALT1006", 4),
    "UTF-16": ("kind: A".encode("utf-16"), "ALT1002", 1),
    "Latin-1": (b"a: 1\nb: caf\xe9\n", "ALT1002", 2),
    "a NUL": (b"a: 1\nb: \x00\n", "ALT1002", 2),
    "a control character": (b"a: 1\nb: \x07\n", "ALT1004", 2),
    "a tab for indentation": (b"a:\n\tb: 1\n", "ALT1004", 2),
    "an alias in its own anchor": (b"a: &a [*a]\n", "ALT1009", 1),
    "an alias without anchor": (b"a: *b\n", "ALT1009", 1),
    "a Python object": (b"a: !!python/object/apply:os.system [ls]\n", "ALT1009", 1),
    "a binary tag": (b"a: !!binary aGVsbG8=\n", "ALT1009", 1),
    "a mapping as key": (b"? {a: 1}\n: 2\n", "ALT1009", 1),
    "merging a list of words": (b"a: {<<: [x]}\n", "ALT1009", 1),
    "a document that is a word": (b"hello\n", "ALT1010", 1),
    "a document that is a list of words": (b"[a, b]\n", "ALT1010", 1),
    "nothing": (b"", "ALT1011", 1),
    "only comments": (b"# nothing\n---\n...\n", "ALT1011", 1),
    "an unclosed bracket": (b"a: [1, 2\nb: 3\n", "ALT1004", 2),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_is_refused_with_its_line_and_quickly(name: str, tmp_path: Path) -> None:
    content, code, line = REFUSED[name]
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    began = time.process_time()
    documents, findings = load_file(path)
    assert documents == []
    assert [(f.code, f.line) for f in findings] == [(code, line)], findings
    assert time.process_time() - began < 2


def test_ten_megabytes_are_refused_by_size_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_bytes(b"a: " + b"[" * (10 * 2**20))
    assert [f.code for f in validate([path]).findings] == ["ALT1003"]
    assert path.stat().st_size > SIZE_LIMIT


def test_what_cannot_be_opened_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "notes.txt").write_text("hello")
    missing, wrong = tmp_path / "missing.yaml", tmp_path / "notes.txt"
    found = {f.file: f.code for f in validate([missing, wrong, "bad\0name.yaml"]).findings}
    assert found[str(missing)] == found[str(wrong)] == found["bad\0name.yaml"] == "ALT1001"


def test_words_and_ratios_stay_text_and_numbers_stay_numbers() -> None:
    value = read_yaml("a: no\nb: 3:1\nc: 0o17\nd: 1e3\ne: ~\nf: 'true'\ng: yes\nh: 012\ni: 2026-01-01\n")[
        0
    ].data()
    assert value == {
        "a": "no", "b": "3:1", "c": 15, "d": 1000.0, "e": None,
        "f": "true", "g": "yes", "h": 12, "i": "2026-01-01",
    }  # fmt: skip


def test_anchors_and_merge_keys_are_read_and_own_keys_win() -> None:
    value = read_yaml("x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: {<<: [{a: 9}, *x]}\n")[0].data()
    assert value["y"] == {"a": 1, "b": 3}
    assert value["z"] == {"a": 9, "b": 2}


def test_json_and_yaml_of_the_same_values_read_alike_with_places() -> None:
    text = '{\n  "a": [1, -2.5e1, true, null, "\\u00e9\\n\\ud83d\\ude00"],\n\t"b": {"c": {}}\n}\n'
    node = read_json(text)[0]
    assert node.data() == {"a": [1, -25.0, True, None, "é\n😀"], "b": {"c": {}}}
    found = node.find(("b", "c"))
    assert (found.line, found.column) == (3, 13)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"a": 1,\n}', 2, "Remove the comma"),
        ('{"a": 1,\n "b" 2}', 2, "a colon"),
        ("{'a': 1}", 1, "a key in double quotes"),
        ('{"a": [1,\n2,\n]}', 3, "Remove the comma"),
        ('{"a": tru}', 1, "a value"),
        ('{"a": "x\ny"}', 1, "closed on its own line"),
        ('{"a": 1} x', 1, "the end of the file"),
        ('{"a": 1', 1, "a comma"),
        ("[" * 500, 1, "levels deep"),
    ],
)
def test_broken_json_is_refused_at_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_json(text)
    assert caught.value.line == line
    assert words in caught.value.message + caught.value.hint


def test_several_documents_of_a_file_and_of_a_list_are_all_read() -> None:
    one = "apiVersion: altostratus/v1\nkind: Tenant\nname: {}\n"
    documents, findings = load_text("---\n".join(one.format(n) for n in ("a", "b", "c")))
    assert [d.name for d in documents] == ["a", "b", "c"]
    assert findings == []
    listed = '[{"apiVersion": "altostratus/v1", "kind": "Tenant", "name": "a"}]'
    assert [d.name for d in load_text(listed, "x.json")[0]] == ["a"]


def test_files_of_others_in_a_folder_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1"}\n')
    (tmp_path / "deployment.yaml").write_text("apiVersion: apps/v1\nkind: Deployment\n")
    (tmp_path / "odd.yaml").write_text("kind: {of: thing}\n---\nkind: [list]\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.yaml").write_text("[")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "tenant.yml").write_text("apiVersion: altostratus/v1\nkind: Tenant\nname: acme\n")
    report = validate([tmp_path])
    assert report.findings == ()
    assert report.documents == 1

"""Config edits keep every byte that is not theirs."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.act.stack_config import ConfigUnreadable, edited, read, write
from tests.act import config_texts
from tests.act.config_texts import KEY, Text

SCALE = {"clusters": {"web": 3}, "generation": 7}
FILE = """\
# kept by the shop team
encryptionsalt: v1:abc=:v1:def
config:
  altostratus:cloud: local   # first home
  altostratus:scale:
    clusters:
      web: 2

    # the autoscaler's own
    generation: 6
  # below the scale

  altostratus:blueprint: "apps/shop.yaml"
# the end
"""


def test_only_the_named_value_changes() -> None:
    new = edited(FILE, {"altostratus:scale": SCALE})
    before, after = FILE.split("  altostratus:scale:")[0], FILE.split("    generation: 6\n")[1]
    assert new.startswith(before)
    assert new.endswith(after)
    assert yaml.safe_load(new)["config"]["altostratus:scale"] == SCALE


def test_a_new_key_lands_after_the_others_and_before_what_follows_config() -> None:
    new = edited(FILE, {"altostratus:scale2": SCALE})
    assert new.replace(yaml.safe_dump({"altostratus:scale2": SCALE}, sort_keys=False), "") != FILE
    assert yaml.safe_load(new)["config"] == {**yaml.safe_load(FILE)["config"], "altostratus:scale2": SCALE}
    assert new.endswith("# the end\n")
    assert "# first home" in new


@pytest.mark.parametrize(
    "text",
    [
        *("", "config:\n", "config: {}\n", "encryptionsalt: x", "config: {a: 1}\n", "config:"),
        *(
            "config: ~",
            "config: null  # yet\n",
            "# only this",
            "---\n",
            "{}",
            "{config: }",
            '{"config":{"a":1}}',
        ),
    ],
)
def test_a_missing_or_empty_config_is_begun(text: str) -> None:
    old = (yaml.safe_load(text) or {}).get("config") or {}
    assert yaml.safe_load(edited(text, {"p:k": SCALE}))["config"] == {**old, "p:k": SCALE}


def test_none_removes_a_key_and_only_that() -> None:
    new = edited(FILE, {"altostratus:scale": None})
    assert "altostratus:scale" not in yaml.safe_load(new)["config"]
    assert "# below the scale" in new
    assert edited(FILE, {"no:such": None}) == FILE


def test_comments_and_layout_in_the_scale_stay_with_what_they_are_about() -> None:
    old = """\
config:
  altostratus:scale:   # by hand since Monday
    clusters:
      "web": 2   # black Friday
      old: 1     # goes

      # the rest
    groups: {search: 1, index: 2}
    generation: 6
"""
    value = {"clusters": {"web": 3, "db": 1}, "groups": {"search": 1}, "generation": 7}
    assert (
        edited(old, {KEY: value})
        == """\
config:
  altostratus:scale:   # by hand since Monday
    clusters:
      "web": 3   # black Friday
      db: 1

      # the rest
    groups: {search: 1}
    generation: 7
"""
    )


def test_a_value_that_is_so_already_is_left_as_it_is_written() -> None:
    text = "config: {altostratus:scale: {clusters: {web: 0x3}, 'generation': 7}}  # tidy"
    assert edited(text, {KEY: SCALE}) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"config:\n  {KEY}: &s {{clusters: {{}}}}\n  b: *s\n", "yaml:2: .*anchor"),
        (f"config:\n  a: &s {{clusters: {{}}}}\n  {KEY}: *s\n", "yaml:3: .*alias"),
        (f"config:\n  {KEY}: {{clusters: &c {{web: 2}}}}\n  b: *c\n", "yaml:2: .*anchor"),
        (f"a: &k {KEY}\nconfig:\n  *k : 1\n", "written as an alias"),
        (f"config:\n  ? {KEY}\n  : {{clusters: {{}}}}\n", "yaml:2: .*no plain key"),
        (f"config:\n  {KEY}: {{}}\n  b: 1\n  {KEY}: {{}}\n", "twice, in lines 2 and 4"),
        (f"config:\n  {KEY}: {{}}\nconfig:\n  b: 1\n", "`config` is there twice"),
        ("a: &c {b: 1}\nconfig: *c\n", "`config` is an alias"),
        ("config: &c {b: 1}\na: *c\n", "without changing something else"),
        ("config:\n  a: |\n    text", "end the file with a line break"),
    ],
)
def test_what_cannot_be_edited_without_harm_is_refused_and_told(text: str, words: str) -> None:
    yaml.safe_load(text)  # it is right as it stands
    with pytest.raises(ConfigUnreadable, match=words):
        edited(text, {KEY: SCALE}, "Pulumi.app-shop.yaml")


@settings(max_examples=100, deadline=None)
@given(config_texts.texts(), config_texts.scales | st.none())
def test_in_a_file_of_any_layout_the_key_changes_and_nothing_else(text: Text, value: Any) -> None:
    old = yaml.safe_load(text.whole)
    try:
        new = edited(text.whole, {KEY: value})
    except ConfigUnreadable:
        # What stood between a block scalar that keeps blank lines and such lines cannot go.
        assert value is None
        assert "+" in text.whole
        return
    found = yaml.safe_load(new) or {}
    assert {**found, "config": found.get("config") or {}} == config_texts.expected(old, value)
    at = 0
    for part in text.kept:
        at = new.find(part, at)
        assert at >= 0, f"{part!r} is not in its place in {new!r}"
        at += len(part)
    assert new.startswith("\ufeff") == text.whole.startswith("\ufeff")
    assert "\r\n" not in text.whole or "\n" not in new.replace("\r\n", "")
    assert edited(new, {KEY: value}) == new


@pytest.mark.parametrize("text", ["- a\n", "config: [1]\n", "config: text\n", "a: [\n", "a: 2001-99-99\n"])
def test_what_is_not_a_stack_config_is_refused(text: str) -> None:
    with pytest.raises(ConfigUnreadable):
        edited(text, {"p:k": 1})


def test_writing_the_same_value_again_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.app-shop.yaml"
    path.write_text(FILE)
    assert write(path, {"altostratus:scale": SCALE})
    stamp = path.stat().st_mtime_ns
    assert not write(path, {"altostratus:scale": SCALE})
    assert path.stat().st_mtime_ns == stamp
    assert read(path)["altostratus:scale"] == SCALE


values = st.recursive(
    st.none().map(lambda _: "x") | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.dictionaries(st.text(min_size=1, max_size=6), inner, min_size=1, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["p:a", "p:b", "p:c", "altostratus:scale"]), values, min_size=1),
    st.data(),
)
def test_any_sequence_of_edits_reads_back_as_written(changes: dict[str, object], data: st.DataObject) -> None:
    text = FILE
    for key in data.draw(st.permutations(sorted(changes))):
        text = edited(text, {key: changes[key]})
    expected = {**yaml.safe_load(FILE)["config"], **changes}
    assert yaml.safe_load(text)["config"] == expected
    assert text.startswith("# kept by the shop team\nencryptionsalt: v1:abc=:v1:def\n")
    assert text.endswith("# the end\n")

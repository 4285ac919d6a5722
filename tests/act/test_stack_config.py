"""Config edits keep every byte that is not theirs."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.act.stack_config import ConfigUnreadable, edited, read, write

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
    "text", ["", "config:\n", "config: {}\n", "encryptionsalt: x", "config: {a: 1}\n", "config:"]
)
def test_a_missing_or_empty_config_is_begun(text: str) -> None:
    old = (yaml.safe_load(text) or {}).get("config") or {}
    assert yaml.safe_load(edited(text, {"p:k": SCALE}))["config"] == {**old, "p:k": SCALE}


def test_none_removes_a_key_and_only_that() -> None:
    new = edited(FILE, {"altostratus:scale": None})
    assert "altostratus:scale" not in yaml.safe_load(new)["config"]
    assert "# below the scale" in new
    assert edited(FILE, {"no:such": None}) == FILE


@pytest.mark.parametrize("text", ["- a\n", "config: [1]\n", "config: text\n", "a: [\n"])
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

"""Property values survive the wire, and what is secret stays marked."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.plugins.protocol.values import (
    OUTPUT_SIGNATURE,
    SECRET_SIGNATURE,
    SIGNATURE_KEY,
    UNKNOWN,
    Archive,
    Asset,
    ResourceReference,
    Secret,
    has_secrets,
    has_unknowns,
    mark_like,
    marshal,
    reveal,
    unmarshal,
)

SCALARS = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20) | st.just(UNKNOWN)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8).filter(lambda key: key != SIGNATURE_KEY), inner, max_size=3)
        | inner.map(Secret)
    ),
    max_leaves=10,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    assert unmarshal(marshal({"key": [value]})) == {"key": [value]}


def test_assets_archives_and_references_come_back_as_they_were() -> None:
    properties = {
        "asset": Asset(text="hello", hash="1"),
        "archive": Archive(assets={"a": Asset(path="/a")}, hash="2"),
        "reference": ResourceReference("urn:pulumi:s::p::t::n", "id", "1.0.0"),
    }
    assert unmarshal(marshal(properties)) == properties


def test_whole_numbers_become_ints_and_fractions_stay() -> None:
    found = unmarshal(marshal({"port": 80.0, "share": 0.5}))
    assert found == {"port": 80, "share": 0.5}
    assert isinstance(found["port"], int)


def test_absent_top_level_values_are_left_out_but_nulls_below_are_kept() -> None:
    assert unmarshal(marshal({"gone": None, "kept": {"null": None}})) == {"kept": {"null": None}}


def test_secrets_lose_their_mark_only_where_the_other_side_cannot_take_it() -> None:
    plain = marshal({"word": Secret("x"), "list": [Secret("y")]}, secrets=False)
    assert unmarshal(plain) == {"word": "x", "list": ["y"]}
    marked = marshal({"word": Secret("x")}).fields["word"].struct_value
    assert marked.fields[SIGNATURE_KEY].string_value == SECRET_SIGNATURE


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"value": "x"}, "x"),
        ({"value": "x", "secret": True}, Secret("x")),
        ({}, UNKNOWN),
        ({"secret": True}, Secret(UNKNOWN)),
    ],
)
def test_output_values_become_values_secrets_or_unknowns(content: dict[str, Any], expected: Any) -> None:
    wire = marshal({"out": {SIGNATURE_KEY: OUTPUT_SIGNATURE, **content}})
    assert unmarshal(wire) == {"out": expected}


def test_a_secret_does_not_show_its_value_in_text() -> None:
    assert "hunter2" not in repr(Secret("hunter2"))


def test_an_unknown_value_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)


@settings(max_examples=40, deadline=None)
@given(VALUES)
def test_revealed_values_hold_no_secrets(value: Any) -> None:
    assert not has_secrets(reveal(value))
    assert has_unknowns(reveal(value)) == has_unknowns(value)


def test_outputs_are_secret_where_the_inputs_were() -> None:
    inputs = {"login": {"user": "me", "word": Secret("x")}, "list": [{"a": Secret(1)}, {"b": 2}], "open": 1}
    outputs = {"login": {"user": "me", "word": "x", "id": 7}, "list": [{"b": 2}, {"a": 1}], "open": 1}
    marked = mark_like(outputs, inputs)
    assert marked["login"] == {"user": "me", "word": Secret("x"), "id": 7}
    assert marked["list"] == Secret([{"b": 2}, {"a": 1}]), "a list may be reordered, so all of it is secret"
    assert marked["open"] == 1


def test_the_stubs_load_without_the_sdk_around_them() -> None:
    script = "import sys, toolchain.plugins.protocol; sys.exit('pulumi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

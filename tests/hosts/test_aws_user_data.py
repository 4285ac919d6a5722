"""Configs as user data: as they are, compressed, or too large."""

import base64
import gzip
import json
import os

import pytest

from components.hosts.user_data import TooLarge, inline, nova_limit, pointer
from tests.hosts.cloud_mocks import accepted


def config(text: str) -> str:
    file = {"path": "/f", "contents": {"source": f"data:,{text}"}}
    return json.dumps({"ignition": {"version": "3.3.0"}, "storage": {"files": [file]}})


def test_what_fits_goes_in_as_it_is() -> None:
    assert inline(config("x"), 1000) == config("x")


def test_what_is_larger_is_compressed_and_means_the_same() -> None:
    large = config("key " * 10_000)
    data = inline(large, 16 * 1024)
    accepted(data)
    source = json.loads(data)["ignition"]["config"]["replace"]["source"]
    assert gzip.decompress(base64.b64decode(source.partition(",")[2])).decode() == large
    assert inline(large, 16 * 1024) == data, "the same config is the same user data"


def test_what_does_not_fit_at_all_is_told_with_its_size() -> None:
    with pytest.raises(TooLarge, match="16384 are allowed"):
        inline(config(os.urandom(20_000).hex()), 16 * 1024)


def test_novas_limit_is_on_base64() -> None:
    assert len(base64.b64encode(b"x" * nova_limit())) <= 65_535


def test_a_pointer_is_a_config_of_its_own() -> None:
    accepted(pointer("s3://bucket/host1.ign"))

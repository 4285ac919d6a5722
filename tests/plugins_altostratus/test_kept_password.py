"""A kept password: made once, found again, and never waiting for a cluster in a preview."""

from typing import Any

import pytest

from tests.plugins_altostratus.test_certificate_resources import PREVIEW, RUN
from toolchain.plugins.altostratus.kept_password import KeptPasswordHandler, value_in_cluster
from toolchain.plugins.protocol import UNKNOWN, Failure

PLACE = {"kubeconfig": "KUBECONFIG", "namespace": "app-shop", "secret": "kept", "key": "db-password"}
WANTED = {**PLACE, "length": 20}


def handler(kept: str | None) -> KeptPasswordHandler:
    def look(*place: str) -> str | None:
        assert place == tuple(PLACE.values())
        return kept

    return KeptPasswordHandler(look)


def test_a_new_one_is_made_where_none_is_kept() -> None:
    _, first = handler(None).create(RUN, WANTED)
    _, second = handler(None).create(RUN, WANTED)
    assert len(first["value"]) == 20
    assert first["value"] != second["value"]


def test_the_kept_one_comes_back() -> None:
    _, state = handler("k" * 20).create(RUN, WANTED)
    assert state["value"] == "k" * 20


def test_another_length_asks_for_another_password() -> None:
    _, state = handler("k" * 24).create(RUN, WANTED)
    assert len(state["value"]) == 20
    assert state["value"] != "k" * 20
    changed = handler(None).diff(RUN, "id", WANTED, state, {**WANTED, "length": 24})
    assert changed.replaces == ("length",)


def test_a_renewed_kubeconfig_changes_nothing() -> None:
    assert not handler(None).diff(RUN, "id", WANTED, WANTED, {**WANTED, "kubeconfig": "NEW"}).changes


def test_a_preview_asks_no_cluster() -> None:
    _, state = KeptPasswordHandler(lambda *_: pytest.fail("it asked")).create(PREVIEW, WANTED)
    assert state["value"] is UNKNOWN


@pytest.mark.parametrize(
    ("name", "value"), [("length", 8), ("length", "long"), ("namespace", ""), ("more", 1)]
)
def test_wrong_inputs_are_named(name: str, value: Any) -> None:
    _, failures = handler(None).check(RUN, {}, {**WANTED, name: value})
    assert [failure.property for failure in failures] == [name]


def test_a_cluster_that_does_not_answer_is_told_from_one_that_keeps_nothing() -> None:
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }
    import yaml

    with pytest.raises(Failure, match="does not answer"):
        value_in_cluster(yaml.safe_dump(config), "app-shop", "kept", "db-password")

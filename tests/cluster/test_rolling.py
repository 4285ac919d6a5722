"""No request fails while members are replaced and while they become more and fewer."""

from typing import Any

import pytest

from tests.cluster.guestbook import NAME, GuestBook
from tests.cluster.load import under_load
from tests.waiting import until

pytestmark = pytest.mark.cluster

_REOPENED_AT_MOST = 0.05
"""The share of requests that may meet a connection which a leaving member had just closed."""


def _change(documents: dict[str, Any]) -> None:
    (web,) = (each for each in documents[NAME]["cartridges"] if each["alias"] == "web")
    web["environment"] = {"ROUND": str(int(web.get("environment", {}).get("ROUND", 0)) + 1)}


def test_no_request_fails_during_an_update_and_scaling(book: GuestBook) -> None:
    before = book.members("web")
    with under_load(book.urls()) as load:
        book.edit(_change)
        replaced = book.members("web")
        book.scale("web=4")
        most = len(book.members("web"))
        book.scale("web=1")
        # Those who leave serve for a while yet.
        until(lambda: len(book.get("pods")["items"]) == len(book.members()), "the others to be gone", 180)
    assert not before.items() & replaced.items()
    assert (most, len(book.members("web"))) == (4, 1)
    assert load.failures == {}, load
    assert load.answered > 1000
    assert load.reopened <= load.answered * _REOPENED_AT_MOST

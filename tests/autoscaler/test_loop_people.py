"""What a person changes counts at once: bounds, scale, rest, pins."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.act.edits import Outcome
from autoscaler.decide.policy import LOAD_AVERAGE
from tests.autoscaler.shop import BUSY, CALM, ENGINE, Shop


def test_a_persons_new_minimum_counts_at_once(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 3, max: 8}")
    shop.run(CALM, 2)
    # The scale has no key for web, and cache follows by its ratio: one edit brings both.
    assert shop.office.edits[-1].clusters["cache"] == 2
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members >= 3


def test_a_persons_new_maximum_brings_the_scale_back_within_it(shop: Shop) -> None:
    shop.scaled(web=8, cache=4)
    shop.run({"web": 360.0, **ENGINE}, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 2, max: 5}")
    shop.tick({"web": 360.0, **ENGINE})
    edit = shop.office.edits[-1]
    assert edit.clusters["web"] == 5
    assert edit.seen.clusters["web"] == 8
    assert "web was 8, but its range is 2 to 5 now: 5." in edit.reason


def test_a_persons_scale_is_where_the_next_decision_begins(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 4)
    shop.configure({"clusters": {"web": 6, "db": 2, "cache": 3}, "groups": {}, "generation": 4})
    shop.run(BUSY, 50)
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members == 6
    assert not shop.office.edits
    (applied,) = shop.office.applied
    assert "web 4 to 6" in applied[1]
    assert "db 1 to 2" in applied[1]
    assert shop.loop.verdict is not None
    assert "somebody set it to 6" in shop.loop.verdict.decisions["web"].reason
    shop.office.tickets[-1].succeed(Outcome("applied", 4))
    shop.state({"web": 6, "cache": 3, "db": 2, "search.1/engine": 1})
    shop.run(BUSY, 30)
    assert shop.office.edits[-1].clusters["web"] < 6, "then the policy counts again"


def test_what_only_people_scale_stays(shop: Shop) -> None:
    shop.scaled(db=2, web=2)
    shop.run({"web": 500.0, **ENGINE}, 2)
    assert "db" not in shop.office.edits[-1].clusters


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"autoscaling": {"paused": True}}, "paused"),
        ({"maintenance": True}, "in maintenance"),
    ],
)
def test_an_application_at_rest_is_explained_and_left_alone(
    shop: Shop, setting: dict[str, Any], words: str
) -> None:
    shop.configure({}, **setting)
    shop.run({"web": 900.0, "search.1/engine": 300.0}, 4)
    assert not shop.office.edits
    assert not shop.office.applied
    assert shop.loop.verdict is not None
    assert words in shop.loop.verdict.holds[""]
    assert shop.loop.verdict.decisions["web"].wants[LOAD_AVERAGE].target > 1


def test_a_pinned_cluster_stays_where_it_is_pinned(shop: Shop) -> None:
    shop.configure({}, autoscaling={"pinned": {"web": 3}})
    shop.tick({"web": 300.0, "search.1/engine": 30.0})
    assert shop.office.edits[-1].clusters["web"] == 3

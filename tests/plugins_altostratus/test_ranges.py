"""A cloud's ranges: kept once given."""

import pytest

from toolchain.plugins.altostratus.ranges import RangesHandler
from toolchain.plugins.protocol import UNKNOWN, Request

GIVEN = {"subnet": "10.88.0.0/24", "podCidr": "10.244.0.0/16", "serviceCidr": "10.96.0.0/16"}


def test_what_was_given_may_stay() -> None:
    for olds in ({}, GIVEN):
        _, failures = RangesHandler().check(Request(), olds, GIVEN)
        assert not failures


@pytest.mark.parametrize("name", GIVEN)
def test_another_range_is_refused_with_both_and_the_way_out(name: str) -> None:
    _, failures = RangesHandler().check(Request(preview=True), GIVEN, {**GIVEN, name: "10.1.0.0/16"})
    assert [failure.property for failure in failures] == [name]
    for part in (GIVEN[name], "10.1.0.0/16", "destroy"):
        assert part in failures[0].reason


def test_what_is_not_known_yet_is_not_judged() -> None:
    _, failures = RangesHandler().check(Request(preview=True), GIVEN, {**GIVEN, "subnet": UNKNOWN})
    assert not failures


PLACES = {"host1": "10.90.0.10 in a", "host2": "10.90.0.11 in a", "zone a": "10.90.0.0/24"}


def test_machines_may_come_and_go_where_they_are() -> None:
    given = {**GIVEN, "places": PLACES}
    for places in ({**PLACES, "host3": "10.90.0.12 in a"}, {"host1": PLACES["host1"]}, {}):
        news = {**GIVEN, "places": places}
        _, failures = RangesHandler().check(Request(), given, news)
        assert not failures
        assert RangesHandler().update(Request(), "id", given, given, news) == news
    _, failures = RangesHandler().check(Request(), GIVEN, given)
    assert not failures, "a cloud from before places were kept"


def test_a_machine_that_would_move_is_refused_with_both_places_and_the_way_out() -> None:
    moved = {**PLACES, "host2": "10.90.0.138 in b", "zone a": "10.90.0.0/25", "zone b": "10.90.0.128/25"}
    olds, news = {**GIVEN, "places": PLACES}, {**GIVEN, "places": moved}
    _, failures = RangesHandler().check(Request(preview=True), olds, news)
    assert [failure.property for failure in failures] == ["places"]
    for part in ("host2 is 10.90.0.11 in a", "10.90.0.138 in b is asked for", "zone a", "zones, region"):
        assert part in failures[0].reason
    assert "host1" not in failures[0].reason


def test_a_refusal_of_many_machines_is_short() -> None:
    olds = {**GIVEN, "places": {f"host{number}": "a" for number in range(100)}}
    news = {**GIVEN, "places": {f"host{number}": "b" for number in range(100)}}
    _, failures = RangesHandler().check(Request(), olds, news)
    assert "and 97 more" in failures[0].reason

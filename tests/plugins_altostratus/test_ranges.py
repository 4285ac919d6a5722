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

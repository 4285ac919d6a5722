"""Whose turn it is in the bench of steps, and what it makes of what it saw."""

import math

import pytest

from bench.step.figures import Seen, ratio, summary, turns

NAMES = ["a", "b", "c"]


def test_everybody_has_one_turn_in_each_round() -> None:
    assert all(sorted(turns(NAMES, number)) == NAMES for number in range(12))


def test_each_begins_as_often_as_each_ends() -> None:
    rounds = [turns(NAMES, number) for number in range(2 * len(NAMES))]
    for name in NAMES:
        assert sum(each[0] == name for each in rounds) == 2
        assert sum(each[-1] == name for each in rounds) == 2


def test_the_ratio_is_of_the_medians() -> None:
    rounds = [
        {"ours": Seen(1.0, 5.0), "hpa": Seen(9.0, 20.0)},
        {"ours": Seen(1.0, 6.0), "hpa": Seen(9.0, 30.0)},
        {"ours": Seen(1.0, 90.0), "hpa": Seen(9.0, 12.0)},
    ]
    assert ratio(rounds, "ours", "hpa") == pytest.approx(6.0 / 20.0)
    assert "| ours to hpa | 0.30 | 0.25, 0.20, 7.50 |" in summary(rounds, ["ours"], ["hpa"])


def test_who_never_got_there_has_no_good_ratio() -> None:
    rounds = [{"ours": Seen(), "hpa": Seen(9.0, 20.0)}]
    assert ratio(rounds, "ours", "hpa") == math.inf


def test_only_those_who_took_part_are_told() -> None:
    told = "\n".join(summary([{"ours": Seen(1.0, 5.0), "hpa": Seen(9.0, 20.0)}], ["ours", "other"], ["hpa"]))
    assert "other" not in told
    assert summary([], ["ours"], ["hpa"]) == ["no round was whole"]

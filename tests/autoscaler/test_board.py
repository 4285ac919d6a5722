"""What a factor is worth for a cluster as a whole: never a zero that nobody measured."""

from __future__ import annotations

import pytest

from autoscaler.decide.policy import LOAD_AVERAGE
from autoscaler.observe.board import STALE_SECONDS, YOUNG_SECONDS, Board
from autoscaler.observe.source import Measurement
from tests.autoscaler.measuring import NOW, WEB, load


def test_missing_and_stale_are_none_and_never_zero() -> None:
    board, one = Board(), frozenset({"web-1"})
    assert board.read(WEB, LOAD_AVERAGE, one, NOW) is None
    board.take(load("web-1", 0.0, NOW))
    known = board.read(WEB, LOAD_AVERAGE, one, NOW + 5)
    assert known is not None
    assert (known.total, known.age) == (0.0, 5.0)
    assert board.read(WEB, LOAD_AVERAGE, one, NOW + STALE_SECONDS + 1) is None


def test_a_member_that_falls_silent_counts_as_the_others_and_is_named() -> None:
    board, ready = Board(), frozenset({"web-1", "web-2"})
    for second in range(0, 100, 10):
        board.take(load("web-1", 80.0, NOW + second))
        if second < 30:
            board.take(load("web-2", 80.0, NOW + second))
        known = board.read(WEB, LOAD_AVERAGE, ready, NOW + second)
        assert known is not None
        assert known.total == pytest.approx(160.0)
    assert known.unheard == ("web-2",)


def test_members_that_come_do_not_count_the_old_ones_load_twice() -> None:
    board, one, four = Board(), frozenset({"a"}), frozenset("abcd")
    board.take(load("a", 400.0, NOW))
    assert _total(board, one, NOW) == 400.0
    # Three come and take their share at once; the old one's value is from before for ten seconds yet.
    assert _total(board, four, NOW + 5) == 400.0
    for member in "bcd":
        board.take(load(member, 100.0, NOW + 17))
    totals = [_total(board, four, NOW + 17)]
    board.take(load("a", 100.0, NOW + 18))
    totals.append(_total(board, four, NOW + 18))
    assert totals == [400.0, 400.0]


def test_members_that_go_do_not_take_their_load_away() -> None:
    board, four, two = Board(), frozenset("abcd"), frozenset("ab")
    for member in "abcd":
        board.take(load(member, 50.0, NOW))
    assert _total(board, four, NOW) == 200.0
    assert _total(board, two, NOW + 5) == 200.0
    for member in "ab":
        board.take(load(member, 100.0, NOW + 16))
    assert _total(board, two, NOW + 16) == 200.0


def test_growth_is_seen_soon_after_members_came() -> None:
    board, one, two = Board(), frozenset("a"), frozenset("ab")
    board.take(load("a", 200.0, NOW))
    _total(board, one, NOW)
    _total(board, two, NOW + 1)
    for member in "ab":
        board.take(load(member, 300.0, NOW + 12))
    assert _total(board, two, NOW + 12) == 600.0
    assert YOUNG_SECONDS > 12


def _total(board: Board, ready: frozenset[str], now: float) -> float:
    known = board.read(WEB, LOAD_AVERAGE, ready, now)
    assert known is not None
    return known.total


def test_growth_that_goes_on_while_members_come_is_seen_by_those_that_were_there() -> None:
    board, one, two, three = Board(), frozenset("a"), frozenset("ab"), frozenset("abc")
    board.take(load("a", 60.0, NOW))
    assert _total(board, one, NOW) == 60.0
    # The first sample after a step was half from before it; the next one has all of it, as nobody helps yet.
    board.take(load("a", 160.0, NOW + 6))
    assert _total(board, two, NOW + 7) == 160.0
    # Who came shares the load, and has still another one beside it: what it tells is counted once.
    board.take(load("b", 150.0, NOW + 18))
    assert _total(board, three, NOW + 19) == pytest.approx(160.0)
    board.take(load("a", 300.0, NOW + 20))
    assert _total(board, three, NOW + 21) == 300.0


def test_a_mean_told_for_a_whole_cluster_counts_for_every_ready_member() -> None:
    board = Board()
    board.take(Measurement(WEB, "queue", "", 80.0, NOW))
    for average, total in ((True, 320.0), (False, 80.0)):
        known = board.read(WEB, "queue", frozenset("abcd"), NOW + 1, average)
        assert known is not None
        assert known.total == total

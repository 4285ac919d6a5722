"""An error budget: what a member can take is learnt, and misses come to the budget."""

from __future__ import annotations

import math

import pytest

from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.controller import step
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.price import Price
from autoscaler.decide.state import ClusterState
from tests.autoscaler.observing import PERIOD, follow, objective, seen


def test_a_budget_without_measured_misses_or_a_told_rate_holds_and_says_so() -> None:
    policy, state = objective(member_rate=None), ClusterState("web")
    for tick in range(20):
        decision = step(policy, state, seen(tick, 10, requests=2000.0))
    assert (decision.members, decision.holds) == (10, ("missing:missed",))


def test_a_cold_start_without_a_told_rate_does_not_run_away() -> None:
    decisions = follow(objective(member_rate=None, maximum=1000), [100.0] * 60, ready=10)
    assert max(decision.members for decision in decisions) < 20


def test_what_a_member_can_take_is_learnt_from_misses() -> None:
    policy, state = objective(member_rate=None, maximum=200), ClusterState("web")
    ready, limit = 10, 20.0
    for tick in range(1200):
        rate = 100.0 + 80.0 * ((tick // 100) % 3)
        missed = rate * PERIOD if rate > limit * ready else 0.0
        decision = step(policy, state, seen(tick, ready, requests=rate * PERIOD, missed=missed))
        ready = max(1, decision.members)
    assert state.member_rate.estimate == pytest.approx(limit, rel=0.15)


def test_the_price_of_a_miss_brings_misses_to_the_budget() -> None:
    price = Price(budget=0.01)
    # A world in which each unit of z cuts the misses by a factor: they are 1 % at z = 2.
    misses = []
    for _ in range(60_000):
        room = price.headroom(100.0, 10.0)
        share = min(1.0, 0.01 * 10 ** (2.0 * (2.0 - room)))
        misses.append(share)
        price.learn(100.0, share, PERIOD, at_limit=False)
    assert sum(misses[20_000:]) / len(misses[20_000:]) == pytest.approx(0.01, rel=0.1)


def test_misses_at_the_maximum_say_nothing_about_head_room() -> None:
    price = Price(budget=0.01)
    before = price.log_price
    price.learn(100.0, 1.0, PERIOD, at_limit=True)
    assert price.log_price == before


def _gradual(policy: ControllerPolicy, ticks: int) -> tuple[float, ClusterState]:
    """Share of misses where they grow smoothly with the load; a member can do 25 requests a second."""
    state, ready, requests, missed = ClusterState("web"), 10, 0.0, 0.0
    for tick in range(ticks):
        rate = 200.0 + 100.0 * math.sin(tick / 200)
        share = math.exp(-max(0.0, 1.0 - rate / (25.0 * ready)) * 7.5)
        look = seen(tick, ready, requests=rate * PERIOD, missed=share * rate * PERIOD)
        ready = max(1, step(policy, state, look).members)
        if tick > ticks // 3:
            requests += rate
            missed += share * rate
    return missed / requests, state


@pytest.mark.parametrize("told", [None, 15.0, 60.0])
def test_a_budget_holds_where_misses_grow_gradually_whatever_rate_was_told(told: float | None) -> None:
    share, _ = _gradual(objective(member_rate=told, maximum=200), 3000)
    assert 0.002 < share < 0.015


@pytest.mark.parametrize(("overrun", "believed"), [(40.0, True), (9.0, True), (5.0, False)])
def test_a_told_rate_is_doubted_by_misses_under_it_and_not_by_jumps_beyond(
    overrun: float, believed: bool
) -> None:
    state = ClusterState("web")
    policy = objective(member_rate=8.5)
    for tick in range(720):
        # Mostly idle; now and then far more than ever was, all of it missed.
        rate = overrun if tick % 60 < 10 else 2.0
        missed = rate * PERIOD if rate > 2.0 else 0.0
        step(policy, state, seen(tick, 4, requests=4 * rate * PERIOD, missed=4 * missed, start_seconds=20.0))
    assert (trusted_rate(8.5, state.member_rate) == 8.5) == believed

"""How wide the band is, and what that does: few actions, none on noise, all orders of things kept."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide.controller import step
from autoscaler.decide.price import HIGHEST, LOWEST, Price, within_reach
from autoscaler.decide.signal import Outlooks
from autoscaler.decide.state import ClusterState, restore, snapshot
from autoscaler.decide.thrift import NARROWEST, WIDEST, Thrift
from autoscaler.decide.wants import by_objective
from autoscaler.predict.outlook import Outlook
from tests.autoscaler.observing import PERIOD, follow, objective, seen

rates = st.floats(0.1, 5000)
sigmas = st.floats(0.0, 1000)
prices = st.floats(LOWEST, HIGHEST)
widths = st.floats(NARROWEST, WIDEST)


def _price(log_price: float) -> Price:
    return Price(0.01, log_price=log_price)


@given(rates, sigmas, rates, sigmas, prices, widths, st.floats(0, 500))
@settings(max_examples=200)
def test_too_few_is_at_most_right_and_right_at_most_too_many(
    near: float, near_sigma: float, lead: float, lead_sigma: float, price: float, width: float, queue: float
) -> None:
    outlooks = Outlooks(Outlook(near, near_sigma), Outlook(lead, lead_sigma))
    want = by_objective(outlooks, _price(price), 8.5, queue, width).want
    assert want.low <= want.target <= want.high
    assert want.target * 8.5 >= max(near, lead) * (1 - 1e-9)


@given(rates, sigmas, prices, widths, st.floats(0, 2))
@settings(max_examples=200)
def test_a_wider_band_holds_the_narrower_one(
    rate: float, sigma: float, price: float, width: float, more: float
) -> None:
    outlooks = Outlooks(Outlook(0.0, 0.0), Outlook(rate, sigma))
    narrow = by_objective(outlooks, _price(price), 8.5, 0.0, width).want
    wide = by_objective(outlooks, _price(price), 8.5, 0.0, width + more).want
    assert wide.low <= narrow.low <= narrow.high <= wide.high
    assert wide.target == narrow.target


@given(st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), max_size=300))
@settings(max_examples=60, deadline=None)
def test_the_width_stays_within_its_bounds(steps: list[tuple[float, bool]]) -> None:
    thrift = Thrift()
    for mean, acted in steps:
        thrift.learn(mean, 8.5, 2, 50, acted)
        assert NARROWEST <= thrift.width <= WIDEST
        assert 2 <= thrift.members <= 50


def test_the_band_widens_when_we_act_more_than_a_follower_would_and_narrows_when_less() -> None:
    busy, idle = Thrift(), Thrift()
    for tick in range(2000):
        mean = 85.0 + 40.0 * (tick % 8 < 4)
        busy.learn(mean, 8.5, 2, 50, acted=tick % 4 == 0)
        idle.learn(mean, 8.5, 2, 50, acted=tick % 40 == 0)
    assert idle.width < 1.0 < 2.0 < busy.width


def test_without_a_known_member_rate_nothing_is_compared() -> None:
    thrift = Thrift()
    thrift.learn(100.0, 0.0, 1, 10, acted=True)
    assert thrift == Thrift()


@given(rates, sigmas, prices, prices)
@settings(max_examples=100)
def test_a_higher_price_never_buys_less(rate: float, sigma: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert _price(low).headroom(rate, sigma) <= _price(high).headroom(rate, sigma)
    less, _, more = _price(0.5 * (low + high)).headrooms(rate, sigma, 0.5 * (high - low))
    assert less == pytest.approx(_price(low).headroom(rate, sigma), abs=1e-6)
    assert more == pytest.approx(_price(high).headroom(rate, sigma), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1), st.booleans(), st.booleans()), max_size=200))
@settings(max_examples=60, deadline=None)
def test_the_price_stays_within_its_bounds(looks: list[tuple[float, float, bool, bool]]) -> None:
    price = Price(0.01)
    for rate, missed, at_limit, in_reach in looks:
        price.learn(rate, missed, PERIOD, at_limit, in_reach)
        assert LOWEST <= price.log_price <= HIGHEST
        assert 0.0 <= price.beyond <= 10.0


def test_misses_out_of_reach_leave_less_of_the_budget_and_move_no_price() -> None:
    price, spared = Price(0.01, seconds=1e6, mean_rate=100.0), Price(0.01, seconds=1e6, mean_rate=100.0)
    # Once in twenty minutes a minute is lost for which nobody could have been ready.
    for tick in range(10_000):
        lost = tick % 240 < 12
        price.learn(100.0, 1.0 if lost else 0.0, PERIOD, False, in_reach=not lost)
        spared.learn(100.0, 0.0, PERIOD, False)
    assert price.beyond > price.budget
    # It falls as slowly as the least share of the budget lets it, and never rises.
    assert 0.6 * spared.log_price < price.log_price < 0.0


def test_a_threefold_step_is_out_of_reach_and_a_bad_minute_is_not() -> None:
    assert not within_reach(300.0, 100.0, 6.0)
    assert within_reach(120.0, 100.0, 6.0)
    assert not within_reach(1.0, 0.0, 0.0)


@pytest.mark.parametrize("members", [3.0, 10.0, 35.0])
def test_the_noise_of_counts_alone_hardly_ever_moves_members(members: float) -> None:
    dice = random.Random(11)  # noqa: S311
    rate = 8.5 * members
    counts = [max(0.0, dice.gauss(rate, (rate / PERIOD) ** 0.5)) for _ in range(3000)]
    decisions = follow(objective(), counts, ready=round(members) + 3)
    moved = sum(decision.action != "hold" for decision in decisions[600:])
    # Over 3.3 hours; a follower of the last minute's mean moves some hundred times.
    assert moved < 60


def test_a_fall_sends_members_home_in_few_actions_and_within_two_minutes() -> None:
    falling = [250.0 - 30.0 * min(5, tick) for tick in range(60)]
    decisions = follow(objective(), [250.0] * 300 + falling, ready=34)[300:]
    assert decisions[24].members <= 16
    assert sum(decision.action == "down" for decision in decisions) <= 3


def test_who_is_not_let_go_is_still_too_many_at_the_next_look() -> None:
    state, policy = ClusterState("web"), objective()
    follow(policy, [250.0] * 300, ready=34, state=state)
    answers = [
        step(policy, state, seen(300 + tick, 34, requests=50.0 * PERIOD, missed=0.0)) for tick in range(40)
    ]
    assert {answer.action for answer in answers[12:]} == {"down"}


def test_a_restart_decides_as_if_there_had_been_none() -> None:
    dice, state, policy = random.Random(4), ClusterState("web"), objective()  # noqa: S311
    ready = 12
    for tick in range(900):
        rate = 80.0 + 60.0 * (tick // 90 % 2) + dice.gauss(0.0, 5.0)
        missed = rate * PERIOD if rate > 8.5 * ready else 0.0
        look = seen(tick, ready, requests=rate * PERIOD, missed=missed)
        if tick % 100 == 99:
            copy = restore(json.loads(json.dumps(snapshot(state))))
            assert step(policy, copy, look) == step(policy, state, look)
            assert snapshot(copy) == snapshot(state)
            state = copy
            continue
        ready = max(1, step(policy, state, look).members)
    assert state.thrift.followed > 0
    assert state.price is not None
    assert state.price.beyond > 0.0

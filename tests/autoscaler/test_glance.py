"""A glance between two steps: it sees jumps and nothing else, and only ever adds."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from autoscaler.decide.controller import step
from autoscaler.decide.decision import Decision
from autoscaler.decide.glance import Glimpses, glance
from autoscaler.decide.observation import Reading
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.state import ClusterState, snapshot
from tests.autoscaler.observing import PERIOD, START, objective, seen

BY_RATE = ControllerPolicy(minimum=1, maximum=10, thresholds={"requestRate": 3.0})


def calm(policy: ControllerPolicy, rate: float, ticks: int = 60, members: int = 1) -> ClusterState:
    """A state that has seen a steady rate with the scatter of counts."""
    noise, state = random.Random(7), ClusterState("web")  # noqa: S311
    for tick in range(ticks):
        count = sum(noise.random() < rate / 1000 for _ in range(1000 * int(PERIOD)))
        step(policy, state, seen(tick, members, requests=float(count), missed=0.0))
    return state


def glanced(
    policy: ControllerPolicy, state: ClusterState, rates: list[float], members: int = 1, **more: float
) -> list[Decision]:
    """Decisions of glances a second apart, none of which is obeyed."""
    last, found = Glimpses(), []
    for number, rate in enumerate(rates, 1):
        observation = seen(0, members, requests=rate, missed=0.0)
        observation = replace(observation, time=state.last + number, period=1.0, **more)  # type: ignore[arg-type]
        decision, last = glance(policy, state, observation, last)
        found.append(decision)
    return found


def test_a_jump_is_answered_whole_by_the_first_glance_that_began_after_it() -> None:
    # The first glance holds a part of the step only: it waits.
    half, whole = glanced(BY_RATE, calm(BY_RATE, 1.0), [9.0, 18.0])
    assert half.members == 1
    assert whole.band is not None
    assert whole.band.low == 6 <= whole.members <= 7
    assert "at once: requestRate jumped to 18 where" in whole.reason
    assert whole.factor == "requestRate"


def test_what_asks_for_the_maximum_already_waits_for_nothing() -> None:
    (first,) = glanced(BY_RATE, calm(BY_RATE, 1.0), [40.0])
    assert first.members == 10
    assert first.holds == ("maximum",)


def test_chance_is_no_jump() -> None:
    noise, ordered = random.Random(3), 0  # noqa: S311
    state = calm(BY_RATE, 2.0, 400)
    rates = [float(sum(noise.random() < 2.0 / 200 for _ in range(200))) for _ in range(20_000)]
    last = Glimpses()
    for number, rate in enumerate(rates):
        observation = replace(
            seen(0, 1, requests=rate, missed=0.0), time=state.last + 1 + number % 4, period=1.0
        )
        decision, last = glance(BY_RATE, state, observation, last if number % 4 else Glimpses())
        ordered += decision.members > 1
    # 20,000 seconds of Poisson counts around two thirds of the threshold.
    assert ordered <= 2


def test_a_glance_that_finds_nothing_leaves_the_state_as_it_is() -> None:
    state = calm(BY_RATE, 1.0)
    before = snapshot(state)
    assert glanced(BY_RATE, state, [1.0, 3.0])[-1].action == "hold"
    assert snapshot(state) == before


def test_the_next_step_does_not_send_home_who_was_just_called() -> None:
    state = calm(BY_RATE, 1.0, 200)
    assert glanced(BY_RATE, state, [12.0, 12.0])[-1].members == 5
    # The step's own sample is a mean over five seconds, of which the jump was two.
    mixed = replace(seen(0, 1, requests=28.0, missed=0.0), time=state.last + PERIOD, spec=5)
    assert step(BY_RATE, state, mixed).members == 5


def test_fewer_requests_take_nobody_away() -> None:
    assert {d.members for d in glanced(BY_RATE, calm(BY_RATE, 12.0, members=4), [0.0] * 4, members=4)} == {4}


def test_an_objective_is_glanced_at_with_its_queue() -> None:
    policy = objective()
    state = calm(policy, 10.0, members=2)
    without = glanced(policy, state, [40.0, 40.0], members=2)[-1]
    queued = glanced(policy, state, [40.0, 40.0], members=2, backlog=300.0)[-1]
    assert 5 <= without.members < queued.members


def test_requests_that_wait_wake_a_cluster_at_once() -> None:
    policy = replace(BY_RATE, minimum=0, scale_to_zero=True)
    state = ClusterState("web")
    asleep, awake = (
        glance(policy, state, replace(seen(0, 0), backlog=waiting), Glimpses())[0] for waiting in (0.0, 1.0)
    )
    assert (asleep.members, awake.members) == (0, 1)


@pytest.mark.parametrize("policy", [replace(BY_RATE, paused=True), replace(BY_RATE, pinned=2)])
def test_paused_and_pinned_stay(policy: ControllerPolicy) -> None:
    assert glanced(policy, calm(BY_RATE, 1.0), [40.0, 40.0], members=2)[-1].members == 2


def test_an_old_state_expects_nothing() -> None:
    state = calm(BY_RATE, 1.0)
    late = replace(seen(0, 1, requests=40.0), time=state.last + 60.0, period=1.0)
    assert glance(BY_RATE, state, late, Glimpses())[0].members == 1


def test_one_step_up_is_bounded_as_elsewhere() -> None:
    policy = replace(BY_RATE, step_up=2)
    assert glanced(policy, calm(BY_RATE, 1.0), [40.0, 40.0])[-1].members == 3


def test_requests_in_flight_scatter_as_they_did() -> None:
    policy = ControllerPolicy(minimum=1, maximum=10, thresholds={"requestsInFlight": 4.0})
    state = ClusterState("web")
    for tick in range(30):
        step(policy, state, seen(tick, 1, factors={"requestsInFlight": Reading(1.0 + tick % 3)}))
    at = replace(seen(0, 1), time=START + 30 * PERIOD, period=1.0)
    usual, last = glance(policy, state, replace(at, factors={"requestsInFlight": Reading(4.0)}), Glimpses())
    assert usual.members == 1
    many = replace(at, factors={"requestsInFlight": Reading(90.0)})
    assert glance(policy, state, many, last)[0].members == 10

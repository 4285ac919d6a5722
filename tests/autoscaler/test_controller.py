"""One step of the controller: factors, band, holds, limits, clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from autoscaler.decide.controller import step
from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import PolicyError, ScheduledMinimum
from autoscaler.decide.state import ClusterState
from tests.autoscaler.observing import START, follow, objective, seen, thresholds


def readings(in_flight: float, memory: float = 10.0, load: float = 10.0) -> dict[str, Reading]:
    return {
        "requestsInFlight": Reading(in_flight),
        "memory": Reading(memory),
        "loadAverage": Reading(load),
    }


def test_a_steady_load_settles_on_members_for_it_with_some_head_room() -> None:
    last = follow(objective(), [85.0] * 200, ready=2)[-1]
    assert 10 < last.members <= 15
    assert last.factor == "requests"
    assert last.band is not None
    assert last.band.low <= last.members <= last.band.high


def test_a_steady_load_causes_no_action_once_settled() -> None:
    assert {decision.action for decision in follow(objective(), [85.0] * 300, ready=2)[100:]} == {"hold"}


def test_a_step_up_is_answered_in_the_same_tick() -> None:
    decisions = follow(objective(), [85.0] * 100 + [250.0], ready=13)
    assert decisions[-1].action == "up"
    assert decisions[-1].members >= 0.8 * 250.0 / 8.5


def test_requests_that_wait_ask_for_members_too() -> None:
    calm = follow(objective(), [85.0] * 50, ready=13, backlog=0.0)[-1]
    queued = follow(objective(), [85.0] * 50, ready=13, backlog=600.0)[-1]
    assert queued.members > calm.members


def test_a_dip_of_one_sample_takes_nobody_away() -> None:
    decisions = follow(objective(), [85.0] * 100 + [0.0], ready=13)
    assert decisions[-1].members == decisions[-2].members


def test_the_most_demanding_factor_wins_and_is_named() -> None:
    policy, state = thresholds(), ClusterState("web")
    for tick in range(30):
        decision = step(policy, state, seen(tick, 4, factors=readings(in_flight=130.0, load=50.0)))
    assert decision.factor == "requestsInFlight"
    assert decision.members == 7
    assert set(decision.wants) == {"requestsInFlight", "memory", "loadAverage"}


def test_load_average_is_a_mean_and_counts_ready_members() -> None:
    policy, state = thresholds(thresholds={"loadAverage": 70.0}), ClusterState("web")
    decision = step(policy, state, seen(0, 6, factors={"loadAverage": Reading(140.0)}))
    # Stratos would multiply by the minimum; the need is 6 × 140 / 70.
    assert decision.members >= 12


def test_memory_adds_members_over_its_threshold() -> None:
    policy, state = thresholds(), ClusterState("web")
    decision = step(policy, state, seen(0, 1, factors=readings(in_flight=5.0, memory=85.0)))
    # Half way from 70 to 100 %: half way from 1 to 20 members.
    assert decision.members == 11
    assert decision.factor == "memory"


def test_low_memory_never_takes_members_away() -> None:
    policy, state = thresholds(thresholds={"memory": 70.0}), ClusterState("web")
    for tick in range(100):
        decision = step(policy, state, seen(tick, 9, factors={"memory": Reading(5.0)}))
    assert decision.wants["memory"].low == 0
    both, state = thresholds(), ClusterState("web")
    for tick in range(100):
        decision = step(both, state, seen(tick, 9, factors=readings(in_flight=170.0, memory=5.0)))
    assert decision.members == 9


def test_a_missing_factor_holds_a_scale_down_but_not_a_scale_up() -> None:
    policy, state = thresholds(), ClusterState("web")
    for tick in range(60):
        factors = {"requestsInFlight": Reading(20.0)}
        decision = step(policy, state, seen(tick, 10, factors=factors))
    assert decision.members == 10
    assert "missing:memory" in decision.holds
    up = step(policy, state, seen(60, 10, factors={"requestsInFlight": Reading(2000.0)}))
    assert up.members > 10


def test_with_a_factor_missing_the_need_is_what_the_others_ask_for_at_least() -> None:
    policy, state = thresholds(), ClusterState("web")
    for tick in range(30):
        decision = step(policy, state, seen(tick, 4, factors={"requestsInFlight": Reading(130.0)}))
    assert decision.need == pytest.approx(6.5, abs=0.5)
    assert not decision.whole
    for tick in range(30, 60):
        decision = step(policy, state, seen(tick, 4, factors=readings(in_flight=130.0, load=50.0)))
    assert decision.need == pytest.approx(6.5, abs=0.5)
    assert decision.whole
    silent = step(thresholds(), ClusterState("web"), seen(0, 4))
    assert (silent.need, silent.whole) == (None, False)


def test_a_stale_factor_is_a_missing_one() -> None:
    policy, state = objective(), ClusterState("web")
    decision = step(policy, state, seen(0, 10, requests=0.0, requests_age=31.0))
    assert decision.members == 10
    assert decision.holds == ("missing:requests",)


@pytest.mark.parametrize(("fallback", "members"), [("hold", 10), ("max", 50), ("min", 2), (17, 17)])
def test_the_declared_fallback_comes_after_its_time_and_is_said(fallback: str | int, members: int) -> None:
    policy, state = objective(fallback=fallback, fallback_after=60.0), ClusterState("web")
    decisions = [step(policy, state, seen(tick, 10)) for tick in range(14)]
    assert {decision.members for decision in decisions[:12]} == {10}
    assert decisions[-1].members == members
    assert ("fallback" in decisions[-1].reason) == (fallback != "hold")


def test_a_fallback_only_adds_while_another_factor_is_known() -> None:
    policy, state = thresholds(fallback="min", fallback_after=60.0), ClusterState("web")
    for tick in range(30):
        decision = step(policy, state, seen(tick, 10, factors={"requestsInFlight": Reading(150.0)}))
    assert decision.members == 10


def test_a_paused_policy_keeps_even_what_is_out_of_bounds() -> None:
    decision = step(objective(paused=True), ClusterState("web"), seen(0, 60, requests=0.0))
    assert (decision.members, decision.holds) == (60, ("paused",))


def test_a_pinned_policy_says_so() -> None:
    decision = step(objective(pinned=3), ClusterState("web"), seen(0, 8, requests=400.0))
    assert (decision.members, decision.holds) == (3, ("pinned",))


def test_new_bounds_are_taken_at_once() -> None:
    policy, state = objective(), ClusterState("web")
    assert step(policy, state, seen(0, 10, requests=425.0)).members > 10
    assert step(policy, state, seen(1, 10, requests=425.0, maximum=9)).members == 9
    assert step(policy, state, seen(2, 9, requests=425.0, minimum=30)).members == 30


def test_no_request_for_the_idle_time_scales_to_zero_and_the_first_one_wakes() -> None:
    policy = objective(minimum=0, scale_to_zero=True, idle_seconds=60.0)
    state = ClusterState("web")
    decisions = follow(policy, [10.0] * 5 + [0.0] * 12, ready=2, state=state)
    assert [decision.members for decision in decisions[-2:]] == [1, 0]
    woken = step(policy, state, seen(17, 0, requests=0.0, backlog=1.0))
    assert woken.members >= 1


def test_unknown_work_is_not_idle() -> None:
    policy = objective(minimum=0, scale_to_zero=True, idle_seconds=60.0)
    state = ClusterState("web")
    decisions = [step(policy, state, seen(tick, 2)) for tick in range(100)]
    assert decisions[-1].members == 2


def test_without_leave_a_minimum_of_zero_still_keeps_one() -> None:
    assert follow(objective(minimum=0), [0.0] * 200, ready=3)[-1].members == 1


def test_a_scheduled_minimum_holds_in_its_window_and_begins_a_lead_early() -> None:
    entry = ScheduledMinimum("0 8 * * 1-5", members=12, seconds=3600.0, timezone="Europe/Zurich")
    monday = datetime(2026, 3, 2, 7, 0, tzinfo=UTC).timestamp()  # 08:00 in Zurich
    assert not entry.holds(monday - 120, ahead=60)
    assert entry.holds(monday - 60, ahead=60)
    assert entry.holds(monday + 3599, ahead=60)
    assert not entry.holds(monday + 3600, ahead=60)
    policy = objective(schedule=(entry,))
    decision = step(policy, ClusterState("web"), replace(seen(0, 3, requests=5.0), time=monday + 10))
    assert decision.members == 12
    assert "scheduled-minimum" in decision.holds


def test_time_going_back_is_held_and_then_believed() -> None:
    policy, state = objective(), ClusterState("web")
    for tick in range(20):
        step(policy, state, seen(tick, 10, requests=350.0))
    held = [step(policy, state, seen(tick, 10, requests=0.0)) for tick in range(-100, -95)]
    assert {decision.members for decision in held} == {10}
    assert {decision.holds for decision in held} == {("clock",)}
    later = [step(policy, state, seen(tick, 10, requests=350.0)) for tick in range(-95, -90)]
    assert later[-1].holds == ()


def test_a_jump_far_ahead_takes_nobody_away_at_once() -> None:
    policy, state = objective(), ClusterState("web")
    for tick in range(50):
        step(policy, state, seen(tick, 12, requests=425.0))
    decision = step(policy, state, seen(100_000, 12, requests=5.0))
    assert decision.members == 12
    assert "gap" in decision.holds


def test_longer_starts_are_forecast_further_ahead() -> None:
    ramp = [50.0 + tick * 0.5 for tick in range(300)]
    soon = follow(objective(maximum=200), ramp, ready=8, start_seconds=20.0)[-1]
    late = follow(objective(maximum=200), ramp, ready=8, start_seconds=180.0)[-1]
    assert (soon.lead_seconds, late.lead_seconds) == (25.0, 185.0)
    assert late.members > soon.members


def test_another_period_is_followed() -> None:
    policy, state = objective(), ClusterState("web")
    for tick in range(40):
        moment = START + 30.0 * tick
        decision = step(
            policy, state, Observation(moment, "web", 10, 10, period=30.0, requests=85.0 * 30.0, missed=0.0)
        )
    assert decision.lead_seconds == 90.0
    assert 10 < decision.members <= 15


def test_the_period_is_found_where_nobody_tells_it() -> None:
    policy, state = objective(), ClusterState("web")
    for tick in range(40):
        moment = START + 15.0 * tick
        decision = step(policy, state, Observation(moment, "web", 10, 10, requests=85.0 * 15.0, missed=0.0))
    assert state.step == 15.0
    assert 10 < decision.members <= 15


@pytest.mark.parametrize("forecaster", ["stratos", "reactive", "seasonal", "auto"])
def test_every_forecaster_meets_a_steady_load(forecaster: str) -> None:
    last = follow(objective(forecaster=forecaster), [170.0] * 200, ready=5)[-1]
    assert 20 <= last.members <= 27


def test_stratos_forecasts_a_ramp_further_than_reactive_does() -> None:
    ramp = [20.0 + tick * 0.6 for tick in range(200)]
    stratos = follow(objective(forecaster="stratos"), ramp, ready=3)[-1]
    reactive = follow(objective(forecaster="reactive"), ramp, ready=3)[-1]
    assert stratos.forecast["requests"]["value"] > reactive.forecast["requests"]["value"] + 5.0


def test_damping_bounds_a_single_action() -> None:
    assert follow(objective(step_up=3), [300.0], ready=5)[-1].members == 8
    falling = follow(objective(step_down=2), [170.0] * 100 + [20.0] * 30, ready=25)
    changes = [before.members - after.members for before, after in pairwise(falling)]
    assert max(changes) == 2


def test_a_declared_settling_time_is_kept() -> None:
    load = [170.0] * 100 + [20.0] * 80
    patient = follow(objective(settle=300.0), load, ready=25)
    assert min(decision.members for decision in patient[:155]) >= 20
    assert patient[-1].members < 5
    assert follow(objective(), load, ready=25)[130].members < 5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"minimum": 5, "maximum": 4}, "5..4"),
        ({"objective": None}, "thresholds or an objective"),
        ({"pinned": 51}, "0 to 50"),
        ({"thresholds": {"memory": 120.0}}, "over 100"),
        ({"member_rate": 0.0}, "more than 0"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        objective(**changes)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("nonsense", "cron"),
        ("61 * * * *", "cron"),
        ("0 8 30 2 *", "never begins"),
        ("0 8 31 4,6 *", "never begins"),
    ],
)
def test_a_schedule_that_is_no_cron_line_or_never_begins_is_refused(cron: str, words: str) -> None:
    with pytest.raises(PolicyError, match=words):
        ScheduledMinimum(cron, 1, 60.0)
    with pytest.raises(PolicyError, match="time zone"):
        ScheduledMinimum("0 8 * * *", 1, 60.0, "Mars/Olympus")

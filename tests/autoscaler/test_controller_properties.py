"""Whatever is seen, the controller keeps its bounds, takes nobody away blindly, and follows more load."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide.controller import step
from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import ControllerPolicy, Objective
from autoscaler.decide.state import ClusterState
from tests.autoscaler.observing import PERIOD, follow, objective, seen

tick_data = st.fixed_dictionaries(
    {
        "rate": st.none() | st.floats(0, 2000),
        "missed": st.floats(0, 1),
        "backlog": st.none() | st.floats(0, 5000),
        "ready": st.integers(0, 60),
        "starting": st.integers(0, 20),
        "gap": st.sampled_from([1, 1, 1, 1, 0, -3, 40]),
        "memory": st.none() | st.floats(0, 200),
    }
)


def _observations(ticks: list[dict[str, object]]) -> list[Observation]:
    found, at = [], 0
    for data in ticks:
        at += data["gap"]  # type: ignore[operator]
        rate, ready = data["rate"], data["ready"]
        requests = None if rate is None else rate * PERIOD  # type: ignore[operator]
        memory = data["memory"]
        found.append(
            seen(
                at,
                ready,  # type: ignore[arg-type]
                spec=ready + data["starting"],  # type: ignore[operator]
                requests=requests,
                missed=None if requests is None else requests * data["missed"],
                backlog=data["backlog"],
                factors={} if memory is None else {"memory": Reading(memory)},  # type: ignore[arg-type]
            )
        )
    return found


@given(st.lists(tick_data, max_size=25), st.sampled_from(["auto", "stratos", "reactive", "seasonal"]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_seen_the_answer_is_within_bounds(
    ticks: list[dict[str, object]], forecaster: str
) -> None:
    policy = objective(thresholds={"memory": 70.0}, forecaster=forecaster)
    state = ClusterState("web")
    for observation in _observations(ticks):
        decision = step(policy, state, observation)
        assert 2 <= decision.members <= 50 or decision.holds == ("clock",)
        assert decision.reason


@given(st.lists(tick_data, max_size=25))
@settings(max_examples=60, deadline=None)
def test_nobody_is_taken_away_while_a_factor_is_missing(ticks: list[dict[str, object]]) -> None:
    policy = objective(thresholds={"memory": 70.0})
    state = ClusterState("web")
    for observation in _observations(ticks):
        decision = step(policy, state, observation)
        if observation.requests is None or not observation.factors:
            assert decision.members >= min(observation.spec, policy.maximum)


mean_data = st.fixed_dictionaries(
    {"load": st.floats(0, 200), "ready": st.integers(0, 30), "starting": st.integers(0, 20)}
)


@given(st.lists(mean_data, max_size=60), st.sampled_from(["auto", "stratos", "reactive", "seasonal"]))
@settings(max_examples=60, deadline=None)
def test_nobody_is_taken_away_while_the_ready_members_are_full_or_there_are_none(
    ticks: list[dict[str, float]], forecaster: str
) -> None:
    policy = ControllerPolicy(maximum=60, thresholds={"loadAverage": 70.0}, forecaster=forecaster)  # type: ignore[arg-type]
    state = ClusterState("web")
    for tick, data in enumerate(ticks):
        ready = int(data["ready"])
        spec = ready + int(data["starting"])
        look = seen(tick, ready, spec=spec, factors={"loadAverage": Reading(data["load"])})
        decision = step(policy, state, look)
        if not ready or data["load"] > 70.0:
            assert decision.members >= spec


@given(st.floats(1, 300), st.floats(1.0, 3.0))
@settings(max_examples=40, deadline=None)
def test_more_load_never_wants_fewer_members(rate: float, factor: float) -> None:
    policy = ControllerPolicy(minimum=1, maximum=1000, objective=Objective(0.01), member_rate=8.5)
    less = follow(policy, [rate] * 30, ready=1)[-1]
    more = follow(policy, [rate * factor] * 30, ready=1)[-1]
    assert more.members >= less.members

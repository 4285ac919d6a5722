"""The controller as a filter, its state on disk, its documents and schemas."""

from __future__ import annotations

import io
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide.controller import step
from autoscaler.decide.observation import ObservationError, read_observation
from autoscaler.decide.policy import PolicyError
from autoscaler.decide.state import ClusterState, StateError, restore, snapshot
from autoscaler.decide.stream import decide_stream, read_policy
from blueprints.findings import DocumentError
from tests.autoscaler.observing import PERIOD, START, objective, seen

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "docs" / "schemas"

POLICY = """
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: budget
objective: {latency: 300ms, misses: 1%}
thresholds: {memory: 80}
schedule: [{cron: "0 8 * * 1-5", duration: 1h, minimum: 4}]
fallback: {after: 90s, members: max}
"""


def observation(tick: int, **changes: object) -> dict[str, object]:
    return {
        "time": START + tick * PERIOD,
        "cluster": "web",
        "ready": 6,
        "spec": 6,
        "period": PERIOD,
        "requests": 250.0,
        "missed": 0.0,
        "backlog": 0.0,
        "factors": {"memory": {"value": 40.0, "age": 1.0}},
    } | changes


def answers(lines: list[object]) -> list[dict[str, object]]:
    source = io.StringIO(
        "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    )
    sink = io.StringIO()
    decide_stream(objective(thresholds={"memory": 80.0}), source, sink)
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def schema(name: str) -> jsonschema.Draft202012Validator:
    loaded = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def test_every_line_gets_one_answer_and_bad_ones_an_error_with_their_number() -> None:
    found = answers(
        [observation(0), "{not json", [1], {"time": 1}, "", observation(1), observation(2, ready=-1)]
    )
    assert [("error" in answer) for answer in found] == [False, True, True, True, False, True]
    assert [answer.get("line") for answer in found] == [None, 2, 3, 4, None, 7]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ready": 1.5}, "ready 1.5"),
        ({"ready": None}, "ready None"),
        ({"requests": "many"}, "requests 'many'"),
        ({"time": "yesterday"}, "time 'yesterday'"),
        ({"reqeusts": 1}, "unknown field 'reqeusts'"),
        ({"factors": {"memory": {"value": -1}}}, "factor memory"),
        ({"factors": {"memory": {"age": 3}}}, "leave it out"),
        ({"period": 0}, "period 0"),
        ({"maximum": 0}, "2..0"),
        ({"cluster": 7}, "cluster 7"),
        ({"time": 10**400}, "before the year 9000"),
        ({"time": 1.7e12}, "time 1700000000000.0: expected seconds"),
        ({"time": "9999-12-31T23:59:59Z"}, "before the year 9000"),
        ({"ready": 10**400}, "ready 1000"),
        ({"ready": math.inf}, "ready inf"),
        ({"spec": 1e300}, "spec 1e+300"),
        ({"requests": 10**400}, "requests 1000"),
        ({"requests": math.nan}, "requests nan"),
        ({"period": 1e-9}, "period 1e-09: must be at least 0.001 s"),
    ],
)
def test_an_error_names_the_field_and_the_value(changes: dict[str, object], words: str) -> None:
    [answer] = answers([observation(0, **changes)])
    assert words in str(answer["error"])


def test_numbers_of_any_length_are_refused_in_a_short_line_and_the_stream_goes_on() -> None:
    for digits in (400, 5000):
        line = json.dumps(observation(0)).replace("250.0", "1" * digits)
        refused, answered = answers([line, observation(1)])
        assert len(str(refused["error"])) < 200
        assert answered["cluster"] == "web"


def test_misses_that_are_counted_late_are_all_of_the_requests_at_most() -> None:
    assert read_observation(observation(0, requests=10.0, missed=12.0)).missed == 10.0
    assert read_observation(observation(0, requests=0.0, missed=3.0)).missed == 0.0
    assert read_observation(observation(0, requests=None, missed=3.0)).missed == 3.0


def test_a_refused_line_changes_nothing() -> None:
    good = [observation(tick) for tick in range(30)]
    spoilt: list[object] = []
    for line in good:
        spoilt += [line, "}{", {**line, "ready": "x"}]
    assert [one for one in answers(spoilt) if "error" not in one] == answers(list(good))


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@given(st.text(max_size=60) | json_values)
@settings(max_examples=80, deadline=None)
def test_no_garbage_stops_the_stream(garbage: object) -> None:
    line = garbage if isinstance(garbage, str) else json.dumps(garbage)
    found = answers([line.replace("\n", " ").replace("\r", " "), observation(0)])
    assert found[-1]["cluster"] == "web"


def test_clusters_are_told_apart() -> None:
    busy = [observation(tick, cluster="busy", requests=900.0) for tick in range(5)]
    idle = [observation(tick, cluster="idle", requests=1.0) for tick in range(5)]
    mixed = answers([line for pair in zip(busy, idle, strict=True) for line in pair])
    assert mixed[::2] == answers(list(busy))
    assert mixed[1::2] == answers(list(idle))


def test_members_with_unknown_values_are_taken_to_be_like_the_others() -> None:
    line = observation(0, factors={"requestsInFlight": {"members": {"a": 10, "b": 20, "c": None}}})
    assert read_observation(line).factors["requestsInFlight"].value == 45.0
    line = observation(0, factors={"loadAverage": {"members": {"a": 50, "b": 70}}})
    assert read_observation(line).factors["loadAverage"].value == 60.0
    line = observation(0, factors={"depth": {"members": {"a": 10, "b": 20, "c": None}}})
    assert read_observation(line).factors["depth"].value == 45.0
    assert read_observation(line, frozenset({"depth"})).factors["depth"].value == 15.0
    with pytest.raises(ObservationError, match="leave it out"):
        read_observation(observation(0, factors={"loadAverage": {"members": {"a": None}}}))


def test_members_on_their_way_were_asked_for() -> None:
    line = {"time": 1, "ready": 3}
    assert read_observation(line).spec == 3
    assert read_observation({**line, "starting": 4}).spec == 7
    assert read_observation({**line, "spec": 5}).starting == 2


def test_times_may_be_iso_8601() -> None:
    assert read_observation(observation(0, time="2026-01-01T00:00:00Z")).time == 1767225600.0


def test_answers_and_observations_keep_to_their_schemas() -> None:
    observations, decisions = schema("observation"), schema("decision")
    lines = [observation(tick, requests=250.0 + 40 * tick) for tick in range(12)]
    lines += [observation(12, requests=None), observation(13, factors={"memory": 95.0})]
    lines += [observation(14, requests=10.0, missed=12.0), observation(15, period=None, spec=9)]
    for line in lines:
        observations.validate(line)
    for answer in [*answers([*lines, "garbage"])]:
        decisions.validate(answer)
    assert not observations.is_valid({**lines[0], "reqeusts": 1})
    assert not observations.is_valid({"time": 1.0})


@given(st.lists(st.floats(0, 800, allow_subnormal=False), min_size=2, max_size=40), st.integers(1, 39))
@settings(max_examples=25, deadline=None)
def test_a_restored_state_decides_identically(rates: list[float], cut: int) -> None:
    policy = objective(member_rate=None, thresholds={"memory": 80.0})
    whole, parted, ready = ClusterState("web"), ClusterState("web"), 4
    for tick, rate in enumerate(rates):
        if tick == cut:
            parted = restore(json.loads(json.dumps(snapshot(parted))))
        look = seen(tick, ready, requests=rate * PERIOD, missed=0.3 * rate * PERIOD * (tick % 3 == 0))
        decision = step(policy, whole, look)
        assert step(policy, parted, look) == decision
        ready = decision.members
    assert snapshot(parted) == snapshot(whole)


def test_a_state_survives_a_day_with_seasons() -> None:
    policy, state = objective(), ClusterState("web")
    for tick in range(0, 1200):
        rate = 100.0 + 50.0 * math.sin(tick / 200)
        step(policy, state, seen(tick, 15, requests=rate * PERIOD, missed=0.0))
    copy = restore(json.loads(json.dumps(snapshot(state))))
    assert snapshot(copy) == snapshot(state)
    look = seen(1200, 15, requests=600.0, missed=0.0)
    assert step(policy, copy, look) == step(policy, state, look)


@pytest.mark.parametrize(
    "data", [None, {}, {"version": 99, "state": {}}, {"version": 2, "state": {"cluster": 1}}]
)
def test_a_foreign_or_damaged_state_is_refused(data: object) -> None:
    with pytest.raises(StateError):
        restore(data)


def test_a_policy_is_read_from_its_document(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    policy = read_policy(path, minimum=2, maximum=30)
    assert (policy.minimum, policy.maximum) == (2, 30)
    assert policy.objective is not None
    assert (policy.objective.budget, policy.objective.latency_ms) == (0.01, 300.0)
    assert policy.thresholds == {"memory": 80.0}
    assert policy.schedule[0].members == 4
    assert (policy.fallback, policy.fallback_after) == ("max", 90.0)
    assert policy.settle is None


def test_a_declared_settling_time_reaches_the_controller(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY + "damping: {settle: 2m, stepDown: 1}\n")
    policy = read_policy(path)
    assert (policy.settle, policy.step_down) == (120.0, 1)


def test_a_missing_file_and_a_wrong_document_are_said_plainly(tmp_path: Path) -> None:
    with pytest.raises((PolicyError, DocumentError)):
        read_policy(tmp_path / "none.yaml")
    path = tmp_path / "two.yaml"
    path.write_text(POLICY + "---" + POLICY.replace("budget", "other"))
    with pytest.raises(PolicyError, match="budget, other"):
        read_policy(path)
    assert read_policy(path, name="other").thresholds == {"memory": 80.0}


def test_the_sample_for_simulators_is_answered_line_by_line() -> None:
    folder = ROOT / "blueprints/library/samples/decide"
    observations, decisions = schema("observation"), schema("decision")
    lines = (folder / "observations.jsonl").read_text().splitlines()
    for line in lines:
        observations.validate(json.loads(line))
    source, sink = io.StringIO("\n".join(lines)), io.StringIO()
    assert decide_stream(read_policy(folder / "policy.yaml", minimum=2, maximum=20), source, sink) == 0
    found = [json.loads(answer) for answer in sink.getvalue().splitlines()]
    for answer in found:
        decisions.validate(answer)
    assert [answer["action"] for answer in found] == ["hold"] * 5 + ["up"]


def test_a_program_can_wait_for_each_answer_and_bytes_that_are_no_text_end_nothing() -> None:
    sample = ROOT / "blueprints/library/samples/decide/policy.yaml"
    with subprocess.Popen(
        [sys.executable, "-m", "console", "decide", "--policy", str(sample)],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, words in (
            (b'{"time": 1, "ready": 2, "cluster": "w\xff"}', b'"members":2'),
            (b'{"time": 2, "ready": \xff}', b'{"error":"not JSON'),
            (b'{"time": 3, "ready": 3}', b'"members":3'),
        ):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            assert words in process.stdout.readline()
        process.stdin.close()
        assert process.wait() == 2

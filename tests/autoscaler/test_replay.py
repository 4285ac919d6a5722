"""Replay: traces, the simulated cluster, figures, reports."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.decide.policy import ControllerPolicy, Objective, PolicyError
from autoscaler.replay.elasticity import elastic_speedup, quality
from autoscaler.replay.equal_misses import tuned_to
from autoscaler.replay.families import FAMILIES, TICKS, family
from autoscaler.replay.fluid import FluidCluster, FluidModel
from autoscaler.replay.loop import run
from autoscaler.replay.peers.catalogue import PEERS
from autoscaler.replay.peers.static import Static
from autoscaler.replay.report import prepared, replay
from autoscaler.replay.shapes import PEAK
from autoscaler.replay.subject import Subject
from autoscaler.replay.trace import Trace, TraceError, read_trace
from console.autoscaling_commands import replay as command
from console.errors import BadInput

TRACES = Path(__file__).parents[2].parent / "shared/data/traces"
needs_traces = pytest.mark.skipif(not TRACES.is_dir(), reason=f"no public traces in {TRACES}")


def policy(budget: float = 0.01) -> ControllerPolicy:
    return ControllerPolicy(minimum=2, maximum=120, objective=Objective(budget), member_rate=8.5)


def flat(rate: float, hours: float = 1.0) -> Trace:
    return Trace("flat", 0.0, 5.0, np.full(round(hours * 720), rate))


def test_a_trace_is_read_with_its_step_and_gaps_filled(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("timestamp,value\n2026-01-01 00:00,60\n2026-01-01 00:01,120\n2026-01-01 00:04,300\n")
    trace = read_trace(path)
    assert trace.step == pytest.approx(60.0, abs=61)
    assert trace.start == 1767225600.0
    assert trace.rates[0] * trace.step == pytest.approx(60.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("when,what\n1,2\n", ":1: expected the header"),
        ("timestamp,value\n1,2\n1,3\n", ":3: '1' is not later"),
        ("timestamp,value\n1,2\nsoon,3\n", ":3: 'soon'"),
        ("timestamp,value\n1,2\n2,many\n", ":3: expected a number"),
        ("timestamp,value\n1,2\n2,-1\n", ":3: -1.0 is not a load"),
        ("timestamp,value\n1,2\n", "at least two rows"),
        ("timestamp,value\nnan,2\n2,3\n", ":2: 'nan' is neither"),
        ("timestamp,value\n1,2\ninf,3\n", ":3: 'inf' is neither"),
        ("timestamp,value\n1,2\n1e15,3\n", ":3: '1e15' is neither"),
        ("timestamp,value\n1,2\n2,nan\n", ":3: nan is not a load"),
        ("timestamp,value\n1,2\n2,1e300\n", r":3: 1e\+300 is not a load"),
        ("timestamp,value\n1,2\n2,3\n3,3\n100000000000,3\n", "its longest gap is of 1.16e"),
    ],
)
def test_a_bad_trace_is_refused_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "load.csv"
    path.write_text(text)
    with pytest.raises(TraceError, match=words.replace("(", r"\(")):
        read_trace(path)


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("\ufefftimestamp,value\n0,60\n60,120\n", encoding="utf-8")
    assert read_trace(path).step == 60.0


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        ({"days": math.nan}, "a number of days above 0"),
        ({"days": 0.0}, "a number of days above 0"),
        ({"days": math.inf}, "a number of days above 0"),
        ({"first_day": -1.0}, "a first day from 0"),
        ({"first_day": 1e308}, "past the end"),
        ({"smooth": math.nan}, "smoothing over nan s; allowed are 0 to 3600 s"),
        ({"smooth": -5.0}, "smoothing over -5 s"),
        ({"smooth": 1e12}, "smoothing over 1e"),
    ],
)
def test_what_is_no_part_of_a_trace_is_refused(cut: dict[str, float], words: str) -> None:
    with pytest.raises(TraceError, match=words):
        prepared(flat(100.0), FluidModel(), **cut)


def test_a_trace_of_centuries_is_not_replayed_by_seconds() -> None:
    with pytest.raises(TraceError, match="too long to replay"):
        prepared(Trace("long", 0.0, 86_400.0, np.ones(40_000)), FluidModel())


def test_a_missing_trace_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")


def test_preparation_scales_the_peak_to_the_members_asked_for() -> None:
    model = FluidModel()
    raw = Trace("wave", 0.0, 60.0, 5.0 + 4.0 * np.sin(np.arange(5000) / 50))
    trace = prepared(raw, model, peak_members=40)
    assert trace.step == model.tick
    assert model.demand(float(np.percentile(trace.rates, 99.8))) in (39, 40)


def test_smoothing_keeps_the_total_and_takes_the_noise() -> None:
    noisy = Trace("n", 0.0, 60.0, np.random.default_rng(1).poisson(20, 2000).astype(float))
    smooth = noisy.smoothed(600.0)
    assert smooth.rates.mean() == pytest.approx(noisy.rates.mean(), rel=0.01)
    assert smooth.rates.std() < 0.5 * noisy.rates.std()


def test_the_same_seed_gives_the_same_arrivals() -> None:
    trace = flat(50.0)
    assert (trace.arrivals(3) == trace.arrivals(3)).all()
    assert (trace.arrivals(3) != trace.arrivals(4)).any()


def test_a_member_serves_after_its_start_and_costs_from_the_order_on() -> None:
    cluster, now, ready = FluidCluster(FluidModel(), 2), 0.0, []
    for tick in range(16):
        cluster.tick(0.0, now)
        now += 5.0
        ready.append(cluster.ready)
        if tick == 0:
            cluster.order(5, now)
        assert cluster.spec == (2 if tick == 0 else 5)
    assert ready.index(5) == 13  # ordered at 5 s, ready at 65 s
    cluster.order(3, now)
    cluster.tick(0.0, now)
    assert cluster.ready == 3


def test_actuation_time_delays_the_order() -> None:
    cluster, now = FluidCluster(FluidModel(actuation_seconds=45.0), 2), 0.0
    cluster.order(5, now)
    specs = []
    for _ in range(12):
        cluster.tick(0.0, now)
        now += 5.0
        specs.append(cluster.spec)
    assert specs.index(5) == 9


def test_starting_members_are_cancelled_before_ready_ones_leave() -> None:
    cluster = FluidCluster(FluidModel(), 4)
    cluster.order(9, 0.0)
    cluster.tick(0.0, 0.0)
    cluster.order(4, 5.0)
    cluster.tick(0.0, 5.0)
    assert (cluster.ready, cluster.starting) == (4, 0)


def test_requests_miss_over_the_utilisation_that_keeps_the_objective() -> None:
    cluster = FluidCluster(FluidModel(), 2)
    cluster.tick(85.0, 0.0)
    assert cluster.missed == 0.0
    cluster.tick(86.0, 5.0)
    assert cluster.missed == 86.0


@given(st.lists(st.floats(0, 500), min_size=1, max_size=40))
@settings(max_examples=50)
def test_no_request_is_lost_count_of(arrivals: list[float]) -> None:
    cluster, served, dropped = FluidCluster(FluidModel(), 3), 0.0, 0.0
    for tick, count in enumerate(arrivals):
        cluster.tick(count, tick * 5.0)
        served += cluster.served
        dropped += cluster.dropped
    assert served + dropped + cluster.backlog == pytest.approx(sum(arrivals), abs=1e-6)


def test_elasticity_metrics_of_a_hand_made_case() -> None:
    found = quality(
        tick=5.0,
        demand=np.array([4, 4, 8, 8]),
        ready=np.array([4, 6, 4, 8]),
        spec=np.array([4, 6, 4, 8]),
        arrivals=np.array([10, 10, 20, 20]),
        missed=np.array([0.0, 0.0, 20.0, 0.0]),
    )
    assert found.under_accuracy == pytest.approx(100 * (4 / 8) / 4)
    assert found.over_accuracy == pytest.approx(100 * (2 / 4) / 4)
    assert (found.under_timeshare, found.over_timeshare) == (25.0, 25.0)
    assert found.miss_percent == pytest.approx(100 * 20 / 60)
    assert found.cost == pytest.approx(22 / 24)
    # Moves up, down, up; the demand moves in the second alone, the other way, and not in the others.
    assert found.instability == pytest.approx(100.0)
    assert found.actions_per_day == pytest.approx(3 * 86400 / 20)
    assert found.reversals_per_day == pytest.approx(2 * 86400 / 20)
    assert elastic_speedup(found, found) == pytest.approx(1.0)


def test_a_replay_is_repeatable() -> None:
    trace, model = flat(120.0), FluidModel()
    first = run(trace, model, Subject(policy(), model))
    second = run(trace, model, Subject(policy(), model))
    assert first.quality == second.quality
    assert (first.spec == second.spec).all()


def test_a_peer_is_tuned_to_the_misses_asked_for() -> None:
    model = FluidModel()
    raw = Trace("wave", 0.0, 60.0, 150.0 + 90.0 * np.sin(np.arange(90) / 12))
    trace = prepared(raw, model)
    found = tuned_to(trace, model, PEERS["kpa"], 5.0)
    assert found is not None
    again = run(trace, model, PEERS["kpa"](model, found.target)).quality
    assert again.miss_percent == pytest.approx(5.0, abs=1.5)
    assert tuned_to(trace, FluidModel(maximum=5), PEERS["kpa"], 1.0) is None


def test_a_report_has_figures_a_table_and_a_chart(tmp_path: Path) -> None:
    report = replay(flat(120.0, 0.5), policy(), ("hpa", "kpa"))
    data = json.loads(json.dumps(report.as_json()))
    assert list(data["runs"]) == ["altostratus", "hpa", "kpa"]
    assert data["runs"]["hpa"]["cost"] > 0.0
    assert "| kpa |" in report.table()
    report.plot(tmp_path / "plot.svg")
    drawn = ElementTree.parse(tmp_path / "plot.svg").getroot()  # noqa: S314
    assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 3


def test_thresholds_that_cannot_be_simulated_are_left_out() -> None:
    model = FluidModel()
    both = ControllerPolicy(
        minimum=2, maximum=120, objective=Objective(0.01), thresholds={"memory": 70.0}, member_rate=8.5
    )
    found = run(flat(120.0), model, Subject(both, model))
    assert (found.spec == run(flat(120.0), model, Subject(policy(), model)).spec).all()
    with pytest.raises(PolicyError, match=r"a replay shows no memory; .* threshold of loadAverage"):
        Subject(ControllerPolicy(thresholds={"memory": 70.0}), model)


def test_a_replay_without_members_is_refused_in_words() -> None:
    idle = ControllerPolicy(minimum=0, maximum=9, objective=Objective(0.01))
    with pytest.raises(PolicyError, match="at least 1 member"):
        replay(flat(10.0, 0.1), idle)


def test_everybody_begins_with_the_members_asked_for() -> None:
    report = replay(flat(85.0, 0.2), policy(), ("hpa", "kpa", "hpa"), start=30, equal_misses=True)
    assert [one.name for one in report.runs] == ["altostratus", "hpa", "kpa"]
    assert [int(one.ready[0]) for one in report.runs] == [30, 30, 30]
    with pytest.raises(PolicyError, match="start 1: allowed are 2 to 120"):
        replay(flat(85.0, 0.2), policy(), (), start=1)


def test_the_command_refuses_before_it_replays_and_takes_names_with_spaces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace, document = tmp_path / "load.csv", tmp_path / "policy.yaml"
    trace.write_text("timestamp,value\n" + "".join(f"{60 * n},{600 + n}\n" for n in range(12)))
    document.write_text(
        "apiVersion: altostratus/v1\nkind: AutoscalingPolicy\nname: p\n"
        "objective: {latency: 300ms, misses: 1%}\n"
    )
    command(trace, document, against="hpa, kpa", start=50, json=True)
    assert list(json.loads(capsys.readouterr().out)["runs"]) == ["altostratus", "hpa", "kpa"]
    for wrong in (
        {"plot": tmp_path / "none" / "plot.svg"},
        {"plot": tmp_path},
        {"minimum": 0},
        {"days": -1.0},
    ):
        with pytest.raises(BadInput):
            command(trace, document, **wrong)  # type: ignore[arg-type]
    assert not capsys.readouterr().out


@pytest.mark.parametrize("factor", ["requestsInFlight", "loadAverage", "requestRate"])
def test_thresholds_alone_follow_the_load(factor: str) -> None:
    model = FluidModel()
    target = {"requestsInFlight": 7.0, "loadAverage": 70.0, "requestRate": 7.0}[factor]
    chosen = ControllerPolicy(minimum=2, maximum=120, thresholds={factor: target})
    wave = Trace("wave", 0.0, 5.0, 150.0 + 100.0 * np.sin(np.arange(2 * 720) / 230))
    found = run(wave, model, Subject(chosen, model)).quality
    assert found.miss_percent < 5.0
    assert 1.0 < found.cost < 1.5


def test_an_unknown_peer_is_refused_by_name() -> None:
    with pytest.raises(TraceError, match="'hap'; allowed are hpa"):
        replay(flat(10.0, 0.1), policy(), ("hap",))


def test_less_budget_costs_more_and_misses_less() -> None:
    model = FluidModel()
    rates = 150.0 + 100.0 * np.sin(np.arange(4 * 720) / 150)
    trace = Trace("wave", 0.0, 5.0, rates)
    loose = run(trace, model, Subject(policy(0.1), model), warm_up=3600.0).quality
    tight = run(trace, model, Subject(policy(0.001), model), warm_up=3600.0).quality
    assert tight.miss_percent < loose.miss_percent
    assert tight.cost > loose.cost


def test_a_slow_actuator_does_not_make_it_order_again_and_again() -> None:
    model = FluidModel(actuation_seconds=45.0)
    rates = 150.0 + 100.0 * np.sin(np.arange(720) / 150)
    found = run(Trace("wave", 0.0, 5.0, rates), model, Subject(policy(), model)).quality
    assert found.actions_per_day < 2000


@needs_traces
def test_on_a_public_trace_it_needs_fewer_actions_and_no_more_members_than_knative() -> None:
    model = FluidModel()
    raw = read_trace(TRACES / "nab_elb_request_count_5min.csv")
    trace = prepared(raw, model, smooth=900, first_day=3, days=0.5)
    own = run(trace, model, Subject(policy(), model)).quality
    peer = tuned_to(trace, model, PEERS["kpa"], own.miss_percent)
    assert peer is not None
    assert own.cost < 1.02 * peer.cost
    assert own.actions_per_day < 0.75 * peer.actions_per_day


@needs_traces
def test_every_public_trace_can_be_read() -> None:
    found = {path.stem: read_trace(path) for path in TRACES.glob("*.csv")}
    assert found["nasa_http_1995_1min"].step == 60.0
    assert found["nab_asg_cpu_5min"].seconds > 60 * 86_400


def test_families_are_repeatable_differ_by_seed_and_stay_under_the_peak() -> None:
    for make in FAMILIES[::2]:
        first, again, other = family(make, 3), family(make, 3), family(make, 4)
        assert (first.rates == again.rates).all()
        assert (first.rates != other.rates).any()
        assert len(first.rates) == TICKS
        assert float(first.rates.min()) >= 0.0
        assert float(first.rates.max()) <= PEAK


def test_static_supply_is_the_baseline() -> None:
    found = run(flat(85.0, 0.2), FluidModel(), Static(10)).quality
    assert found.actions_per_day == 0.0

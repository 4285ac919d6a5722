"""What is forecast, and how far ahead, does not jump at chance."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from autoscaler.decide.policy import REQUEST_RATE, ControllerPolicy
from autoscaler.predict.forecaster import Forecaster
from autoscaler.predict.history import History
from autoscaler.predict.seasonal import DAY
from autoscaler.predict.spread import Noise
from tests.autoscaler.closed_loop import Cluster
from tests.autoscaler.observing import objective


def _rate(**changes: Any) -> ControllerPolicy:
    return ControllerPolicy(**{"minimum": 1, "maximum": 200, "thresholds": {REQUEST_RATE: 5.0}} | changes)


@pytest.mark.parametrize(("before", "after"), [(20, 120), (50, 150)])
@pytest.mark.parametrize("quiet", [250.0, 500.0, 1000.0])
def test_a_step_in_the_first_minutes_orders_what_it_needs(before: float, after: float, quiet: float) -> None:
    dice = random.Random(1)  # noqa: S311

    def look(cluster: Cluster) -> dict[str, Any]:
        mean = before if cluster.since < quiet else after
        value = dice.gauss(mean, (mean / 5.0) ** 0.5)
        return {"startSeconds": 60, "factors": {REQUEST_RATE: value}}

    cluster = Cluster(_rate(), look, round(before / 5), start=60.0).run(quiet + 400.0)
    assert max(cluster.counts) < 1.5 * after / 5.0


def test_start_times_that_scatter_keep_what_was_learnt() -> None:
    dice = random.Random(2)  # noqa: S311

    def look(cluster: Cluster) -> dict[str, Any]:
        counts = max(0.0, dice.gauss(500.0, 22.0))
        return {"startSeconds": dice.uniform(25, 55), "requests": counts, "missed": 0, "period": 5}

    cluster = Cluster(objective(maximum=200), look, 15).run(7200.0)
    leads = [decision.lead_seconds for decision in cluster.decisions]
    assert sum(one != other for one, other in pairwise(leads)) < 10
    assert cluster.moves < 40


def test_a_start_time_that_stays_longer_is_followed_and_other_days_are_kept() -> None:
    starts = [40.0]

    def look(_: Cluster) -> dict[str, Any]:
        return {"startSeconds": starts[0], "requests": 500, "missed": 0, "period": 5}

    cluster = Cluster(objective(maximum=200), look, 15).run(900.0)
    signal = cluster.state.signals["requests"]
    starts[0] = 120.0
    cluster.run(60.0)
    assert cluster.decisions[-1].lead_seconds == 125.0
    assert cluster.state.signals["requests"] is signal
    assert signal.season is not None
    assert signal.season.horizon_seconds == 125.0
    assert max(signal.season.means) == 100.0
    cluster.run(300.0)
    assert cluster.decisions[-1].forecast["requests"]["value"] == pytest.approx(100.0)


def test_a_threshold_knows_other_days_too() -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        busy = (cluster.time % DAY) / DAY >= 0.5
        return {"startSeconds": 240, "factors": {REQUEST_RATE: 100.0 if busy else 50.0}}

    cluster = Cluster(_rate(forecaster="seasonal", period=60.0), look, 10, tick=60.0, start=240.0)
    cluster.run(2 * DAY + (0.5 * DAY - cluster.time % DAY) % DAY - 120.0)
    # Two minutes before what came on both days before.
    assert cluster.spec >= 14


@pytest.mark.parametrize("seed", [1, 2])
def test_stratos_equation_does_not_flap_on_noise(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311

    def look(_: Cluster) -> dict[str, Any]:
        return {"startSeconds": 60, "factors": {REQUEST_RATE: dice.gauss(100.0, 100.0**0.5 / 5.0**0.5)}}

    cluster = Cluster(_rate(forecaster="stratos", thresholds={REQUEST_RATE: 8.0}), look, 13).run(7200.0)
    assert cluster.moves < 20
    assert max(cluster.counts[60:]) <= 15


def test_stratos_equation_follows_a_ramp_and_knows_its_error() -> None:
    forecaster, history, noise = Forecaster.new(12, 5.0), History(keep=120), Noise(5.0)
    for tick in range(400):
        value = 100.0 + tick
        history.push(value)
        noise.learn(value)
        outlook = forecaster.extrapolate(history, value, noise)
    assert outlook.value == pytest.approx(499.0 + 12.0, rel=0.02)
    calm = outlook.sigma
    for tick in range(120):
        value = 900.0 if tick // 20 % 2 else 300.0
        history.push(value)
        noise.learn(value)
        outlook = forecaster.extrapolate(history, value, noise)
    assert outlook.sigma > 3.0 * calm

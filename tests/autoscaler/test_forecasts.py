"""Forecasts: Stratos' equation in its units, history, regression, seasons, experts."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.predict.forecaster import EXPERTS, Forecaster
from autoscaler.predict.history import History
from autoscaler.predict.motion import motion
from autoscaler.predict.regression import Regression, Windows, window_borders
from autoscaler.predict.seasonal import DAY, SLOT, Season
from autoscaler.predict.spread import Noise, Spread


def test_a_straight_ramp_has_its_slope_per_second_and_no_acceleration() -> None:
    times = [0.0, 15.0, 30.0, 45.0, 60.0]
    found = motion(times, [10.0 + 0.2 * time for time in times])
    assert found.mean == pytest.approx(16.0)
    assert found.gradient == pytest.approx(0.2)
    assert found.second == pytest.approx(0.0)
    assert found.at(60.0) == pytest.approx(16.0 + 12.0)


def test_looking_one_second_ahead_hardly_predicts_which_is_what_stratos_shipped() -> None:
    times = [0.0, 15.0, 30.0, 45.0, 60.0]
    found = motion(times, [10.0 + 0.2 * time for time in times])
    assert found.at(1.0) - found.mean == pytest.approx(0.2)


def test_acceleration_joins_the_gradients_of_both_halves_at_their_middles() -> None:
    # 0, 1, 4, 9 at 0, 10, 20, 30 s: gradients 0.1 and 0.5 a second, 20 s apart.
    assert motion([0.0, 10.0, 20.0, 30.0], [0.0, 1.0, 4.0, 9.0]).second == pytest.approx(0.4 / 20.0)


def test_time_differences_under_a_second_count_as_one() -> None:
    assert motion([0.0, 0.001], [0.0, 5.0]).gradient == pytest.approx(5.0)


def test_two_samples_have_no_acceleration_and_none_is_an_error() -> None:
    assert motion([0.0, 10.0], [1.0, 2.0]).second == 0.0
    with pytest.raises(ValueError, match="at least one"):
        motion([], [])


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=60),
    st.integers(0, 3),
    st.integers(1, 8),
    st.integers(0, 5),
)
@settings(max_examples=60)
def test_history_means_equal_means_of_the_samples_kept(
    values: list[float], newest: int, width: int, ago: int
) -> None:
    history = History(keep=16)
    for value in values:
        history.push(value)
    end = len(values) - ago - newest
    if end - width < max(0, len(values) - 16):
        return
    expected = sum(values[end - width : end]) / width
    assert history.mean(newest, newest + width, ago) == pytest.approx(expected, rel=1e-6, abs=1e-3)


def test_history_memory_is_bounded() -> None:
    history = History(keep=10)
    for value in range(1000):
        history.push(float(value))
    assert len(history) <= 20
    assert history.mean(0, 10) == pytest.approx(994.5)


@given(st.integers(1, 400))
def test_window_borders_always_ascend(horizon: int) -> None:
    borders = window_borders(horizon)
    assert all(newer < older for newer, older in pairwise(borders))


def test_regression_learns_a_wave_that_persistence_cannot_follow() -> None:
    regression = Regression(12, 5.0, window_borders(12), 3)
    history = History(keep=120)
    own, naive = [], []
    pending: list[tuple[float, float, Windows]] = []
    for tick in range(3000):
        value = 100.0 + 40.0 * math.sin(2 * math.pi * tick / 120)
        history.push(value)
        if len(pending) >= 12:
            guess, then, windows = pending[-12]
            if tick > 1500:
                own.append(abs(value - guess))
                naive.append(abs(value - then))
            if tick % 3 == 0:
                regression.learn(windows, value)
        if tick % 12 == 0:
            regression.review()
        windows = regression.windows(history)
        pending.append((regression.predict(windows), value, windows))
    assert sum(own) < 0.2 * sum(naive)


def test_forecast_of_a_constant_load_is_that_load() -> None:
    forecaster, history, noise = Forecaster.new(12, 5.0), History(keep=120), Noise(5.0)
    for _ in range(200):
        history.push(50.0)
        noise.learn(50.0)
        outlook = forecaster.update(history, 50.0, noise, None)
    assert outlook.value == pytest.approx(50.0)
    assert 0.0 < outlook.sigma < 5.0


def test_a_wild_spell_widens_the_error_to_expect_and_a_lone_step_hardly_does() -> None:
    randomness = random.Random(5)  # noqa: S311
    wild, step, calm = ([50.0] * 100 for _ in range(3))
    for _ in range(20):
        wild += [50.0 * randomness.choice((0.6, 1.0, 1.4))] * 12
    step += [150.0] * 240
    calm += [50.0] * 240

    def error_after(values: list[float]) -> float:
        forecaster, history, noise = Forecaster.new(12, 5.0), History(keep=120), Noise(5.0)
        for value in values:
            history.push(value)
            noise.learn(value)
            forecaster.update(history, value, noise, None)
        return math.sqrt(forecaster.spread.relative)

    assert error_after(calm) <= error_after(step) < 0.4 * error_after(wild)


def test_the_expert_with_clearly_lower_errors_speaks() -> None:
    forecaster, history, noise = Forecaster.new(12, 5.0), History(keep=120), Noise(5.0)
    for tick in range(900):
        value = 100.0 + 60.0 * math.sin(2 * math.pi * tick / 100)
        history.push(value)
        noise.learn(value)
        forecaster.update(history, value, noise, None)
    assert EXPERTS[forecaster.chosen] == "regression"
    assert forecaster.losses[EXPERTS.index("regression")] < forecaster.losses[EXPERTS.index("level")]


def test_dispersion_of_poisson_counts_is_about_one() -> None:
    randomness = random.Random(7)  # noqa: S311
    noise = Noise(5.0)
    for _ in range(4000):
        # A sum of many rare events is Poisson enough: 400 chances of 1 in 4 for 5 s.
        noise.learn(sum(randomness.random() < 0.05 for _ in range(400)) / 5.0)
    assert 0.7 < noise.dispersion < 1.2


def test_noise_of_counts_is_not_taken_for_forecast_error() -> None:
    randomness = random.Random(3)  # noqa: S311
    spread = Spread(5.0)
    for _ in range(4000):
        spread.learn(20.0, sum(randomness.random() < 0.1 for _ in range(1000)) / 5.0, 1.0)
    assert spread.relative < 0.02**2 * 4


@given(st.lists(st.tuples(st.floats(1e-3, 1e3), st.floats(0, 1e6)), max_size=300))
@settings(max_examples=40, deadline=None)
def test_the_error_to_expect_stays_finite_and_under_one_doubling(pairs: list[tuple[float, float]]) -> None:
    spread = Spread(5.0)
    for forecast, value in pairs:
        spread.learn(forecast, value, 1.0)
        assert 0.0 <= spread.relative <= 2.0


def test_the_same_time_yesterday_predicts_growth_today() -> None:
    season = Season(horizon_seconds=600.0)
    for tick in range(int(2.5 * DAY / SLOT)):
        now = tick * SLOT
        # Midday is three times the rest, in a ramp over two slots.
        value = 300.0 if 0.5 <= (now % DAY) / DAY < 0.6 else 100.0
        season.learn(now + 1.0, value)
        if now % DAY == 0.5 * DAY - 600.0 and now > DAY:
            assert season.growth > 1.8
    assert season.growth > 0.0


def test_slots_without_data_do_not_keep_last_weeks_values() -> None:
    season = Season(horizon_seconds=60.0)
    season.learn(10.0, 500.0)
    season.learn(SLOT + 10.0, 1.0)
    season.learn(9 * DAY, 1.0)
    assert all(mean != 500.0 for mean in season.means)

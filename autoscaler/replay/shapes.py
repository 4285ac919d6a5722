"""Invented loads with known answers: steps, ramps, spikes, days, sparse traffic."""

from __future__ import annotations

import numpy as np

from autoscaler.replay.trace import DAY, Rates, Trace

STEP = 5.0
PEAK = 340.0


def _clock(days: float) -> Rates:
    return np.arange(round(days * DAY / STEP), dtype=np.float64) * STEP


def steps() -> Trace:
    """Two levels, three to one, that change every forty minutes, for two days."""
    seconds = _clock(2)
    return Trace("steps", 0.0, STEP, np.where((seconds // 2400) % 2 == 0, 100.0, 300.0))


def ramps() -> Trace:
    """Up fourfold in ten minutes, down in forty, for two days."""
    phase = _clock(2) % 3000
    rising = 80.0 + 240.0 * phase / 600
    falling = 320.0 - 240.0 * (phase - 600) / 2400
    return Trace("ramps", 0.0, STEP, np.where(phase < 600, rising, falling))


def spikes() -> Trace:
    """A steady load with a five-minute spike to three times it, three times a day at random, for a week."""
    seconds = _clock(7)
    rates = np.full(len(seconds), 110.0)
    for start in np.random.default_rng(11).uniform(0, 7 * DAY - 600, 21):
        since = seconds - start
        rates += np.where((since >= 0) & (since < 300), 220.0 * np.minimum(1.0, since / 60.0), 0.0)
    return Trace("spikes", 0.0, STEP, np.minimum(rates, PEAK))


def days() -> Trace:
    """A smooth day and night with a lunch peak that comes every day, for five days."""
    hour = _clock(5) % DAY / 3600.0
    wave = 170.0 - 110.0 * np.cos(2 * np.pi * (hour - 3.0) / 24.0)
    lunch = 60.0 * np.exp(-0.5 * ((hour - 12.0) / 0.2) ** 2)
    return Trace("days", 0.0, STEP, wave + lunch)


def sparse() -> Trace:
    """A few requests a minute, now and then a visitor with more, for three days."""
    seconds = _clock(3)
    rates = np.full(len(seconds), 0.05)
    randomness = np.random.default_rng(5)
    for start in randomness.uniform(0, 3 * DAY, 60):
        since = seconds - start
        rates += np.where((since >= 0) & (since < 240), 25.0, 0.0)
    return Trace("sparse", 0.0, STEP, rates)


SHAPES = (steps, ramps, spikes, days, sparse)

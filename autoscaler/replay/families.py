"""Seeded families of invented loads, each with random sizes and times: what no one trace can be tuned to.

Every maker takes a random generator and answers three days by five seconds, at most `PEAK` requests a second.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autoscaler.replay.shapes import PEAK, STEP
from autoscaler.replay.trace import DAY, Rates, Trace

DAYS = 3
TICKS = round(DAYS * DAY / STEP)
Dice = np.random.Generator


def _seconds() -> Rates:
    return np.arange(TICKS, dtype=np.float64) * STEP


def _day(low: float, high: float, phase: float) -> Rates:
    """A smooth day between two levels; ``phase`` in shares of a day."""
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * (_seconds() / DAY + phase))
    return low + (high - low) * wave


def _wander(dice: Dice, spread: float, seconds: float) -> Rates:
    """Mean-reverting noise (Ornstein-Uhlenbeck) of standard deviation ``spread`` and memory ``seconds``."""
    keep = float(np.exp(-STEP / seconds))
    kicks = dice.normal(0.0, spread * np.sqrt(1 - keep * keep), TICKS)
    found = np.empty(TICKS)
    value = 0.0
    for place, kick in enumerate(kicks.tolist()):
        value = keep * value + kick
        found[place] = value
    return found


def _spells(dice: Dice, shortest: float, longest: float) -> list[tuple[int, int]]:
    """Begins and ends (ticks) of spells of random length (seconds, evenly in the logarithm) that fill it."""
    spells, begin = [], 0
    while begin < TICKS:
        length = np.exp(dice.uniform(np.log(shortest), np.log(longest)))
        end = min(TICKS, begin + max(1, round(float(length) / STEP)))
        spells.append((begin, end))
        begin = end
    return spells


def sawtooth(dice: Dice) -> Rates:
    """Slow climbs that break off, or sudden rises that fade, each tooth of its own size and length."""
    rates = np.empty(TICKS)
    for begin, end in _spells(dice, 900, 7200):
        low, high = dice.uniform(40, 120), dice.uniform(150, PEAK)
        tooth = np.linspace(low, high, end - begin)
        rates[begin:end] = tooth if dice.random() < 0.7 else tooth[::-1]
    return rates


def flash_crowds(dice: Dice) -> Rates:
    """Days with sudden crowds of random size, risen within two minutes, gone after half an hour or so."""
    rates = _day(40, 110, dice.random())
    seconds = _seconds()
    for start in dice.uniform(0, DAYS * DAY, 15):
        since = seconds - start
        rise, fade = dice.uniform(20, 120), dice.uniform(200, 1500)
        shape = np.minimum(np.maximum(since, 0) / rise, 1.0) * np.exp(-np.maximum(since - rise, 0) / fade)
        rates += dice.lognormal(4.3, 0.6) * shape
    return np.minimum(rates, PEAK)


def on_off(dice: Dice) -> Rates:
    """A source that is on or off for minutes to hours, each time at another level."""
    rates = np.empty(TICKS)
    for place, (begin, end) in enumerate(_spells(dice, 300, 5400)):
        rates[begin:end] = dice.uniform(180, PEAK) if place % 2 else dice.uniform(30, 60)
    return rates


def week(dice: Dice) -> Rates:
    """Two working days and a quieter one, with a tenth of slow noise."""
    rates = _day(60, 300, dice.random())
    rates[2 * TICKS // 3 :] *= 0.6
    rates = rates * np.exp(_wander(dice, 0.1, 900))
    return np.clip(rates, 5, PEAK)


def walk(dice: Dice) -> Rates:
    """A load that wanders off by a third within an hour, and comes back some time."""
    rates: Rates = np.clip(110 * np.exp(_wander(dice, 0.45, 7200)), 5, PEAK)
    return rates


def few(dice: Dice) -> Rates:
    """A small service: two to five members' worth, counts of single requests."""
    return np.clip(_day(4, 28, dice.random()) * np.exp(_wander(dice, 0.15, 1200)), 1, PEAK)


def jobs(dice: Dice) -> Rates:
    """Jobs at each full hour beside a smooth day, some of them late."""
    rates = _day(60, 140, dice.random())
    seconds = _seconds()
    for hour in range(24 * DAYS):
        since = seconds - hour * 3600 - dice.exponential(20)
        rates += np.where((since >= 0) & (since < dice.uniform(200, 500)), dice.uniform(80, 180), 0.0)
    return np.minimum(rates, PEAK)


def gusts(dice: Dice) -> Rates:
    """Fast noise: a sixth up and down within two minutes."""
    return np.clip(_day(80, 220, dice.random()) * np.exp(_wander(dice, 0.16, 120)), 5, PEAK)


def talk(dice: Dice) -> Rates:
    """What people talk about: five-minute levels with heavy tails, straight lines between."""
    knots = np.arange(0, DAYS * DAY + 300, 300)
    wave = 1.0 + 0.5 * np.sin(2 * np.pi * (knots / DAY + dice.random()))
    levels = 60 * wave * np.exp(0.25 * dice.standard_t(3, len(knots)))
    return np.minimum(np.interp(_seconds(), knots, levels), PEAK)


def regimes(dice: Dice) -> Rates:
    """Hours of calm, of noise, of waves and of steps, one after the other in any order."""
    rates = np.empty(TICKS)
    slow, fast = _wander(dice, 0.15, 600), _wander(dice, 0.1, 60)
    seconds = _seconds()
    for begin, end in _spells(dice, 7200, 21600):
        level = dice.uniform(60, 220)
        here = slice(begin, end)
        kind = dice.integers(4)
        if kind == 0:
            rates[here] = level
        elif kind == 1:
            rates[here] = level * np.exp(slow[here] + fast[here])
        elif kind == 2:
            rates[here] = level * (1 + 0.4 * np.sin(2 * np.pi * seconds[here] / dice.uniform(900, 3600)))
        else:
            rates[here] = level * np.where(seconds[here] % 3000 < 1500, 0.6, 1.3)
    return np.clip(rates, 5, PEAK)


def steady(dice: Dice) -> Rates:
    """Hardly any change in days."""
    rates: Rates = np.clip(150 * np.exp(_wander(dice, 0.1, 8 * 3600)), 5, PEAK)
    return rates


def stairs(dice: Dice) -> Rates:
    """Levels that change by up to a factor of two within minutes, every quarter of an hour to four hours."""
    rates = np.empty(TICKS)
    level = 120.0
    for begin, end in _spells(dice, 900, 14400):
        after = float(np.clip(level * np.exp(dice.uniform(-0.7, 0.7)), 25, 320))
        climb = min(end - begin, round(dice.uniform(30, 180) / STEP))
        rates[begin : begin + climb] = np.linspace(level, after, climb)
        rates[begin + climb : end] = after
        level = after
    return rates


def openings(dice: Dice) -> Rates:
    """A rush each morning that wears off over the day, with a smaller one at its end."""
    hour = _seconds() % DAY / 3600.0
    open_at, close_at = dice.uniform(7, 10), dice.uniform(15, 19)
    rush = np.where(
        hour >= open_at, np.minimum((hour - open_at) * 12, 1) * np.exp(-(hour - open_at) / 2.5), 0.0
    )
    end = np.exp(-0.5 * ((hour - close_at) / 0.3) ** 2)
    rates: Rates = np.clip((35 + 220 * rush + 110 * end) * np.exp(_wander(dice, 0.08, 400)), 5, PEAK)
    return rates


def tides(dice: Dice) -> Rates:
    """Two waves whose periods do not fit each other, under noise of twenty seconds."""
    long, short = dice.uniform(9000, 20000), dice.uniform(1200, 3000)
    waves = 150 + 70 * np.sin(_seconds() * 2 * np.pi / long) + 40 * np.sin(_seconds() * 2 * np.pi / short)
    rates: Rates = np.clip(waves * np.exp(_wander(dice, 0.06, 20)), 5, PEAK)
    return rates


def groups(dice: Dice) -> Rates:
    """Users who come in groups of any size at any time and stay for ten minutes or so."""
    seconds = _seconds()
    rates = np.full(TICKS, 20.0)
    for start in dice.uniform(-1800, DAYS * DAY, 450):
        stay, size = dice.exponential(600), 8 + 12 * dice.pareto(2.5)
        rates += np.where((seconds >= start) & (seconds < start + stay), size, 0.0)
    found: Rates = np.minimum(rates, PEAK)
    return found


FAMILIES: tuple[Callable[[Dice], Rates], ...] = (
    sawtooth, flash_crowds, on_off, week, walk, few, jobs, gusts, talk, regimes, steady,
    stairs, openings, tides, groups,
)  # fmt: skip


def family(make: Callable[[Dice], Rates], seed: int) -> Trace:
    """One load of a family; the same seed gives the same load."""
    return Trace(f"{make.__name__.replace('_', '-')} {seed}", 0.0, STEP, make(np.random.default_rng(seed)))

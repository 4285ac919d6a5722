"""Cost at equal misses: the only fair single number between autoscalers with different targets."""

from __future__ import annotations

import math
from dataclasses import dataclass

from autoscaler.replay.elasticity import Quality
from autoscaler.replay.fluid import FluidModel
from autoscaler.replay.loop import run
from autoscaler.replay.peers.catalogue import PeerFactory
from autoscaler.replay.trace import Trace

LOWEST_TARGET, HIGHEST_TARGET = 0.3, 1.0
STEPS = 6
LEAST_MISSES = 1e-3


@dataclass(frozen=True, slots=True)
class EqualMisses:
    """A peer tuned with hindsight to ``miss_percent``: its cost and actions, and the target it needed."""

    miss_percent: float
    cost: float
    actions_per_day: float
    target: float


def tuned_to(
    trace: Trace,
    model: FluidModel,
    make: PeerFactory,
    miss_percent: float,
    *,
    seed: int = 1,
    warm_up: float = 0.0,
    start: int | None = None,
) -> EqualMisses | None:
    """Find the peer's target at which it misses ``miss_percent`` on this very trace; None if it cannot.

    Bisection, then a straight line in the logarithm of the misses between the last two runs. The peer gets
    the benefit of hindsight, which no user has.
    """

    def at(target: float) -> Quality:
        return run(trace, model, make(model, target), seed=seed, warm_up=warm_up, start=start).quality

    low, high = LOWEST_TARGET, HIGHEST_TARGET
    at_low = at(low)
    if at_low.miss_percent > miss_percent:
        return None
    at_high = at(high)
    if at_high.miss_percent < miss_percent:
        return EqualMisses(at_high.miss_percent, at_high.cost, at_high.actions_per_day, high)
    for _ in range(STEPS):
        middle = (low + high) / 2
        at_middle = at(middle)
        if at_middle.miss_percent <= miss_percent:
            low, at_low = middle, at_middle
        else:
            high, at_high = middle, at_middle
    share = _share(at_low.miss_percent, miss_percent, at_high.miss_percent)
    return EqualMisses(
        miss_percent,
        at_low.cost + share * (at_high.cost - at_low.cost),
        at_low.actions_per_day + share * (at_high.actions_per_day - at_low.actions_per_day),
        low + share * (high - low),
    )


def _share(low: float, wanted: float, high: float) -> float:
    a, b, c = (math.log(max(value, LEAST_MISSES)) for value in (low, wanted, high))
    return (b - a) / (c - a) if c > a else 0.0

"""A look between two steps: has the load jumped, so that waiting for the next step would be wrong?

A step of the controller learns from samples on an even grid. A glance learns nothing: it compares what
came in a second with what the last step expected, and only ever asks for more members. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.controller import reading_of, step_within
from autoscaler.decide.decision import Decision, Want
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import IN_FLIGHT, REQUESTS, ControllerPolicy
from autoscaler.decide.price import Price
from autoscaler.decide.signal import SURPRISE, Outlooks, Signal
from autoscaler.decide.state import ClusterState
from autoscaler.decide.wants import by_objective, by_threshold
from autoscaler.predict.outlook import Outlook

# Two glances belong together when no more time than this lies between them.
TOGETHER_SECONDS = 4.0


class Glimpse(NamedTuple):
    """One value of one factor: its mean over ``window`` seconds, and whether it was a jump."""

    time: float
    value: float
    window: float
    jumped: bool


@dataclass(frozen=True, slots=True)
class Glimpses:
    """What the last glance at a cluster saw, by factor."""

    factors: Mapping[str, Glimpse] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Jump:
    factor: str
    glimpse: Glimpse
    expected: float
    want: Want


def glance(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, last: Glimpses
) -> tuple[Decision, Glimpses]:
    """More members at once where a factor has jumped, else as many as were asked for.

    ``seen`` has the values of the last second or so, its ``period`` is that time. ``state`` is the one that
    `step` moves: all that it learns here is that the members that come are not too many at once. What the
    jump comes to is known from a glance that began after it: the first one that shows it waits for the
    next, unless it asks for the maximum already.
    """
    policy = policy.within(seen.minimum, seen.maximum)
    current = seen.spec
    if policy.paused or policy.pinned is not None:
        return _keep(seen), Glimpses()
    if current == 0 and seen.backlog and policy.scale_to_zero:
        members = max(1, policy.minimum)
        reason = f"Up from 0 to {members}: {seen.backlog:g} requests wait for a first member."
        return Decision(seen.time, seen.cluster, 0, members, reason, None, None), Glimpses()
    glimpses: dict[str, Glimpse] = {}
    jumps: list[_Jump] = []
    for name, value in _values(policy, seen).items():
        signal = state.signals.get(name)
        if signal is None or signal.latest is None or not 0.0 <= seen.time - state.last <= 3.0 * state.step:
            continue
        before = last.factors.get(name)
        if before is not None and seen.time - before.time > TOGETHER_SECONDS:
            before = None
        # A count that is of the moment scatters like a sample of the grid; a rate the more, the shorter.
        window = state.step if name == IN_FLIGHT else seen.period or state.step
        jumped = _jumped(signal, value, window, before)
        glimpses[name] = glimpse = Glimpse(seen.time, value, window, jumped)
        if jumped:
            want = _want(policy, state, seen, name, signal, value)
            whole = before is not None and before.jumped
            if want is not None and (whole or want.target >= policy.maximum):
                jumps.append(_Jump(name, glimpse, signal.latest.near.value, want))
    decision = _decided(policy, seen, jumps)
    if decision.band is not None:
        state.patience.note(seen.time, decision.band)
    return decision, Glimpses(glimpses)


def _values(policy: ControllerPolicy, seen: Observation) -> dict[str, float]:
    """The totals to compare; shares by member are nobody's sum, and come too seldom to be glanced at."""
    found: dict[str, float] = {}
    for name in policy.thresholds:
        reading = reading_of(seen, name)
        if reading is not None and name not in policy.averages:
            found[name] = reading.value
    if policy.objective is not None and seen.coming is not None and seen.period:
        found[REQUESTS] = seen.coming / seen.period
    return found


def _jumped(signal: Signal, value: float, window: float, before: Glimpse | None) -> bool:
    """Whether a value, or the mean of it and the one before, is beyond what chance brings."""
    if surprise(signal, value, window) >= SURPRISE:
        return True
    if before is None:
        return False
    both = window + before.window
    return surprise(signal, (value * window + before.value * before.window) / both, both) >= SURPRISE


def surprise(signal: Signal, value: float, window: float) -> float:
    """How many standard deviations a mean over ``window`` seconds is above what is expected now.

    Counts in short windows are few and lean to the right, where the usual measure cries wolf: the root of
    a count has the same scatter whatever its size, ``2·(√x - √m)``. The lower of the two measures counts.
    """
    assert signal.latest is not None
    expected = signal.latest.near.value
    if value <= expected:
        return 0.0
    noise = max(signal.noise.dispersion, 1e-6)
    root = 2.0 * (math.sqrt(value * window / noise) - math.sqrt(expected * window / noise))
    variance = noise * expected / window + signal.far.spread.relative * expected * expected
    return root if variance <= 0.0 else min(root, (value - expected) / math.sqrt(variance))


def _want(
    policy: ControllerPolicy,
    state: ClusterState,
    seen: Observation,
    name: str,
    signal: Signal,
    value: float,
) -> Want | None:
    assert signal.latest is not None
    near, lead = signal.latest.near, signal.latest.lead
    outlooks = Outlooks(Outlook(max(near.value, value), near.sigma), lead)
    if name != REQUESTS:
        return by_threshold(outlooks, policy.thresholds[name]).want
    assert policy.objective is not None
    member_rate = trusted_rate(seen.member_rate or policy.member_rate, state.member_rate)
    if member_rate <= 0.0:
        return None
    price = state.price or Price(policy.objective.budget)
    return by_objective(outlooks, price, member_rate, seen.backlog or 0.0, state.thrift.width).want


def _decided(policy: ControllerPolicy, seen: Observation, jumps: list[_Jump]) -> Decision:
    jump = max(jumps, key=lambda each: each.want.target, default=None)
    if jump is None or jump.want.low <= seen.spec:
        return _keep(seen)
    members = min(policy.maximum, step_within(policy, seen.spec, jump.want.target))
    if members <= seen.spec:
        return _keep(seen)
    what = f"{jump.factor} jumped to {jump.glimpse.value:.4g} where {jump.expected:.4g} was expected"
    reason = f"Up from {seen.spec} to {members} at once: {what}, and fewer than {jump.want.low} are too few."
    held = ("maximum",) if jump.want.target > policy.maximum else ()
    inputs = {"ready": seen.ready, "spec": seen.spec, jump.factor: jump.glimpse.value}
    return _keep(seen)._replace(
        members=members,
        reason=reason,
        factor=jump.factor,
        band=jump.want,
        wants={each.factor: each.want for each in jumps},
        inputs=inputs,
        holds=held,
    )


def _keep(seen: Observation) -> Decision:
    reason = f"Keep {seen.spec}: nothing has jumped since the last step."
    return Decision(seen.time, seen.cluster, seen.spec, seen.spec, reason, None, None)

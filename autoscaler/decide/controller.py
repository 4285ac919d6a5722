"""One step of the controller: an observation of a cluster in, a decision out.

No clock, no network: all time comes from the observation, all memory is in `ClusterState`. The same
observations always give the same decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autoscaler.decide import reasons
from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.decision import Decision, Want
from autoscaler.decide.learning import learn, learn_thrift, price_of
from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import (
    IN_FLIGHT,
    MEMORY,
    MISSED,
    REQUEST_RATE,
    REQUESTS,
    ControllerPolicy,
)
from autoscaler.decide.signal import Outlooks, Signal
from autoscaler.decide.state import ClusterState
from autoscaler.decide.wants import Ask, by_memory, by_objective, by_threshold

START_SECONDS = 60.0
# Observations in a row with another period, or before the last one, until the new clock is believed.
BELIEVE_AFTER = 6
# The horizon follows the measured start time in steps of a fifth: each change restarts its error statistics.
HORIZON_TOLERANCE = 0.2
LONGEST_HORIZON = 360


@dataclass(slots=True)
class Assessment:
    """What the factors of one observation ask for, before limits."""

    asks: dict[str, Ask] = field(default_factory=dict)
    wants: dict[str, Want] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    gap: bool = False


def step(policy: ControllerPolicy, state: ClusterState, seen: Observation) -> Decision:
    """Decide the member count for one cluster and move its state on.

    ``state`` must belong to the observation's cluster; it is changed in place.
    """
    policy = policy.within(seen.minimum, seen.maximum)
    if seen.cluster != state.cluster:
        raise ValueError(f"state of cluster {state.cluster!r} got an observation of {seen.cluster!r}")
    if _clock_went_back(state, seen.time):
        return _keep(seen, "clock", reasons.clock_back(seen.time, state.last))
    elapsed = seen.time - state.last if state.last >= 0.0 else 0.0
    _follow_period(policy, state, seen, elapsed)
    _follow_lead(state, seen)
    state.last = seen.time
    found = _assess(policy, state, seen)
    if policy.objective is not None:
        learn(policy, state, seen, min(elapsed or state.step, 2.0 * state.step))
    lead = state.horizon * state.step
    if policy.paused:
        return _decision(seen, found, seen.spec, lead, ("paused",), reasons.paused(seen.spec))
    if policy.pinned is not None:
        return _decision(seen, found, policy.pinned, lead, ("pinned",), reasons.pinned(policy.pinned))
    decision = _decide(policy, state, seen, found, lead)
    learn_thrift(policy, state, seen, acted=decision.members != seen.spec)
    return decision


def _clock_went_back(state: ClusterState, now: float) -> bool:
    """Whether to ignore an observation from the past; after several in a row the new clock is taken."""
    if state.last < 0.0 or now > state.last:
        state.backwards = 0
        return False
    state.backwards += 1
    if state.backwards < BELIEVE_AFTER:
        return True
    state.backwards = 0
    state.last = now
    state.busy_at = min(state.busy_at, now)
    state.seen = {name: min(at, now) for name, at in state.seen.items()}
    state.patience.clear()
    for signal in state.signals.values():
        signal.rewind()
    return True


def _follow_period(policy: ControllerPolicy, state: ClusterState, seen: Observation, elapsed: float) -> None:
    """Take the grid from the first observations; rebuild it when the period has clearly changed."""
    if state.step <= 0.0:
        state.step = seen.period or policy.period
        return
    if elapsed <= 0.0 or state.step / 1.5 <= elapsed <= state.step * 1.5:
        state.odd_steps = 0
        return
    state.odd_steps += 1
    if state.odd_steps >= BELIEVE_AFTER and elapsed <= 10.0 * state.step:
        state.odd_steps = 0
        state.step = elapsed
        state.horizon = 0
        state.signals.clear()


def _follow_lead(state: ClusterState, seen: Observation) -> None:
    start = START_SECONDS if seen.start_seconds is None else seen.start_seconds
    lead = start + (seen.actuation_seconds or 0.0) + state.step
    wanted = min(LONGEST_HORIZON, max(1, round(lead / state.step)))
    tolerance = max(1.0, HORIZON_TOLERANCE * state.horizon) if state.horizon else 0.0
    if abs(wanted - state.horizon) <= tolerance:
        return
    state.horizon = wanted
    state.signals.clear()


def _assess(policy: ControllerPolicy, state: ClusterState, seen: Observation) -> Assessment:
    """Feed each factor's signal and ask it for members; missing ones are listed with their age."""
    found = Assessment()
    if policy.objective is not None:
        _assess_objective(policy, state, seen, found)
    for name, threshold in policy.thresholds.items():
        reading = reading_of(seen, name)
        if reading is None or reading.age > policy.stale_after:
            _miss(policy, state, seen, found, name)
            continue
        state.seen[name] = seen.time - reading.age
        if name == MEMORY:
            floor = by_memory(reading.value, threshold, policy.minimum, policy.maximum)
            found.wants[name] = Want(floor, floor, floor)
            continue
        total = reading.value * seen.ready if name in policy.averages else reading.value
        outlooks = _advance(policy, state, seen.time, name, total, found)
        ask = by_threshold(outlooks, threshold)
        found.asks[name] = ask
        found.wants[name] = ask.want
    return found


def reading_of(seen: Observation, name: str) -> Reading | None:
    """The factor as observed; the request rate follows from the counts where nobody measures it."""
    reading = seen.factors.get(name)
    if reading is None and name == REQUEST_RATE and seen.requests is not None and seen.period:
        return Reading(seen.requests / seen.period, seen.requests_age)
    return reading


def _assess_objective(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment
) -> None:
    if seen.requests is None or seen.requests_age > policy.stale_after:
        _miss(policy, state, seen, found, REQUESTS)
        return
    assert policy.objective is not None
    state.seen[REQUESTS] = seen.time - seen.requests_age
    rate = seen.requests / (seen.period or state.step)
    outlooks = _advance(policy, state, seen.time, REQUESTS, rate, found)
    price = price_of(policy, state)
    member_rate = trusted_rate(seen.member_rate or policy.member_rate, state.member_rate)
    if member_rate <= 0.0:
        if seen.missed is None:
            _miss(policy, state, seen, found, MISSED)
        return
    ask = by_objective(outlooks, price, member_rate, seen.backlog or 0.0, state.thrift.width)
    found.asks[REQUESTS] = ask
    found.wants[REQUESTS] = ask.want


def _advance(
    policy: ControllerPolicy, state: ClusterState, now: float, name: str, value: float, found: Assessment
) -> Outlooks:
    signal = state.signals.get(name)
    if signal is None:
        signal = state.signals[name] = Signal.new(state.step, state.horizon, precise=name == REQUESTS)
    outlooks, gap = signal.advance(now, value, policy.forecaster)
    found.gap = found.gap or gap
    return outlooks


def _miss(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment, name: str
) -> None:
    found.missing[name] = seen.time - state.seen.setdefault(name, seen.time)


def _decide(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment, lead: float
) -> Decision:
    """Most demanding factor, band, holds, then limits."""
    winner, band = _most_demanding(found.wants)
    holds = [f"missing:{name}" for name in found.missing]
    idle = _idle(policy, state, seen)
    lower = _lower_limit(policy, state, seen.time, lead, idle)
    current = seen.spec
    members = current
    reason = reasons.nothing_known()
    if band is not None:
        shrunk = state.patience.shrunk(seen.time, current, band, policy.settle)
        if current < band.low:
            members = band.target
        elif not found.missing and not found.gap:
            members = shrunk
        members = step_within(policy, current, members)
        if found.gap and current > band.high:
            holds.append("gap")
        reason = reasons.wanted(winner, found, seen, members, band, lead)
    if found.missing:
        longest = max(found.missing.values())
        declared = _fallback(policy) if longest >= policy.fallback_after else None
        if declared is not None:
            # With a factor left that is known, the fallback may only add.
            members = declared if band is None else max(members, declared)
            holds.append("fallback")
        reason = reasons.missing(found.missing, longest, declared, members, reason if band else None)
    if idle and not found.missing and lower == 0:
        members = 0
        reason = reasons.idle(policy.idle_seconds)
    bounded = min(policy.maximum, max(lower, members))
    if bounded > members:
        scheduled = lower == state.scheduled and lower > policy.minimum
        holds.append("scheduled-minimum" if scheduled else "minimum")
        reason = reasons.raised(reason, bounded, scheduled)
    elif bounded < members:
        holds.append("maximum")
        reason = reasons.lowered(reason, members, bounded)
    return _decision(seen, found, bounded, lead, tuple(holds), reason, winner, band)


def step_within(policy: ControllerPolicy, current: int, members: int) -> int:
    """As many members as one action may come to on the way to ``members``."""
    if policy.step_up is not None and members > current:
        return min(members, current + policy.step_up)
    if policy.step_down is not None and members < current:
        return max(members, current - policy.step_down)
    return members


def _fallback(policy: ControllerPolicy) -> int | None:
    """Members the policy declares for when nothing is known; None to hold."""
    if policy.fallback == "hold":
        return None
    if policy.fallback == "min":
        return policy.minimum
    return policy.maximum if policy.fallback == "max" else policy.fallback


def _most_demanding(wants: dict[str, Want]) -> tuple[str | None, Want | None]:
    """The factor with the highest target, and the band that satisfies all factors."""
    if not wants:
        return None, None
    winner = max(wants, key=lambda name: wants[name].target)
    if len(wants) == 1:
        return winner, wants[winner]
    return winner, Want(
        max(want.low for want in wants.values()),
        max(want.target for want in wants.values()),
        max(want.high for want in wants.values()),
    )


def _idle(policy: ControllerPolicy, state: ClusterState, seen: Observation) -> bool:
    """Whether nothing was asked of the cluster for the idle time; unknown is not idle."""
    if not policy.scale_to_zero:
        return False
    in_flight = seen.factors.get(IN_FLIGHT)
    work = [seen.requests, seen.backlog, None if in_flight is None else in_flight.value]
    known = [value for value in work if value is not None]
    if state.busy_at < 0.0 or not known or any(known):
        state.busy_at = seen.time
    return seen.time - state.busy_at >= policy.idle_seconds


def _lower_limit(policy: ControllerPolicy, state: ClusterState, now: float, lead: float, idle: bool) -> int:
    minute = int(now // 60.0)
    if policy.schedule and minute != state.schedule_minute:
        state.schedule_minute = minute
        state.scheduled = policy.scheduled_minimum(now, lead)
    lower = 0 if idle else max(1, policy.minimum)
    return min(policy.maximum, max(lower, state.scheduled))


def _keep(seen: Observation, hold: str, reason: str) -> Decision:
    return Decision(seen.time, seen.cluster, seen.spec, seen.spec, reason, None, None, holds=(hold,))


def _decision(
    seen: Observation,
    found: Assessment,
    members: int,
    lead: float,
    holds: tuple[str, ...],
    reason: str,
    winner: str | None = None,
    band: Want | None = None,
) -> Decision:
    inputs: dict[str, float] = {"ready": seen.ready, "spec": seen.spec}
    if seen.requests is not None:
        inputs["requests"] = seen.requests
    if seen.missed is not None:
        inputs["missed"] = seen.missed
    if seen.backlog is not None:
        inputs["backlog"] = seen.backlog
    for name, reading in seen.factors.items():
        inputs[name] = reading.value
    return Decision(
        time=seen.time,
        cluster=seen.cluster,
        current=seen.spec,
        members=members,
        reason=reason,
        factor=winner,
        band=band,
        wants=found.wants,
        inputs=inputs,
        forecast={
            name: {"value": ask.outlook.value, "sigma": ask.outlook.sigma, "headroom": ask.headroom}
            for name, ask in found.asks.items()
        },
        lead_seconds=lead,
        holds=holds,
        need=_need(found),
        whole=bool(found.wants) and not found.missing,
    )


def _need(found: Assessment) -> float | None:
    """The most demanding target before rounding and bounds, of the factors that are known; None for none."""
    return max(
        (
            found.asks[name].need if name in found.asks else float(want.target)
            for name, want in found.wants.items()
        ),
        default=None,
    )

"""One step of the controller: an observation of a cluster in, a decision out.

No clock, no network: all time comes from the observation, all memory is in `ClusterState`. The same
observations always give the same decisions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from autoscaler.decide import reasons
from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.clock import clock_went_back, follow_lead, follow_period, with_period
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
    ForecasterName,
)
from autoscaler.decide.signal import Outlooks, Signal
from autoscaler.decide.state import ClusterState
from autoscaler.decide.wants import Ask, by_memory, by_objective, by_threshold, mostly, with_absent

# Beside the factors: when it was last known whether anything is asked for.
WORK = "work"
# Memory that was too full keeps what it added for a day: most loads come again within one.
MEMORY_KEEPS_SECONDS = 86_400.0
# So many samples in a row over the minute's mean are no noise any more.
MEMORY_SAMPLES = 3


@dataclass(slots=True)
class Assessment:
    """What the factors of one observation ask for, before limits."""

    asks: dict[str, Ask] = field(default_factory=dict)
    wants: dict[str, Want] = field(default_factory=dict)
    missing: dict[str, float] = field(default_factory=dict)
    gap: bool = False
    # Means of so few of the members that all may need more than is seen.
    partial: bool = False
    # A mean of the ready members is over its threshold, so that nobody is one too many.
    full: bool = False


def step(policy: ControllerPolicy, state: ClusterState, seen: Observation) -> Decision:
    """Decide the member count for one cluster and move its state on.

    ``state`` must belong to the observation's cluster; it is changed in place.
    """
    policy = policy.within(seen.minimum, seen.maximum)
    if seen.cluster != state.cluster:
        raise ValueError(f"state of cluster {state.cluster!r} got an observation of {seen.cluster!r}")
    if clock_went_back(state, seen.time):
        return _keep(seen, "clock", reasons.clock_back(seen.time, state.last))
    elapsed = seen.time - state.last if state.last >= 0.0 else 0.0
    follow_period(policy, state, seen.period, elapsed)
    follow_lead(state, seen)
    state.last = seen.time
    counted = with_period(seen, elapsed)
    # What a moment brings by chance says nothing about what members can take.
    early = seen.period is None and 0.0 < elapsed < 0.5 * state.step
    found = _assess(policy, state, counted, 0.0 if early else min(elapsed or state.step, 2.0 * state.step))
    lead = state.horizon * state.step
    if policy.paused:
        return _decision(seen, found, seen.spec, lead, ("paused",), reasons.paused(seen.spec))
    if policy.pinned is not None:
        return _decision(seen, found, policy.pinned, lead, ("pinned",), reasons.pinned(policy.pinned))
    decision = _decide(policy, state, counted, found, lead)
    learn_thrift(policy, state, counted, acted=decision.members != seen.spec)
    if seen.requests is not None and counted.requests is None:
        return decision._replace(reason=reasons.uncounted(decision.reason))
    return decision


def _assess(policy: ControllerPolicy, state: ClusterState, seen: Observation, seconds: float) -> Assessment:
    """Feed each factor's signal and ask it for members; missing ones are listed with their age.

    ``seconds`` is the time that an objective learns of, 0.0 for none.
    """
    found = Assessment()
    if policy.objective is not None:
        _assess_objective(policy, state, seen, found, seconds)
    absent = max(0, seen.spec - seen.ready)
    for name, threshold in policy.thresholds.items():
        average = name in policy.averages
        found.partial = found.partial or (average and mostly(absent, seen.spec))
        if average and not seen.ready:
            # A mean of nobody is not missing: there is nothing to measure, and nothing to decide by.
            state.seen[name] = seen.time
            found.wants[name] = Want(0, seen.spec, seen.spec)
            continue
        reading = reading_of(seen, name)
        if reading is None or reading.age > policy.stale_after:
            _miss(policy, state, seen, found, name)
            continue
        state.seen[name] = seen.time - reading.age
        found.full = found.full or (average and reading.value > threshold)
        if name == MEMORY:
            ask = _ask_memory(policy, state, seen, found, reading.value)
            want = ask.want
        else:
            total = reading.value * seen.ready if average else reading.value
            ask = by_threshold(_advance(policy, state, seen.time, name, total, found), threshold)
            want = with_absent(ask.want, absent, seen.spec) if average and absent else ask.want
        found.asks[name], found.wants[name] = ask, want
    return found


def _ask_memory(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment, percent: float
) -> Ask:
    outlook = _advance(policy, state, seen.time, MEMORY, percent, found, "reactive").lead
    history = state.signals[MEMORY].history
    lately = history.lowest(MEMORY_SAMPLES)
    if lately > outlook.value:
        outlook = outlook._replace(value=lately)
    threshold = policy.thresholds[MEMORY]
    if outlook.value > threshold:
        state.memory_over = seen.time
    added = state.memory_over >= 0.0 and seen.time - state.memory_over < MEMORY_KEEPS_SECONDS
    return by_memory(outlook, threshold, (policy.minimum, policy.maximum), seen.ready, seen.spec, added)


def reading_of(seen: Observation, name: str) -> Reading | None:
    """The factor as observed; the request rate follows from the counts where nobody measures it."""
    reading = seen.factors.get(name)
    if reading is None and name == REQUEST_RATE and seen.requests is not None and seen.period:
        return Reading(seen.requests / seen.period, seen.requests_age)
    return reading


def _assess_objective(
    policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment, seconds: float
) -> None:
    coming = seen.coming
    if seen.requests is None or coming is None or seen.requests_age > policy.stale_after:
        _miss(policy, state, seen, found, REQUESTS)
        return
    assert policy.objective is not None
    state.seen[REQUESTS] = seen.time - seen.requests_age
    rate = coming / (seen.period or state.step)
    outlooks = _advance(policy, state, seen.time, REQUESTS, rate, found)
    if seconds > 0.0:
        learn(policy, state, seen, seconds)
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
    policy: ControllerPolicy,
    state: ClusterState,
    now: float,
    name: str,
    value: float,
    found: Assessment,
    forecaster: ForecasterName | None = None,
) -> Outlooks:
    signal = state.signals.get(name)
    if signal is None:
        signal = state.signals[name] = Signal.new(
            state.step, state.horizon, precise=name == REQUESTS, seasonal=name != MEMORY
        )
    outlooks, gap = signal.advance(now, value, forecaster or policy.forecaster)
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
    winner, band = _most_demanding(found.wants, seen.spec)
    holds = [f"missing:{name}" for name in found.missing]
    idle = _idle(policy, state, seen, found)
    lower = _lower_limit(policy, state, seen.time, lead, idle)
    current = seen.spec
    members = current
    reason = reasons.nothing_known()
    if band is not None:
        shrunk = state.patience.shrunk(seen.time, current, band, policy.settle)
        if current < band.low:
            members = band.target
        elif not found.missing and not found.gap and not found.full:
            members = shrunk
        members = step_within(policy, current, members)
        if found.gap and current > band.high:
            holds.append("gap")
        reason = reasons.wanted(winner, found, seen, members, band, lead)
    if found.missing:
        # The fallback is for when nothing is known; with a factor left that is, it may only add.
        lasting = min(found.missing.values()) if band is None else max(found.missing.values())
        declared = _fallback(policy) if lasting >= policy.fallback_after else None
        known = None if band is None else reason
        reason = reasons.missing(found.missing, lasting, declared, members, known)
        if declared is not None and (band is None or declared > members):
            members = declared
            holds.append("fallback")
    if idle and not found.missing and lower == 0:
        members = 0
        reason = reasons.idle(policy.idle_seconds, current)
    bounded = min(policy.maximum, max(lower, members))
    if bounded > members:
        scheduled = state.scheduled > max(1, policy.minimum)
        holds.append("scheduled-minimum" if scheduled else "minimum")
        if scheduled:
            reason = reasons.scheduled(reason, bounded, state.scheduled)
        else:
            reason = reasons.raised(reason, bounded, policy.minimum)
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


def _most_demanding(wants: dict[str, Want], spec: int) -> tuple[str | None, Want | None]:
    """The factor with the highest target, and the band that satisfies all factors."""
    winner, band = None, None
    for name, want in wants.items():
        if band is None:
            winner, band = name, want
            continue
        if want.target > band.target:
            winner = name
        band = Want(max(band.low, want.low), max(band.target, want.target), max(band.high, want.high))
    if band is not None and winner == MEMORY and band.target > 0:
        # Memory is slow: what it keeps goes once fewer have been enough for the steady time, never sooner.
        band = Want(band.low, band.target, max(band.high, spec))
    return winner, band


def _idle(policy: ControllerPolicy, state: ClusterState, seen: Observation, found: Assessment) -> bool:
    """Whether nothing was asked of the cluster for the idle time; unknown is not idle."""
    if not policy.may_sleep:
        return False
    known = _work(policy, seen)
    if known:
        state.seen[WORK] = seen.time
    if seen.spec == 0 and not any(known):
        # Who sleeps is not woken by a look that saw nothing, but when it is blind for long.
        return seen.time - state.seen.get(WORK, -math.inf) < policy.fallback_after
    if state.busy_at < 0.0 or found.missing or not known or any(known):
        state.busy_at = seen.time
    return seen.time - state.busy_at >= policy.idle_seconds


def _work(policy: ControllerPolicy, seen: Observation) -> list[float]:
    """What is known to be asked of the cluster as a whole: counts, queues and totals, all 0 when idle."""
    found = [] if seen.backlog is None else [seen.backlog]
    if seen.requests is not None and seen.requests_age <= policy.stale_after:
        found.append(seen.requests)
    for name in {IN_FLIGHT, *policy.thresholds} - policy.averages:
        reading = reading_of(seen, name)
        if reading is not None and reading.age <= policy.stale_after:
            found.append(reading.value)
    return found


def _lower_limit(policy: ControllerPolicy, state: ClusterState, now: float, lead: float, idle: bool) -> int:
    minute = int(now // 60.0)
    if not policy.schedule:
        state.schedule_minute, state.scheduled = -1, 0
    elif minute != state.schedule_minute:
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
        whole=bool(found.wants) and not found.missing and not found.partial,
    )


def _need(found: Assessment) -> float | None:
    """The most demanding target before rounding and bounds, of the factors that are known; None for none."""
    need = None
    for name, want in found.wants.items():
        ask = found.asks.get(name)
        # A want without an ask is of nobody: it needs none where none are asked for, else nothing is known.
        one = ask.need if ask is not None else None if want.target else 0.0
        if one is not None and (need is None or one > need):
            need = one
    return need

"""What time an observation is of: clocks that go back, the period between looks, the lead to plan for."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.state import ClusterState

START_SECONDS = 60.0
# Observations in a row from before the last one until the new clock is believed, and the least number of
# intervals that another period is believed by.
BELIEVE_AFTER = 6
# Of so many latest intervals most have to be shorter, or most longer: uneven ones have one period, too.
INTERVALS = 11
MOST = 0.8
# Looks that come faster are too many to remember a lead of them.
SHORTEST_STEP = 0.2
# The horizon follows the measured start time in steps of a fifth: each change restarts its error statistics.
HORIZON_TOLERANCE = 0.2
LONGEST_HORIZON = 360


def clock_went_back(state: ClusterState, now: float) -> bool:
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
    state.memory_over = min(state.memory_over, now)
    state.seen = {name: min(at, now) for name, at in state.seen.items()}
    state.patience.clear()
    for signal in state.signals.values():
        signal.rewind()
    return True


def follow_period(policy: ControllerPolicy, state: ClusterState, told: float | None, elapsed: float) -> None:
    """Take the grid from the first observations; rebuild it when the period has clearly changed."""
    if state.step <= 0.0:
        state.step = max(SHORTEST_STEP, told or policy.period)
    if elapsed <= 0.0:
        return
    state.intervals.append(elapsed)
    del state.intervals[:-INTERVALS]
    shortest, longest = state.step / 1.5, state.step * 1.5
    if shortest <= elapsed <= longest:
        return
    shorter = sum(each < shortest for each in state.intervals)
    longer = sum(each > longest for each in state.intervals)
    # Where nobody tells the period, the first interval is all that is known of it.
    least = 1 if told is None and len(state.intervals) == 1 else BELIEVE_AFTER
    if max(shorter, longer) < max(least, MOST * len(state.intervals)):
        return
    usual = max(SHORTEST_STEP, median(state.intervals))
    if usual != state.step:
        state.step = usual
        state.horizon = 0
        state.signals.clear()


def follow_lead(state: ClusterState, seen: Observation) -> None:
    """Look ahead as far as it takes from an order to a member that serves.

    Measured start times scatter: only several in a row that are all longer, or all shorter, are news.
    """
    start = START_SECONDS if seen.start_seconds is None else seen.start_seconds
    lead = start + (seen.actuation_seconds or 0.0) + state.step
    wanted = min(LONGEST_HORIZON, max(1, round(lead / state.step)))
    if not state.horizon:
        state.horizon = wanted
        state.leads.clear()
        state.signals.clear()
        return
    off = wanted - state.horizon
    if abs(off) <= max(1.0, HORIZON_TOLERANCE * state.horizon):
        state.leads.clear()
        return
    if state.leads and (state.leads[-1] > state.horizon) != (off > 0):
        state.leads.clear()
    state.leads.append(wanted)
    if len(state.leads) < BELIEVE_AFTER:
        return
    state.horizon = sorted(state.leads)[len(state.leads) // 2]
    state.leads.clear()
    for signal in state.signals.values():
        signal.look_ahead(state.horizon)


def with_period(seen: Observation, elapsed: float) -> Observation:
    """The observation with the time that its counts cover: unless told, since the one before."""
    if seen.period is not None or seen.requests is None:
        return seen
    return replace(seen, period=elapsed) if elapsed > 0.0 else replace(seen, requests=None, missed=None)

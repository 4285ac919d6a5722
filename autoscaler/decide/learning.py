"""What one step teaches about misses, members and the liveliness of the load."""

from __future__ import annotations

from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import LOAD_AVERAGE, REQUESTS, ControllerPolicy
from autoscaler.decide.price import Price, within_reach
from autoscaler.decide.search import Look
from autoscaler.decide.state import ClusterState
from autoscaler.decide.thrift import MEAN_SECONDS


def price_of(policy: ControllerPolicy, state: ClusterState) -> Price:
    """The price of a miss for the policy's budget, begun anew when that has changed."""
    assert policy.objective is not None
    if state.price is None or state.price.budget != policy.objective.budget:
        state.price = Price(policy.objective.budget)
    return state.price


def learn(policy: ControllerPolicy, state: ClusterState, seen: Observation, seconds: float) -> None:
    """Account for ``seconds`` of misses, and for what a member can take."""
    assert policy.objective is not None
    if seen.requests is None or seen.missed is None or seen.requests_age > policy.stale_after:
        return
    if seen.ready == 0 or seen.requests <= 0.0:
        return
    rate = seen.requests / (seen.period or state.step)
    at_limit = seen.spec >= policy.maximum
    share = seen.missed / seen.requests
    came = (seen.coming or 0.0) / (seen.period or state.step)
    price_of(policy, state).learn(rate, share, seconds, at_limit, share <= 0.0 or _in_reach(state, came))
    waited, served_by = state.backlog, state.ready
    state.backlog, state.ready = seen.backlog or 0.0, seen.ready
    changed = served_by not in (seen.ready, -1)
    if changed and 2.0 * seen.missed <= seen.requests:
        # Who served what while members came or went is not known.
        return
    # What most missed at is no less than what the fewer of them were asked for.
    look = _look(seen, min(seen.ready, served_by) if changed else seen.ready, waited, rate, seconds)
    if state.member_rate.follow(look, state.horizon * state.step, seen.member_rate or policy.member_rate):
        return
    busy = seen.factors.get(LOAD_AVERAGE)
    state.member_rate.learn(look, None if busy is None else busy.value / 100.0, policy.objective.budget)


def _look(seen: Observation, members: int, waited: float, rate: float, seconds: float) -> Look:
    assert seen.requests is not None
    assert seen.missed is not None
    waiting = seen.backlog or 0.0
    by_member = rate / seen.requests / max(1, members)
    done = seen.requests + waited - waiting
    return Look(
        members=members,
        arrived=by_member * seen.requests,
        offered=by_member * (seen.requests + max(waited, waiting)),
        # Where requests count when they are done, the queue may grow by more than that.
        handled=by_member * (done if done > 0.0 else seen.requests),
        requests=seen.requests,
        missed=seen.missed,
        seconds=seconds,
    )


def _in_reach(state: ClusterState, rate: float) -> bool:
    """Whether head-room that somebody would pay for covers what was forecast for now; unknown is covered."""
    signal = state.signals.get(REQUESTS)
    if signal is None or signal.far.told < 0.0:
        return True
    told = signal.far.told
    return within_reach(rate, told, signal.far.spread.sigma(told, signal.noise.dispersion))


def learn_thrift(policy: ControllerPolicy, state: ClusterState, seen: Observation, acted: bool) -> None:
    """Compare our actions with a plain follower's; only an objective's band is ours to widen."""
    signal = state.signals.get(REQUESTS)
    if policy.objective is None or signal is None or signal.last != seen.time:
        return
    member_rate = trusted_rate(seen.member_rate or policy.member_rate, state.member_rate)
    mean = signal.history.mean(0, max(1, round(MEAN_SECONDS / state.step)))
    state.thrift.learn(mean, member_rate, max(1, policy.minimum), policy.maximum, acted)

"""What one step teaches about misses, members and the liveliness of the load."""

from __future__ import annotations

from autoscaler.decide.capacity import trusted_rate
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import LOAD_AVERAGE, REQUESTS, ControllerPolicy
from autoscaler.decide.price import Price, within_reach
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
    price_of(policy, state).learn(rate, share, seconds, at_limit, share <= 0.0 or _in_reach(state, rate))
    waited, served_by = state.backlog, state.ready
    state.backlog, state.ready = seen.backlog or 0.0, seen.ready
    if served_by not in (seen.ready, -1):
        # Who served what while members came or went is not known.
        return
    busy = seen.factors.get(LOAD_AVERAGE)
    state.member_rate.learn(
        (seen.requests + max(waited, state.backlog)) / (seen.period or state.step) / seen.ready,
        seen.requests,
        seen.missed,
        None if busy is None else busy.value / 100.0,
        seconds,
        policy.objective.budget,
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

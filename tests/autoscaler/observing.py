"""Observations for tests: a cluster that is asked every five seconds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from autoscaler.decide.controller import step
from autoscaler.decide.decision import Decision
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import ControllerPolicy, Objective
from autoscaler.decide.state import ClusterState

START = 1_700_000_000.0
PERIOD = 5.0


def objective(**changes: Any) -> ControllerPolicy:
    """A policy with a 1 % budget, 2 to 50 members, 8.5 good requests a second for each member."""
    return ControllerPolicy(
        **{"minimum": 2, "maximum": 50, "objective": Objective(0.01), "member_rate": 8.5} | changes
    )


def thresholds(**changes: Any) -> ControllerPolicy:
    """A policy with Stratos' three sample thresholds, 1 to 20 members."""
    return ControllerPolicy(
        **{
            "minimum": 1,
            "maximum": 20,
            "thresholds": {"requestsInFlight": 20.0, "memory": 70.0, "loadAverage": 70.0},
        }
        | changes
    )


def seen(tick: int, ready: int, **more: Any) -> Observation:
    """The observation of a tick."""
    return Observation(
        **{"time": START + tick * PERIOD, "cluster": "web", "ready": ready, "spec": ready, "period": PERIOD}
        | more
    )


def follow(
    policy: ControllerPolicy,
    rates: Iterable[float],
    ready: int,
    state: ClusterState | None = None,
    **more: Any,
) -> list[Decision]:
    """Decisions for a request rate over time, each obeyed at once."""
    state = state or ClusterState("web")
    decisions = []
    for tick, rate in enumerate(rates):
        decision = step(policy, state, seen(tick, ready, requests=rate * PERIOD, missed=0.0, **more))
        ready = decision.members
        decisions.append(decision)
    return decisions

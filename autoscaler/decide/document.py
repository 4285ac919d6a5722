"""From an AutoscalingPolicy document and a cluster's bounds to the controller's own policy."""

from __future__ import annotations

from autoscaler.decide.policy import (
    AVERAGES,
    IN_FLIGHT,
    LOAD_AVERAGE,
    MEMORY,
    REQUEST_RATE,
    ControllerPolicy,
    Objective,
    ScheduledMinimum,
)
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy


def controller_policy(
    document: AutoscalingPolicy,
    minimum: int,
    maximum: int,
    *,
    paused: bool = False,
    pinned: int | None = None,
    member_rate: float | None = None,
) -> ControllerPolicy:
    """The policy for a cluster with these bounds. Raises `PolicyError` when they contradict each other.

    Damping that the document does not set is left to the controller's band of uncertainty.
    """
    thresholds: dict[str, float] = {}
    if document.thresholds is not None:
        for name, value in (
            (IN_FLIGHT, document.thresholds.requests_in_flight),
            (REQUEST_RATE, document.thresholds.request_rate),
            (LOAD_AVERAGE, document.thresholds.load_average),
            (MEMORY, document.thresholds.memory),
        ):
            if value is not None:
                thresholds[name] = value
    thresholds |= {metric.name: metric.target for metric in document.metrics}
    averages = AVERAGES | {metric.name for metric in document.metrics if metric.kind == "average"}
    objective = None
    if document.objective is not None:
        objective = Objective(document.objective.misses.fraction, document.objective.latency.seconds * 1000)
    settle = document.damping.settle
    return ControllerPolicy(
        minimum=minimum,
        maximum=maximum,
        thresholds=thresholds,
        averages=averages,
        objective=objective,
        member_rate=member_rate,
        schedule=tuple(
            ScheduledMinimum(entry.cron, entry.minimum, float(entry.duration.seconds), entry.time_zone)
            for entry in document.schedule
        ),
        scale_to_zero=document.scale_to_zero is not None,
        idle_seconds=float(document.scale_to_zero.after.seconds) if document.scale_to_zero else 300.0,
        paused=paused,
        pinned=pinned,
        forecaster=document.forecast,
        fallback_after=float(document.fallback.after.seconds),
        fallback=document.fallback.members,
        settle=None if settle is None else float(settle.seconds),
        step_up=document.damping.step_up,
        step_down=document.damping.step_down,
    )

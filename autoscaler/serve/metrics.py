"""What Prometheus reads: the loop's pace, its applications, its sources and the runner's stacks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from autoscaler.act.runner import StackState
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.autoscaler import Autoscaler

PREFIX = "altostratus_autoscaler"


class States(Protocol):
    """What the runner tells."""

    def states(self) -> Mapping[str, StackState]: ...


class LoopCollector(Collector):
    """Reads the loop when it is asked; nothing is counted twice, and nothing is kept."""

    def __init__(self, autoscaler: Autoscaler, runner: States | None) -> None:
        self._autoscaler = autoscaler
        self._runner = runner

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        """All families."""
        yield from self._pace()
        yield from _clusters(list(self._autoscaler.applications.values()))
        yield from self._sources()
        yield from self._stacks()

    def _pace(self) -> Iterable[Metric]:
        pace = self._autoscaler.pace
        yield CounterMetricFamily(f"{PREFIX}_periods", "Periods that were looked at.", value=pace.periods)
        yield _plain("lag_seconds", "From when the last period was due to its end.", pace.lag)
        yield _plain("work_seconds", "Computing in the last period.", pace.work)
        yield _plain("last_period_timestamp_seconds", "When the last period ended.", pace.finished)
        yield _plain("applications", "Applications looked at.", len(self._autoscaler.applications))
        problems = GaugeMetricFamily(f"{PREFIX}_problem", "1 where something is wrong.", labels=["where"])
        for where in self._autoscaler.problems():
            problems.add_metric([where], 1)
        yield problems
        waiting = GaugeMetricFamily(
            f"{PREFIX}_waiting", "Things people have edited that wait for their update.", labels=["stack"]
        )
        for stack, application in list(self._autoscaler.applications.items()):
            waiting.add_metric([stack], len(application.view.waiting) if application.view is not None else 0)
        yield waiting

    def _sources(self) -> Iterable[Metric]:
        labels = ["cloud", "source"]
        up = GaugeMetricFamily(f"{PREFIX}_source_up", "1 while a source answers.", labels=labels)
        took = GaugeMetricFamily(f"{PREFIX}_source_seconds", "How long it took the last time.", labels=labels)
        answered = GaugeMetricFamily(
            f"{PREFIX}_source_answered_timestamp_seconds", "When it answered last.", labels=labels
        )
        for health in list(self._autoscaler.gathering.health().values()):
            where = [health.cloud, health.source]
            up.add_metric(where, 0 if health.problem else 1)
            took.add_metric(where, health.took)
            answered.add_metric(where, health.answered)
        yield from (up, took, answered)

    def _stacks(self) -> Iterable[Metric]:
        if self._runner is None:
            return
        health = GaugeMetricFamily(
            f"{PREFIX}_stack_state",
            "1 for the state that the runner has a stack in.",
            labels=["stack", "state"],
        )
        updates = CounterMetricFamily(f"{PREFIX}_updates", "Updates that succeeded.", labels=["stack"])
        for stack, state in self._runner.states().items():
            health.add_metric([stack, state.health], 1)
            updates.add_metric([stack], state.updates)
        yield from (health, updates)


def _plain(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, value=value)


def _clusters(applications: list[ApplicationLoop]) -> Iterable[Metric]:
    labels = ["application", "cloud", "cluster"]
    with_factor = [*labels, "factor"]

    def family(name: str, meaning: str, names: list[str]) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"{PREFIX}_{name}", meaning, labels=names)

    asked = family("members_asked", "Members asked for.", labels)
    ready = family("members_ready", "Members that serve.", labels)
    wanted = family("members_wanted", "Members that the last decision came to.", labels)
    stalled = family("stalled", "1 while members do not start.", labels)
    start = family("start_seconds", "Measured start time of members, 0.9 quantile.", labels)
    value = family("factor", "What a factor is worth now.", with_factor)
    age = family("factor_age_seconds", "How old that is.", with_factor)
    missing = family("factor_missing", "1 while a factor is missing or stale; it holds.", with_factor)
    held = family("hold", "1 for each reason why the count did not move.", [*labels, "hold"])
    for application in applications:
        view, verdict = application.view, application.verdict
        if view is None:
            continue
        for path, cluster in view.clusters.items():
            where = [view.application, view.cloud, path]
            asked.add_metric(where, cluster.members)
            sight = application.sights.get(path)
            following = application.confirming.following.get(path)
            stalled.add_metric(where, 1 if following is not None and following.stalls else 0)
            seconds = application.confirming.start_seconds(path)
            if seconds is not None:
                start.add_metric(where, seconds)
            if sight is None:
                continue
            ready.add_metric(where, sight.observation.ready)
            for name, reading in sight.observation.factors.items():
                value.add_metric([*where, name], reading.value)
                age.add_metric([*where, name], reading.age)
            decision = verdict.decisions.get(path) if verdict is not None else None
            if decision is None:
                continue
            wanted.add_metric(where, decision.members)
            for hold in decision.holds:
                kind, _, factor = hold.partition(":")
                if kind == "missing":
                    missing.add_metric([*where, factor], 1)
                else:
                    held.add_metric([*where, kind], 1)
    yield from (asked, ready, wanted, stalled, start, value, age, missing, held)

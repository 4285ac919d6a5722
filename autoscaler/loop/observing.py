"""From what runs and what was measured to one observation of a cluster over all its copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import IN_FLIGHT, LOAD_AVERAGE, REQUEST_RATE, ControllerPolicy
from autoscaler.loop.watched import ScaledCluster, View
from autoscaler.observe.board import Board, Known
from autoscaler.observe.members import NOTHING, SeenCluster
from autoscaler.observe.source import BACKLOG, ENDED_RATE, LATENCY, MISSED_RATE, Place, Target

REQUEST_FACTORS = (REQUEST_RATE, ENDED_RATE, MISSED_RATE, BACKLOG)
COUNTED_AT_HOME = frozenset({*REQUEST_FACTORS, IN_FLIGHT, LATENCY})
"""What the home's load balancers count for members in other clouds as well."""

Beside = tuple[View, Mapping[str, SeenCluster]]
"""A stack with members beside the home, and the clusters that are seen there."""


@dataclass(frozen=True, slots=True)
class Sight:
    """An observation with what the controller does not need: `unheard` members, whose values are missing."""

    observation: Observation
    unheard: tuple[str, ...]
    loads: Mapping[str, float]


def places(view: View, cluster: ScaledCluster) -> list[Place]:
    """Where the copies of a cluster are."""
    return [Place(view.cloud, view.plan.namespace, view.plan.copy, copy.id) for copy in cluster.copies]


def wanted_factors(policy: ControllerPolicy) -> frozenset[str]:
    """The factors to measure for a policy."""
    found = set(policy.thresholds)
    if policy.objective is not None:
        # The busy share tells what a member can take before the first miss does.
        found |= {*REQUEST_FACTORS, LOAD_AVERAGE}
    if policy.may_sleep:
        found |= {BACKLOG, REQUEST_RATE}
    return frozenset(found)


def counted_clusters(view: View) -> frozenset[str]:
    """The ids of the clusters behind load balancers of the application's own, which count their requests."""
    return frozenset(id for balancer in view.plan.balancers for id in balancer.clusters)


def level_times(view: View) -> tuple[float, ...] | None:
    """The times in seconds of the application's latency objectives; None where it has no objectives."""
    objectives = view.plan.application.objectives
    return None if objectives is None else tuple(each.within.seconds for each in objectives.latency)


def targets(view: View, seen: Mapping[str, SeenCluster] | None) -> list[Target]:
    """The clusters that a policy decides about, or whose requests objectives count, for the sources."""
    found = []
    times, counted = level_times(view), counted_clusters(view)
    for cluster in view.clusters.values():
        policy, document = cluster.policy, cluster.document
        objective = None if policy is None else policy.objective
        for copy, place in zip(cluster.copies, places(view, cluster), strict=True):
            levels = times if copy.id in counted else None
            if policy is None and levels is None:
                continue
            found.append(
                Target(
                    place=place,
                    name=copy.name,
                    application=view.application,
                    members=(seen or {}).get(copy.name, NOTHING).members,
                    latency=None if objective is None else objective.latency_ms / 1000.0,
                    queries={} if document is None else {each.name: each.query for each in document.metrics},
                    factors=frozenset() if policy is None else wanted_factors(policy),
                    levels=levels,
                )
            )
    return found


def _ready_by_place(
    view: View, cluster: ScaledCluster, seen: Mapping[str, SeenCluster]
) -> list[tuple[Place, frozenset[str]]]:
    ready = (
        frozenset(member.name for member in seen.get(copy.name, NOTHING).members if member.ready)
        for copy in cluster.copies
    )
    return list(zip(places(view, cluster), ready, strict=True))


def sight(
    view: View,
    cluster: ScaledCluster,
    seen: Mapping[str, SeenCluster],
    board: Board,
    now: float,
    period: float,
    start_seconds: float | None,
    actuation_seconds: float | None,
    others: Sequence[Beside] = (),
) -> Sight:
    """What is known of a cluster with a policy, over all clouds that it has members in.

    `others`: what is beside the home. Requests are counted at home, where all of them come in.
    Times in seconds, `now` since the epoch.
    """
    assert cluster.policy is not None
    policy = cluster.policy
    home = _ready_by_place(view, cluster, seen)
    beyond = [
        each
        for other, there in others
        if cluster.path in other.clusters
        for each in _ready_by_place(other, other.clusters[cluster.path], there)
    ]
    ready = sum(len(names) for _, names in (*home, *beyond))
    spec = cluster.members + sum(
        other.clusters[cluster.path].members for other, _ in others if cluster.path in other.clusters
    )
    counted = not counted_clusters(view).isdisjoint(copy.id for copy in cluster.copies)
    unheard: list[str] = []
    by_factor: dict[str, dict[str, float]] = {}

    def known(factor: str) -> Known | None:
        heard = []
        for place, names in home if counted and factor in COUNTED_AT_HOME else (*home, *beyond):
            found = board.read(place, factor, names, now, factor in policy.averages)
            if found is not None:
                heard.append(found)
            elif names:
                return None  # a copy that nothing is known of: the whole is not known either
        if not heard:
            return None
        for each in heard:
            unheard.extend(each.unheard)
            by_factor.setdefault(factor, {}).update(each.members)
        return Known(sum(each.total for each in heard), max(each.age for each in heard))

    factors: dict[str, Reading] = {}
    for name in wanted_factors(policy) - set(REQUEST_FACTORS):
        found, average = known(name), name in policy.averages
        if found is not None and (ready or not average):
            factors[name] = Reading(found.total / ready if average else found.total, found.age)
    rate, ended, missed, backlog = (known(name) for name in REQUEST_FACTORS)
    if ended is None:
        ended = rate  # a source that knows one rate only
    if rate is not None:
        factors.setdefault(REQUEST_RATE, Reading(rate.total, rate.age))
        # Told, not decided by: an objective counts the requests that were too slow.
        slowest = [found for place, names in home if (found := board.read(place, LATENCY, names, now))]
        if slowest:
            worst = max(slowest, key=lambda found: found.total)
            factors[LATENCY] = Reading(worst.total, worst.age)
    return Sight(
        Observation(
            time=now,
            cluster=cluster.path,
            ready=ready,
            spec=spec,
            starting=max(0, spec - ready),
            period=period,
            requests=None if ended is None else ended.total * period,
            arrived=None if rate is None else rate.total * period,
            missed=None if missed is None or ended is None else min(missed.total, ended.total) * period,
            requests_age=0.0 if ended is None else ended.age,
            backlog=None if backlog is None else backlog.total,
            factors=factors,
            start_seconds=start_seconds,
            actuation_seconds=actuation_seconds,
        ),
        tuple(dict.fromkeys(unheard)),
        # One unit for all members: what they are at now, or else how busy they are.
        by_factor.get(IN_FLIGHT) or by_factor.get(LOAD_AVERAGE) or {},
    )

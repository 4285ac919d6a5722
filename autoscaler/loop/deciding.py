"""One decision for a whole application: each cluster by itself, then all together, as one edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.act.edits import Removal, ScaleEdit
from autoscaler.decide.application import ApplicationDecision, Part, Shape, decide_application
from autoscaler.decide.controller import step
from autoscaler.decide.decision import Decision
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.state import ClusterState
from autoscaler.loop.bounds import keys_for
from autoscaler.loop.observing import Sight
from autoscaler.loop.watched import ScaledCluster, View

# Holds of the loop's own, over what the controller decided.
UNHEARD, STALLED, BY_HAND = "unheard", "stalled", "by-hand"
HELD = frozenset({UNHEARD, STALLED, BY_HAND})

Step = Callable[[ControllerPolicy, ClusterState, Observation], Decision]


@dataclass(frozen=True)
class Verdict:
    """What a period came to for an application: the decisions by path, all together, and the edit if any.

    `holds` says in words why nothing is changed though something would be, by path.
    """

    view: View
    time: float
    decisions: Mapping[str, Decision]
    together: ApplicationDecision | None
    edit: ScaleEdit | None
    holds: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Considered:
    """Each cluster's decision by itself, before they meet. `wanted` are members over all group instances."""

    view: View
    time: float
    sights: Mapping[str, Sight]
    decisions: Mapping[str, Decision]
    holds: Mapping[str, str]
    wanted: Mapping[str, int]


@dataclass(frozen=True)
class Guidance:
    """What is decided about this copy over all copies of its application, by cluster path.

    wanted: members that this copy is to have, in place of what its own load asks for. most: how many it has
    room for, over all group instances. each: how many each instance has, where another one may have more.
    reasons: a sentence for each that differs.
    """

    wanted: Mapping[str, int] = field(default_factory=dict)
    most: Mapping[str, int] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    each: Mapping[str, int] = field(default_factory=dict)


ALONE = Guidance()


def decide(
    view: View,
    states: dict[str, ClusterState],
    sights: Mapping[str, Sight],
    now: float,
    stalled: Mapping[str, str],
    by_hand: Mapping[str, str],
) -> Verdict:
    """Decide about an application that stands alone. Raises as `consider` and `conclude` do."""
    return conclude(consider(view, states, sights, now, stalled, by_hand), ALONE)


def consider(
    view: View,
    states: dict[str, ClusterState],
    sights: Mapping[str, Sight],
    now: float,
    stalled: Mapping[str, str],
    by_hand: Mapping[str, str],
    by: Step = step,
) -> Considered:
    """Decide about each cluster; moves `states` on.

    `stalled` gives by path why more members are of no use now, `by_hand` why none may go yet; `by`
    is how one cluster is decided about. Raises `PolicyError`.
    """
    decisions: dict[str, Decision] = {}
    holds: dict[str, str] = {}
    for path, sight in sights.items():
        cluster = view.clusters[path]
        assert cluster.policy is not None
        state = states.get(path)
        if state is None:
            state = states[path] = ClusterState(path)
        decision = by(cluster.policy, state, sight.observation)
        decision, held = _held(decision, sight, stalled.get(path, ""), by_hand.get(path, ""))
        if held:
            holds[path] = held
        decisions[path] = decision
    return Considered(view, now, sights, decisions, holds, _wanted(view, decisions))


def conclude(found: Considered, guidance: Guidance) -> Verdict:
    """Decide about the application as a whole. Raises `ApplicationShapeError`."""
    view, decisions = found.view, found.decisions
    if view.resting:
        resting = {**found.holds, "": f"The application is {view.resting}."}
        return Verdict(view, found.time, decisions, None, None, resting)
    wanted = {**found.wanted, **guidance.wanted}
    together = decide_application(_with_room(view, guidance), wanted, view.instances)
    if guidance.reasons:
        together = replace(together, reasons=(*together.reasons, *guidance.reasons))
    edit = _edit(view, decisions, together, found.sights)
    return Verdict(view, found.time, decisions, together, edit, found.holds)


def _with_room(view: View, guidance: Guidance) -> Shape:
    """The application's shape with no more room for a cluster than there is.

    Of a cluster inside groups, what one instance lacks another may have: only `each` makes groups grow.
    """
    changed = {
        path: _bounded(part, guidance.most.get(path), guidance.each.get(path), bool(view.shape.around(path)))
        for path, part in view.shape.clusters.items()
        if path in guidance.most or path in guidance.each
    }
    return replace(view.shape, clusters={**view.shape.clusters, **changed}) if changed else view.shape


def _bounded(part: Part, most: int | None, each: int | None, copied: bool) -> Part:
    bounds = [part.maximum, *(b for b in (each, None if copied else most) if b is not None)]
    return replace(part, maximum=max(part.minimum, min(bounds)), most=most if copied else None)


def _held(decision: Decision, sight: Sight, stalled: str, by_hand: str) -> tuple[Decision, str]:
    """The decision with what the controller cannot know: members not heard of, members that do not start."""
    if decision.action == "down" and sight.unheard:
        names = ", ".join(sight.unheard[:3])
        more = f" and {len(sight.unheard) - 3} more" if len(sight.unheard) > 3 else ""
        held = f"nothing is known of {names}{more}, so no member goes"
        return _kept(decision, held, UNHEARD), held
    if decision.action == "down" and by_hand:
        return _kept(decision, by_hand, BY_HAND), by_hand
    if decision.action == "up" and stalled:
        return _kept(decision, stalled, STALLED), stalled
    return decision, ""


def _kept(decision: Decision, why: str, hold: str) -> Decision:
    reason = f"Keep {decision.current}: {why}. Otherwise: {decision.reason}"
    return decision._replace(members=decision.current, reason=reason, holds=(*decision.holds, hold))


def _wanted(view: View, decisions: Mapping[str, Decision]) -> dict[str, int]:
    """What each cluster asks for by itself, over all copies."""
    tied = {member for rule in view.shape.proportions for member in rule.members}
    wanted = {}
    for path, cluster in view.clusters.items():
        decision = decisions.get(path)
        if decision is None:
            # Scaled by people: it stays. One that follows a ratio has no wish but its minimum, or it could
            # never come down again.
            if path not in tied:
                wanted[path] = cluster.members
            continue
        wanted[path] = decision.members
        if "maximum" in decision.holds and decision.band is not None and HELD.isdisjoint(decision.holds):
            wanted[path] = max(decision.members, decision.band.target)
    return wanted


def _edit(
    view: View,
    decisions: Mapping[str, Decision],
    together: ApplicationDecision,
    sights: Mapping[str, Sight],
) -> ScaleEdit | None:
    clusters: dict[str, int] = {}
    changed: list[str] = []
    for path, each in together.clusters.items():
        cluster = view.clusters.get(path)
        if cluster is None:
            continue
        pinned = cluster.policy.pinned if cluster.policy else None
        if pinned is not None:
            each = pinned // len(cluster.copies)
        if all(copy.members == each for copy in cluster.copies):
            continue
        changed.append(path)
        for key in keys_for(path, view.scale.clusters, view.bounds, view.bounds.clusters):
            clusters[key] = each
    groups: dict[str, int] = {}
    for path, instances in together.groups.items():
        if instances != view.instances[path]:
            changed.append(path)
            for key in keys_for(path, view.scale.groups, view.bounds, view.bounds.groups):
                groups[key] = instances
    # What a person's new range put outside of it is set right in the same edit.
    clusters = {**_differences(view.ordered.clusters, view.scale.clusters), **clusters}
    groups = {**_differences(view.ordered.groups, view.scale.groups), **groups}
    if not clusters and not groups:
        return None
    return ScaleEdit(
        stack=view.stack,
        seen=view.asked,
        reason=_reason(view, changed, decisions, together),
        clusters=clusters,
        groups=groups,
        removals=tuple(_removals(view, together, sights)),
        decision=plain(view, decisions, together),
    )


def _differences(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    return {key: count for key, count in after.items() if before.get(key) != count}


def _reason(
    view: View, changed: list[str], decisions: Mapping[str, Decision], together: ApplicationDecision
) -> str:
    parts = [f"{path}: {decisions[path].reason}" for path in changed if path in decisions]
    named = " ".join(parts)
    parts += [each for each in together.reasons if each not in named]
    parts += view.notes
    return " ".join(parts) or "The application's documents ask for another count."


def _removals(view: View, together: ApplicationDecision, sights: Mapping[str, Sight]) -> list[Removal]:
    """Which clusters lose how many members, and how loaded each member is."""
    found = []
    for path, each in together.clusters.items():
        cluster: ScaledCluster | None = view.clusters.get(path)
        for copy in cluster.copies if cluster is not None else ():
            if copy.members > each:
                sight = sights.get(path)
                found.append(
                    Removal(
                        cloud=view.cloud,
                        namespace=view.plan.namespace,
                        labels=dict(copy.selector),
                        count=copy.members - each,
                        loads=sight.loads if sight is not None else {},
                    )
                )
    return found


def plain(
    view: View, decisions: Mapping[str, Decision], together: ApplicationDecision | None
) -> dict[str, Any]:
    """A decision about an application as plain data."""
    return {
        "stack": view.stack,
        "application": view.application,
        "generation": view.asked.generation,
        "clusters": {path: decision.as_json() for path, decision in decisions.items()},
        "counts": dict(together.clusters) if together else {},
        "groups": dict(together.groups) if together else {},
        "overflow": dict(together.overflow) if together else {},
        "reasons": list(together.reasons) if together else [],
    }

"""When an application gets a place for single members in a further cloud, and when that goes again. Pure.

How many members go where is placement's answer (`policies.placement.overflow`), which is stable by itself: a
member stays where it is until fewer are wanted, and then the further clouds are emptied first. What is
decided here is the stack around those members, which costs seconds to make and to remove: it is made when
placement puts members there, now or by the time it could serve, and goes when it has had none for `hold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autoscaler.burst.deciding import SURE_LOOKS, MoveSight

Kind = Literal["stay", "overflow", "end", "turn"]
Counts = Mapping[str, Mapping[str, int]]
"""Members by cloud, by cluster id."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """A further cloud: the clusters that may have members there, and those that its stack has now; None
    without a stack. hold: seconds without any member after which the stack goes."""

    cloud: str
    clusters: tuple[str, ...]
    there: tuple[str, ...] | None
    hold: float
    empty: bool = True
    """Whether no member is asked for there any more."""


@dataclass(frozen=True)
class OverflowSight:
    """One look. wanted: members by cloud and cluster id as placement has them; ahead: likewise when a stack
    made now could serve, `lead` seconds from now by cloud. why: placement's reasons by cluster id."""

    time: float
    beyond: tuple[Beyond, ...]
    wanted: Counts
    ahead: Counts
    lead: Mapping[str, float] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    move: MoveSight | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class OverflowStanding:
    """What is kept: looks in a row with members expected by cloud, and since when a cloud is not needed."""

    over: Mapping[str, int] = field(default_factory=dict)
    quiet: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OverflowStep:
    """What to do, and why. clusters: those that the stack is to have; members: what it begins with."""

    kind: Kind
    cloud: str
    reason: str
    clusters: tuple[str, ...] = ()
    members: Mapping[str, int] = field(default_factory=dict)


def decide(now: OverflowSight, standing: OverflowStanding) -> tuple[OverflowStep, OverflowStanding]:
    """The step to take, at most one, and what to remember."""
    kept = _looked(now, standing)
    if now.move is not None:
        return _under_way(now, now.move), kept
    waits = ""
    for each in now.beyond:
        if each.there is not None and set(each.there) == set(each.clusters):
            continue
        needed, words = _needed(now, each, kept)
        if needed and each.cloud in now.unfit:
            waits = f"No members in {each.cloud} now, which {now.unfit[each.cloud]} ({words})."
        elif needed:
            members = {id: max(n, now.ahead.get(each.cloud, {}).get(id, 0)) for id, n in _all(now, each)}
            return OverflowStep(
                "overflow", each.cloud, f"Overflow to {each.cloud}: {words}.", each.clusters, members
            ), kept
    for each in reversed(now.beyond):
        since = kept.quiet.get(each.cloud)
        if each.there is not None and since is not None and each.empty and now.time - since >= each.hold:
            reason = f"No member has been needed in {each.cloud} for {now.time - since:.0f} s."
            return OverflowStep("end", each.cloud, reason), kept
    return OverflowStep("stay", "", waits or _calm(now, kept)), kept


def _looked(now: OverflowSight, standing: OverflowStanding) -> OverflowStanding:
    over, quiet = {}, {}
    for each in now.beyond:
        if any(n for _, n in _all(now, each)) or any(now.ahead.get(each.cloud, {}).values()):
            over[each.cloud] = standing.over.get(each.cloud, 0) + 1
        elif each.there is not None:
            quiet[each.cloud] = standing.quiet.get(each.cloud, now.time)
    return OverflowStanding(over, quiet)


def _all(now: OverflowSight, each: Beyond) -> list[tuple[str, int]]:
    there = now.wanted.get(each.cloud, {})
    return [(id, there.get(id, 0)) for id in each.clusters]


def _needed(now: OverflowSight, each: Beyond, kept: OverflowStanding) -> tuple[bool, str]:
    """Whether a stack is needed there; at once for members that are needed now."""
    wanted = [(id, n) for id, n in _all(now, each) if n]
    if wanted:
        named = ", ".join(f"{n} of {id}" for id, n in wanted)
        why = "; ".join(dict.fromkeys(now.why[id] for id, _ in wanted if now.why.get(id)))
        return True, f"{named}{f' ({why})' if why else ''}"
    expected = [(id, n) for id, n in now.ahead.get(each.cloud, {}).items() if n]
    named = ", ".join(f"{n} of {id}" for id, n in expected)
    lead = now.lead.get(each.cloud, 0.0)
    sure = bool(expected) and kept.over.get(each.cloud, 0) >= SURE_LOOKS
    return sure, f"{named} are expected there in {lead:.0f} s"


def _under_way(now: OverflowSight, move: MoveSight) -> OverflowStep:
    stays = OverflowStep("stay", "", f"The {move.kind} in {move.cloud} is under way.")
    if move.kind != "end" or move.turned:
        return stays
    for each in now.beyond:
        wanted = [(id, n) for id, n in _all(now, each) if n]
        if each.cloud == move.cloud and wanted:
            named = ", ".join(f"{n} of {id}" for id, n in wanted)
            reason = f"Keep the members in {move.cloud}: {named} are needed."
            return OverflowStep("turn", move.cloud, reason, each.clusters, dict(wanted))
    return stays


def _calm(now: OverflowSight, kept: OverflowStanding) -> str:
    for each in now.beyond:
        if each.there is None:
            continue
        if each.cloud in kept.quiet:
            quiet = now.time - kept.quiet[each.cloud]
            return f"No member is needed in {each.cloud} for {quiet:.0f} of {each.hold:.0f} s."
        named = ", ".join(f"{n} of {id}" for id, n in _all(now, each) if n)
        if not named:
            return f"Members are expected in {each.cloud}."
        return f"{named} are needed in {each.cloud}."
    return "The home has room for all."

"""Why an application has the members that it has, now or at some time: from the journal alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoscaler.journal.journal import Journal
from autoscaler.journal.records import DecisionRow, EditRow, UpdateRow

# Rows of this kind are decisions; all others tell what happened.
ACTIONS = frozenset({"up", "down", "hold"})
LOOK_BACK = 500


@dataclass(frozen=True, slots=True)
class FactorLine:
    """One factor of a decision: its value and age, what it was expected to be at the lead, and the members
    that it asked for (fewest, target, most). None where that is not known."""

    factor: str
    value: float | None
    age: float | None
    expected: float | None
    sigma: float | None
    want: tuple[int, int, int] | None
    wins: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision about one cluster that was in force, and what led to it."""

    at: float
    cluster: str
    action: str
    members: int
    reason: str
    factor: str | None
    lead: float
    band: tuple[int, int, int] | None
    holds: tuple[str, ...]
    inputs: Mapping[str, float]
    factors: tuple[FactorLine, ...]
    start_seconds: float | None
    actuation_seconds: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """Explanations by cluster, and what was decided, happened and was updated before."""

    stack: str
    explanations: tuple[Explanation, ...]
    history: tuple[DecisionRow, ...]
    edits: tuple[EditRow, ...] = ()
    updates: tuple[UpdateRow, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """Plain data after ``docs/schemas/explanation.schema.json``."""
        return {
            "stack": self.stack,
            "clusters": [_plain(each) for each in self.explanations],
            "history": [
                {
                    "at": row.at,
                    "cluster": row.cluster,
                    "action": row.action,
                    "members": row.members,
                    "factor": row.factor,
                    "reason": row.reason,
                }
                for row in self.history
            ],
            "edits": [
                {
                    "id": edit.id,
                    "submitted": edit.submitted,
                    "ended": edit.ended,
                    "stage": edit.stage,
                    "outcome": edit.outcome,
                    "target": edit.target,
                    "reason": edit.reason,
                    "note": edit.note,
                }
                for edit in self.edits
            ],
            "updates": [
                {
                    "id": update.id,
                    "started": update.started,
                    "ended": update.ended,
                    "seconds": update.seconds,
                    "result": update.result,
                    "scale": update.scale,
                    "changes": update.changes,
                    "note": update.note,
                }
                for update in self.updates
            ],
        }


def tell(journal: Journal, stack: str, until: float | None, limit: int) -> Story:
    """What the journal knows of a stack up to a time (seconds since the epoch; None: now)."""
    rows = journal.decisions(stack, until=until, limit=max(LOOK_BACK, limit))
    latest: dict[str, DecisionRow] = {}
    for row in rows:
        if row.action in ACTIONS:
            latest.setdefault(row.cluster, row)
    changes = [row for row in rows if row.action != "hold" or row.content.get("holds")]
    return Story(
        stack=stack,
        explanations=tuple(explain(row) for _, row in sorted(latest.items())),
        history=tuple(changes[:limit]),
        edits=tuple(journal.edits(stack, limit, until)),
        updates=tuple(journal.updates(stack, limit, until)),
    )


def explain(row: DecisionRow) -> Explanation:
    """A decision's row, read for people."""
    content = row.content
    inputs: Mapping[str, float] = content.get("inputs") or {}
    forecast: Mapping[str, Mapping[str, float]] = content.get("forecast") or {}
    wants: Mapping[str, Mapping[str, int]] = content.get("wants") or {}
    ages: Mapping[str, float] = content.get("ages") or {}
    missing = [hold.partition(":")[2] for hold in content.get("holds") or () if hold.startswith("missing:")]
    names = dict.fromkeys((*wants, *forecast, *ages, *missing))
    lines = tuple(
        FactorLine(
            factor=name,
            value=None if name in missing else inputs.get(name),
            age=ages.get(name),
            expected=(forecast.get(name) or {}).get("value"),
            sigma=(forecast.get(name) or {}).get("sigma"),
            want=_band(wants.get(name)),
            wins=name == row.factor,
        )
        for name in names
    )
    return Explanation(
        at=row.at,
        cluster=row.cluster,
        action=row.action,
        members=row.members,
        reason=row.reason,
        factor=row.factor,
        lead=float(content.get("leadSeconds") or 0.0),
        band=_band(content.get("band")),
        holds=tuple(content.get("holds") or ()),
        inputs=inputs,
        factors=lines,
        start_seconds=content.get("startSeconds"),
        actuation_seconds=content.get("actuationSeconds"),
    )


def _band(data: Mapping[str, int] | None) -> tuple[int, int, int] | None:
    return None if data is None else (data["low"], data["target"], data["high"])


def _plain(found: Explanation) -> dict[str, Any]:
    return {
        "at": found.at,
        "cluster": found.cluster,
        "action": found.action,
        "members": found.members,
        "reason": found.reason,
        "factor": found.factor,
        "leadSeconds": found.lead,
        "band": _list(found.band),
        "holds": list(found.holds),
        "inputs": dict(found.inputs),
        "startSeconds": found.start_seconds,
        "actuationSeconds": found.actuation_seconds,
        "factors": [
            {
                "factor": line.factor,
                "value": line.value,
                "ageSeconds": line.age,
                "expected": line.expected,
                "sigma": line.sigma,
                "want": _list(line.want),
                "wins": line.wins,
            }
            for line in found.factors
        ],
    }


def _list(band: Sequence[int] | None) -> list[int] | None:
    return None if band is None else list(band)

"""Rows of the journal as the rest of the program sees them. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

EditStage = Literal["accepted", "writing", "written", "done"]
UpdateResult = Literal["running", "succeeded", "failed", "lost"]


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """One decision about one cluster; `content` is plain data (inputs, forecast, band, wants, holds)."""

    at: float
    stack: str
    cluster: str
    action: str
    members: int
    reason: str
    factor: str | None = None
    content: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True, slots=True)
class EditRow:
    """An edit of a stack's scale: `request` as it was submitted, `target` the whole scale it became."""

    id: int
    stack: str
    submitted: float
    reason: str
    request: Mapping[str, Any]
    stage: EditStage
    target: Mapping[str, Any] | None
    outcome: str | None
    note: str | None
    ended: float | None


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One run of an update and the scale that it applied."""

    id: int
    stack: str
    started: float
    ended: float | None
    reason: str
    scale: Mapping[str, Any]
    result: UpdateResult
    seconds: float | None
    changes: Mapping[str, int] | None
    note: str | None


@dataclass(frozen=True, slots=True)
class MemberRow:
    """The life of one member, for metering: created, up (first ready), down (gone)."""

    application: str
    cloud: str
    cluster: str
    member: str
    created: float
    up: float | None
    down: float | None


@dataclass(frozen=True, slots=True)
class MissRow:
    """Requests of a cluster since its last row, and how many of them missed the objective."""

    at: float
    stack: str
    cluster: str
    requests: float
    missed: float

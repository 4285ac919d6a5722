"""Rows of the journal as the rest of the program sees them. Times are seconds since the epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
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
class RollCall:
    """All members, by cluster and name, that a stack's application has in a cloud at the first look at it."""

    stack: str
    application: str
    cloud: str
    members: frozenset[tuple[str, str]]
    at: float


@dataclass(frozen=True, slots=True)
class MissRow:
    """Requests of a cluster since its last row, and how many of them missed the objective."""

    at: float
    stack: str
    cluster: str
    requests: float
    missed: float


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """What the service levels of one stack are told from, over `seconds` from `at` on: a minute, or an hour.

    `counted` are the seconds for which the balancers told their counts, `requests` and `errors` those counts,
    and `slow`, by a time in seconds as text: (requests, those among them that took longer). `looked` are the
    seconds in which the autoscaler looked, `watched` those in which it saw the members, and `down` those of
    them with no member that serves. What is not counted or watched is unknown, never good.
    """

    at: float
    seconds: float
    stack: str
    application: str
    requests: float = 0.0
    errors: float = 0.0
    counted: float = 0.0
    looked: float = 0.0
    watched: float = 0.0
    down: float = 0.0
    slow: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def plus(self, other: "ServiceRow") -> "ServiceRow":
        """Both together, at the time of this one."""
        slow = {
            key: (
                self.slow.get(key, (0.0, 0.0))[0] + other.slow.get(key, (0.0, 0.0))[0],
                self.slow.get(key, (0.0, 0.0))[1] + other.slow.get(key, (0.0, 0.0))[1],
            )
            for key in {**self.slow, **other.slow}
        }
        return replace(
            self,
            requests=self.requests + other.requests,
            errors=self.errors + other.errors,
            counted=self.counted + other.counted,
            looked=self.looked + other.looked,
            watched=self.watched + other.watched,
            down=self.down + other.down,
            slow=slow,
        )

"""What the controller is told about one cluster: thresholds or an objective, limits, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import CroniterBadDateError, croniter

ForecasterName = Literal["auto", "stratos", "reactive", "seasonal"]
FORECASTERS: tuple[ForecasterName, ...] = ("auto", "stratos", "reactive", "seasonal")
Fallback = Literal["hold", "min", "max"] | int

REQUESTS = "requests"
IN_FLIGHT = "requestsInFlight"
LOAD_AVERAGE = "loadAverage"
MEMORY = "memory"
REQUEST_RATE = "requestRate"
MISSED = "missed"
# Factors that are a share by member: the cluster's value is their mean; all others add up.
AVERAGES = frozenset({LOAD_AVERAGE, MEMORY})


class PolicyError(ValueError):
    """A policy that contradicts itself; the message says what is allowed."""


def check_bounds(minimum: int, maximum: int) -> None:
    """Raise `PolicyError` unless 0 <= minimum <= maximum and maximum >= 1."""
    if not 0 <= minimum <= maximum or maximum < 1:
        raise PolicyError(f"members {minimum}..{maximum}: need 0 <= minimum <= maximum and maximum >= 1")


@dataclass(frozen=True, slots=True)
class Objective:
    """At most ``budget`` (share, 0..1) of the requests may miss ``latency_ms`` or fail."""

    budget: float = 0.01
    latency_ms: float = 300.0

    def __post_init__(self) -> None:
        if not 0.0 < self.budget < 1.0:
            raise PolicyError(f"objective budget {self.budget!r}: allowed is a share between 0 and 1")
        if not self.latency_ms > 0.0:
            raise PolicyError(f"objective latency {self.latency_ms!r} ms: must be more than 0")


@dataclass(frozen=True, slots=True)
class ScheduledMinimum:
    """At least ``members`` for ``seconds`` from each time the five-field ``cron`` expression fires."""

    cron: str
    members: int
    seconds: float
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if not croniter.is_valid(self.cron):
            raise PolicyError(
                f"schedule {self.cron!r} is not a cron expression; "
                "use minute hour day month weekday, as in '0 8 * * 1-5'"
            )
        try:
            croniter(self.cron, datetime(2000, 1, 1, tzinfo=UTC)).get_prev(datetime)
        except CroniterBadDateError as error:
            raise PolicyError(f"schedule {self.cron!r} never begins: there is no such day") from error
        if self.members < 0 or not self.seconds > 0.0:
            raise PolicyError(
                f"schedule {self.cron!r}: needs members of at least 0 and a length above 0 seconds, "
                f"got {self.members} and {self.seconds:g}"
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise PolicyError(f"schedule {self.cron!r}: unknown time zone {self.timezone!r}") from error

    def holds(self, now: float, ahead: float) -> bool:
        """Whether the window covers ``now`` (seconds since the epoch) or begins within ``ahead`` seconds."""
        latest = datetime.fromtimestamp(now + ahead, ZoneInfo(self.timezone))
        begin: datetime = croniter(self.cron, latest + timedelta(seconds=1)).get_prev(datetime)
        return begin.timestamp() + self.seconds > now


@dataclass(frozen=True, slots=True)
class ControllerPolicy:
    """Everything that steers one cluster's member count.

    ``thresholds`` are per member by factor: requests in flight, requests a second, ``loadAverage`` and
    ``memory`` in percent, any other factor in its own unit; those in ``averages`` are observed as the mean of
    the members, all others as the cluster's total. ``member_rate`` is the rate (requests a second) at which
    one member still meets the objective; None lets the controller learn it. ``fallback`` applies once every
    factor has been missing for ``fallback_after`` seconds; while another one is known it may only add.
    ``scale_to_zero``: where the minimum is 0, none run once nothing was asked for ``idle_seconds``.
    ``settle`` is how long a lower need must hold before members go; None leaves it to the band of
    uncertainty. ``step_up`` and ``step_down`` bound one action.
    """

    minimum: int = 1
    maximum: int = 10
    thresholds: Mapping[str, float] = field(default_factory=dict)
    objective: Objective | None = None
    member_rate: float | None = None
    schedule: tuple[ScheduledMinimum, ...] = ()
    scale_to_zero: bool = False
    idle_seconds: float = 300.0
    paused: bool = False
    pinned: int | None = None
    forecaster: ForecasterName = "auto"
    period: float = 5.0
    stale_after: float = 30.0
    fallback_after: float = 300.0
    fallback: Fallback = "hold"
    averages: frozenset[str] = AVERAGES
    settle: float | None = None
    step_up: int | None = None
    step_down: int | None = None

    def __post_init__(self) -> None:
        check_bounds(self.minimum, self.maximum)
        for name, value in self.thresholds.items():
            if not value > 0.0:
                raise PolicyError(f"threshold of {name}: {value!r} must be more than 0")
        if self.thresholds.get(MEMORY, 1.0) > 100.0:
            raise PolicyError(f"threshold of memory: {self.thresholds[MEMORY]!r} is over 100 percent")
        if not self.thresholds and self.objective is None:
            raise PolicyError("a policy needs thresholds or an objective, otherwise nothing can be decided")
        if self.member_rate is not None and not self.member_rate > 0.0:
            raise PolicyError(f"member rate {self.member_rate!r}: must be more than 0 requests a second")
        if self.forecaster not in FORECASTERS:
            raise PolicyError(f"forecaster {self.forecaster!r}: allowed are {', '.join(FORECASTERS)}")
        if self.pinned is not None and not 0 <= self.pinned <= self.maximum:
            raise PolicyError(f"pinned members {self.pinned!r}: allowed are 0 to {self.maximum}")
        for name in ("period", "stale_after", "fallback_after", "idle_seconds"):
            if not getattr(self, name) > 0.0:
                raise PolicyError(f"{name} {getattr(self, name)!r}: must be more than 0 seconds")

    def within(self, minimum: int | None, maximum: int | None) -> ControllerPolicy:
        """The same policy with other bounds where given. Raises `PolicyError` when they contradict."""
        lower = self.minimum if minimum is None else minimum
        upper = self.maximum if maximum is None else maximum
        if (lower, upper) == (self.minimum, self.maximum):
            return self
        return replace(self, minimum=lower, maximum=upper)

    @property
    def may_sleep(self) -> bool:
        """Whether none may run while nothing is asked for."""
        return self.scale_to_zero and self.minimum == 0

    def scheduled_minimum(self, now: float, ahead: float) -> int:
        """Highest scheduled minimum now, or that begins within ``ahead`` seconds; 0 without any."""
        return max((entry.members for entry in self.schedule if entry.holds(now, ahead)), default=0)

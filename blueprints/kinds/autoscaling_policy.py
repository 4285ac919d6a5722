"""The AutoscalingPolicy document: when a cluster grows and shrinks."""

import calendar
import zoneinfo
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from blueprints.model import Document, Items, Model, fault
from blueprints.names import ALIAS_PATTERN
from blueprints.nearest import nearest
from blueprints.quantities import Duration, Percent

PositiveNumber = Annotated[float, Field(gt=0, le=1e9)]
# Of the names a metric could have: a metric's values would be mixed up with those of the same name.
MEASURED = frozenset({"memory", "latency", "backlog", "requests", "missed"})
MetricName = Annotated[str, Field(pattern=ALIAS_PATTERN, max_length=63)]


class Thresholds(Model):
    """The load one member should carry, by factor; a factor left out does not count."""

    requests_in_flight: PositiveNumber | None = None
    """Requests being served or queued, for each member."""
    load_average: Annotated[float, Field(gt=0, le=10_000)] | None = None
    """Processor use and waiting for it, in percent of the processors asked for."""
    memory: Annotated[float, Field(gt=0, le=100)] | None = None
    """Memory used, in percent of what may be used. Memory only ever adds members."""
    request_rate: PositiveNumber | None = None
    """Requests a second, for each member."""


class Objective(Model):
    """An error budget: how many requests may miss a latency. The controller finds its own head-room."""

    latency: Duration
    """The time within which a request should be answered."""
    misses: Percent = Percent("1%")
    """The share of requests that may take longer."""


class Metric(Model):
    """A factor of your own, from a Prometheus query."""

    name: MetricName
    """The name shown in decisions."""
    query: Annotated[str, Field(min_length=1, max_length=10_000)]
    """The PromQL query; $application, $cluster and $namespace are filled in."""
    target: PositiveNumber
    """The value one member should carry."""
    kind: Literal["total", "average"] = "total"
    """Whether the query gives the cluster's total or the average of its members."""


class Schedule(Model):
    """A minimum that holds at certain times."""

    cron: Annotated[str, Field(pattern=r"^\S+( +\S+){4}$")]
    """When it begins: minute, hour, day of month, month, day of week."""
    duration: Duration
    """How long it holds."""
    minimum: int = Field(ge=0, le=10_000)
    """The fewest members meanwhile; never over the cluster's maximum."""
    time_zone: str = "UTC"
    """The time zone of the cron line, such as Europe/Zurich."""

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, text: str) -> str:
        try:
            zoneinfo.ZoneInfo(text)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            known = zoneinfo.available_timezones()  # empty where the machine has no list of them
            if not known:
                return text
            close = nearest(text, sorted(known))
            raise fault(
                "ALT1113", f"there is no time zone {text!r}", at=(),
                hint=f"Did you mean {close!r}?" if close else "Write one such as Europe/Zurich or UTC.",
            ) from None  # fmt: skip
        return text

    @field_validator("cron")
    @classmethod
    def _cron_is_valid(cls, text: str) -> str:
        bounds = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
        words = text.split()
        for word, (low, high), name in zip(
            words, bounds, ("minute", "hour", "day of month", "month", "day of week"), strict=True
        ):
            if not all(_cron_part_is_valid(part, low, high) for part in word.split(",")):
                raise fault(
                    "ALT1113", f"{word!r} is not a {name} of a cron line ({low} to {high}, *, -, / and ,)"
                )
        if not _cron_ever_fires(text):
            raise fault(
                "ALT1113", f"{text!r} never begins: no such month has day {words[2]}", at=(),
                hint="The last day that every month has is 28.",
            )  # fmt: skip
        return text


_MONTHS = frozenset(name.lower() for name in calendar.month_abbr if name)
_DAYS = frozenset(name.lower() for name in calendar.day_abbr)


def _cron_ever_fires(text: str) -> bool:
    # Most documents have no schedule, and the import takes as long as reading several of them.
    from croniter import CroniterBadDateError, croniter

    try:
        croniter(text, 0.0).get_next()
    except CroniterBadDateError:
        return False
    return True


def _cron_part_is_valid(part: str, low: int, high: int) -> bool:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and 0 < int(step[:4]) <= high):
        return False
    if span == "*":
        return True
    ends = span.split("-")
    if len(ends) > 2:
        return False
    names = _MONTHS if high == 12 else _DAYS if high == 7 else frozenset[str]()
    if all(end.lower() in names for end in ends):
        return True
    if not all(end.isascii() and end.isdigit() and low <= int(end[:4]) <= high for end in ends):
        return False
    return int(ends[0]) <= int(ends[-1])


class Fallback(Model):
    """What to do while measurements are missing; they never count as zero."""

    after: Duration = Duration("60s")
    """How long to hold still first."""
    members: Literal["hold", "min", "max"] | Annotated[int, Field(ge=0, le=10_000)] = "hold"
    """Then: stay, go to the minimum or maximum, or to this number."""


class Damping(Model):
    """How fast the number of members may change."""

    settle: Duration | None = None
    """How long a lower need must hold before members go. Left out, they go once clearly fewer have been
    enough for about half a minute, or somewhat fewer for five."""
    step_down: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The most members to take away at once."""
    step_up: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """The most members to add at once."""


class ScaleToZero(Model):
    """Whether a cluster without work may have no members; its minimum must be 0."""

    after: Duration = Duration("10m")
    """How long it must have had no request."""


class AutoscalingPolicy(Document):
    """Thresholds by factor, an error budget, or both; the most demanding wins."""

    KIND: ClassVar[str] = "AutoscalingPolicy"

    thresholds: Thresholds | None = None
    """The load one member should carry."""
    objective: Objective | None = None
    """The error budget to keep."""
    metrics: Items[Metric] = ()
    """Factors of your own."""
    forecast: Literal["auto", "stratos", "reactive", "seasonal"] = "auto"
    """How the load is predicted: the forecaster that has proved itself, or one by name."""
    schedule: Items[Schedule] = ()
    """Minimums that hold at certain times."""
    fallback: Fallback = Fallback()
    """What to do while measurements are missing."""
    damping: Damping = Damping()
    """How fast the number of members may change."""
    scale_to_zero: ScaleToZero | None = None
    """Whether a cluster without work may have no members."""

    @model_validator(mode="after")
    def _something_to_go_by(self) -> Self:
        empty = self.thresholds is not None and not any(
            value is not None for value in self.thresholds.__dict__.values()
        )
        if empty or (self.thresholds is None and self.objective is None and not self.metrics):
            raise fault(
                "ALT1111",
                "the policy has nothing to go by",
                at=("thresholds",) if empty else (),
                hint="Give a threshold (requestsInFlight, loadAverage, memory, requestRate), "
                "an objective, or metrics.",
            )
        return self

    @model_validator(mode="after")
    def _metrics_have_names_of_their_own(self) -> Self:
        names: set[str] = set()
        for index, metric in enumerate(self.metrics):
            if metric.name in MEASURED:
                raise fault(
                    "ALT1114", f"{metric.name!r} is what Altostratus measures itself",
                    at=("metrics", index, "name"), hint=f"Choose another name, such as own-{metric.name}.",
                )  # fmt: skip
            if metric.name in names:
                raise fault(
                    "ALT1114", f"metric name {metric.name!r} is already taken", at=("metrics", index, "name")
                )
            names.add(metric.name)
        return self

"""One look at one cluster, as the controller takes it: read from JSON, checked, with ages."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from autoscaler.decide.policy import AVERAGES

LARGEST = 1e15
SHORTEST_PERIOD = 1e-3
# The first moment of the year 9000: calendars end soon after, and milliseconds are far beyond it.
LATEST = 221_845_392_000.0
# A value is quoted in an error up to this many characters.
QUOTED = 40


class ObservationError(ValueError):
    """An observation that cannot be used; the message names the field, the value and what is allowed."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A factor's value for the whole cluster (mean for percentages, otherwise sum) and its age in seconds."""

    value: float
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """One tick. Times in seconds, ``requests`` and ``missed`` are counts over ``period``.

    ``arrived`` is how many came in that time where ``requests`` counts those that ended: what is missed is a
    share of these, what has to be served is the other. None where they are the same.

    ``spec`` is what was asked for last, ``ready`` serves, ``starting`` is on its way. None means unknown,
    which is never the same as zero. ``start_seconds`` and ``actuation_seconds`` are high quantiles of what
    was measured. ``member_rate``, ``minimum`` and ``maximum`` override the policy's where known better.
    """

    time: float
    cluster: str
    ready: int
    spec: int
    starting: int = 0
    period: float | None = None
    requests: float | None = None
    arrived: float | None = None
    missed: float | None = None
    requests_age: float = 0.0
    backlog: float | None = None
    factors: Mapping[str, Reading] = field(default_factory=dict)
    start_seconds: float | None = None
    actuation_seconds: float | None = None
    member_rate: float | None = None
    minimum: int | None = None
    maximum: int | None = None

    @property
    def coming(self) -> float | None:
        """Requests that came over ``period``."""
        return self.requests if self.arrived is None else self.arrived


def read_observation(data: object, averages: Collection[str] = AVERAGES) -> Observation:
    """An observation from parsed JSON (``docs/schemas/observation.schema.json``); unknown keys are errors.

    ``averages`` are the factors whose value by cluster is their members' mean. More misses than requests,
    as where a miss is counted later than its request, are taken as all of them.
    """
    if not isinstance(data, dict):
        raise ObservationError(f"expected a JSON object, found {type(data).__name__}")
    unknown = sorted(set(data) - _KEYS)
    if unknown:
        raise ObservationError(f"unknown field {unknown[0]!r}; allowed are {', '.join(sorted(_KEYS))}")
    ready = _count(data, "ready")
    spec = _count(data, "spec", default=ready + _count(data, "starting", default=0))
    period = _number(data, "period")
    if period is not None and period < SHORTEST_PERIOD:
        raise ObservationError(f"period {period!r}: must be at least {SHORTEST_PERIOD:g} s")
    requests = _number(data, "requests")
    missed = _number(data, "missed")
    if requests is not None and missed is not None:
        missed = min(missed, requests)
    cluster = data.get("cluster", "cluster")
    if not isinstance(cluster, str) or not cluster:
        raise ObservationError(f"cluster {_quoted(cluster)}: expected a name")
    factors = data.get("factors") or {}
    if not isinstance(factors, dict):
        raise ObservationError(f"factors: expected an object by factor name, found {_quoted(factors)}")
    readings = {
        name: _reading(name, value, name in averages) for name, value in factors.items() if value is not None
    }
    return Observation(
        time=_time(data.get("time")),
        cluster=cluster,
        ready=ready,
        spec=spec,
        starting=_count(data, "starting", default=max(0, spec - ready)),
        period=period,
        requests=requests,
        missed=missed,
        requests_age=_number(data, "requestsAge") or 0.0,
        backlog=_number(data, "backlog"),
        factors=readings,
        start_seconds=_number(data, "startSeconds"),
        actuation_seconds=_number(data, "actuationSeconds"),
        member_rate=_number(data, "memberRate", above_zero=True),
        minimum=_bound(data, "minimum"),
        maximum=_bound(data, "maximum"),
    )


_KEYS = frozenset(
    {
        "time", "cluster", "ready", "spec", "starting", "period", "requests", "missed", "requestsAge",
        "backlog", "factors", "startSeconds", "actuationSeconds", "memberRate", "minimum", "maximum",
    }
)  # fmt: skip


def _number(data: Mapping[str, object], key: str, *, above_zero: bool = False) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
        raise ObservationError(f"{key} {_quoted(value)}: expected a finite number or null")
    if value > LARGEST:
        raise ObservationError(f"{key} {_quoted(value)}: must be at most {LARGEST:g}")
    if value < 0 or (above_zero and value == 0):
        raise ObservationError(f"{key} {_quoted(value)}: must be {'above' if above_zero else 'at least'} 0")
    return float(value)


def _count(data: Mapping[str, object], key: str, default: int | None = None) -> int:
    value = data.get(key, default)
    if value is None and default is not None:
        return default
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= LARGEST
        or value != int(value)
    ):
        raise ObservationError(f"{key} {_quoted(value)}: expected a whole number of members from 0")
    return int(value)


def _quoted(value: object) -> str:
    text = repr(value)
    return text if len(text) <= QUOTED else f"{text[:QUOTED]}..."


def _bound(data: Mapping[str, object], key: str) -> int | None:
    return None if data.get(key) is None else _count(data, key)


def _time(value: object) -> float:
    seconds = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            seconds = None
        else:
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < LATEST:
        raise ObservationError(
            f"time {_quoted(value)}: expected seconds since the epoch or ISO 8601, before the year 9000"
        )
    return float(seconds)


def _reading(name: str, data: object, average: bool) -> Reading:
    if isinstance(data, int | float) and not isinstance(data, bool):
        data = {"value": data}
    if not isinstance(data, dict):
        raise ObservationError(f"factor {name}: expected a number or an object, found {_quoted(data)}")
    unknown = sorted(set(data) - {"value", "age", "members"})
    if unknown:
        raise ObservationError(
            f"factor {name}: unknown field {unknown[0]!r}; allowed are value, age, members"
        )
    try:
        value = _number(data, "value")
        age = _number(data, "age") or 0.0
        if value is None:
            value = _by_member(data.get("members"), average)
    except ObservationError as error:
        raise ObservationError(f"factor {name}: {error}") from None
    if value is None:
        raise ObservationError(f"factor {name}: needs a value or values by member; leave it out when unknown")
    return Reading(value, age)


def _by_member(members: object, average: bool) -> float | None:
    if not isinstance(members, dict) or not members:
        return None
    values = [_number(members, member) for member in members]
    known = [value for value in values if value is not None]
    if not known:
        return None
    mean = sum(known) / len(known)
    # Members without a sample are taken to be like the others, not idle.
    return mean if average else mean * len(values)

"""How an application keeps the service levels that it promises: pure, from the journal's minutes and hours.

Availability is 1 - errors / requests, latency 1 - slow / requests. With a promised share s, the error budget
of R requests is (1 - s) R; the burn rate over a time is the share of bad requests in it over 1 - s, as in the
Site Reliability Workbook, chapter 5. What was not measured is told apart and never counts as good: a promise
is kept only where no more than 1 - s of the time is unknown, or without a member that serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from autoscaler.journal.records import ServiceRow
from blueprints.kinds.objectives import Objectives

MINUTE, HOUR = 60.0, 3600.0
BURN_HOURS = (1.0, 6.0)
# So much of a period may be missing by the sources' pace alone.
LENIENT = {MINUTE: 6.0, HOUR: 36.0}
LISTED = 10


@dataclass(frozen=True, slots=True)
class Promise:
    """An objective: `share` of the requests without error or, with `within`, in so many seconds."""

    text: str
    share: float
    within: float | None = None

    def counted(self, row: ServiceRow) -> tuple[float, float]:
        """The requests for which it was measured, and the bad ones among them."""
        return (
            (row.requests, row.errors)
            if self.within is None
            else row.slow.get(f"{self.within:g}", (0.0, 0.0))
        )


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour's worth, by promise: what share of the whole budget it spent."""

    at: float
    requests: float
    bad: float
    achieved: float
    spent: float


@dataclass(frozen=True, slots=True)
class Kept:
    """How a promise is kept. `achieved` is None where nothing was measured, `kept` also where too little was.

    `budget` is in requests; `left` of it is a share, below 0 when more than all is spent. `burn` by hours
    looked back, None where nothing was measured in them; at 1 the budget ends with the window.
    """

    promise: Promise
    requests: float
    bad: float
    achieved: float | None
    kept: bool | None
    budget: float
    left: float | None
    burn: Mapping[float, float | None]
    worst: tuple[Hour, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which something was not measured; `seconds` of it. `what`: `requests`, or `members`."""

    what: str
    begin: float
    end: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Levels:
    """The whole report. `measured` is when measuring began in the time asked for; None: never.

    `counted`, `watched` and `down` in seconds: requests counted, members watched, nobody serving.
    """

    application: str
    begin: float
    end: float
    measured: float | None
    requests: float
    errors: float
    counted: float
    watched: float
    down: float
    promises: tuple[Kept, ...]
    gaps: tuple[Gap, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain data after ``docs/schemas/service-levels.schema.json``."""
        return {
            "application": self.application,
            "from": self.begin,
            "to": self.end,
            "measuredFrom": self.measured,
            "requests": self.requests,
            "errors": self.errors,
            "countedSeconds": self.counted,
            "watchedSeconds": self.watched,
            "downSeconds": self.down,
            "objectives": [_plain(each) for each in self.promises],
            "gaps": [
                {"what": gap.what, "from": gap.begin, "to": gap.end, "seconds": gap.seconds}
                for gap in self.gaps
            ],
        }


def promises(objectives: Objectives) -> list[Promise]:
    """The objectives of a document, in words."""
    found = []
    if objectives.availability is not None:
        share = objectives.availability
        found.append(Promise(f"{share} without error", share.fraction))
    for each in objectives.latency:
        found.append(Promise(f"{each.share} within {each.within}", each.share.fraction, each.within.seconds))
    return found


def report(
    application: str, rows: Iterable[ServiceRow], objectives: Objectives, begin: float, end: float
) -> Levels:
    """How the promises were kept between two times (seconds since the epoch).

    `rows` are those of all stacks of the application and may come from several journals. An hour, or minute,
    of which a part is before `begin` counts as a whole: more is not known.
    """
    inside = [row for row in rows if row.at + row.seconds > begin and row.at < end]
    stacks = _periods(inside)
    periods = [_together(each) for _, each in sorted(stacks.items())]
    measured = max(begin, _began(periods[0])) if periods else None
    total = _sum(periods)
    gaps = () if measured is None else tuple(_gaps(periods, measured, end))
    span = 0.0 if measured is None else end - measured
    unknown = sum(gap.seconds for gap in gaps if gap.what == "requests") if total.counted else span
    times = _Times(span, unknown, total.down)
    return Levels(
        application=application,
        begin=begin,
        end=end,
        measured=measured,
        requests=total.requests,
        errors=total.errors,
        counted=total.counted,
        watched=total.watched,
        down=total.down,
        promises=tuple(_kept(promise, periods, end, times) for promise in promises(objectives)),
        gaps=gaps,
    )


@dataclass(frozen=True, slots=True)
class _Times:
    """Seconds since measuring began, and of them those without counts and those in which nobody served."""

    span: float
    unknown: float
    down: float


def _periods(rows: Iterable[ServiceRow]) -> dict[float, list[ServiceRow]]:
    """By time, a row for each stack. Where a journal knows an hour only as a whole, all of it is whole."""
    rows = list(rows)
    hours = {row.at for row in rows if row.seconds >= HOUR}
    found: dict[float, dict[str, ServiceRow]] = {}
    for row in rows:
        hour = row.at - row.at % HOUR
        at, seconds = (hour, HOUR) if hour in hours else (row.at, row.seconds)
        stacks = found.setdefault(at, {})
        there = stacks.get(row.stack) or ServiceRow(at, seconds, row.stack, row.application)
        stacks[row.stack] = there.plus(row)
    return {at: list(stacks.values()) for at, stacks in found.items()}


def _together(rows: Sequence[ServiceRow]) -> ServiceRow:
    """All copies of an application as one.

    Requests are added up. They are counted only where those of every copy are, and nobody serves only where
    no copy does: the time that one was not watched, while another was, counts as if it did not serve.
    """
    longest = rows[0].seconds
    looked = min(longest, max(row.looked for row in rows))
    watched = min(looked, max(row.watched for row in rows))
    uncounted = max(max(0.0, row.looked - row.counted) for row in rows)
    down = min(row.down + max(0.0, watched - row.watched) for row in rows)
    total = reduce(ServiceRow.plus, rows[1:], rows[0])
    return ServiceRow(
        rows[0].at,
        longest,
        "",
        rows[0].application,
        requests=total.requests,
        errors=total.errors,
        counted=max(0.0, looked - uncounted),
        looked=looked,
        watched=watched,
        down=min(watched, down),
        slow=total.slow,
    )


def _began(first: ServiceRow) -> float:
    return first.at + max(0.0, first.seconds - first.looked)


def _sum(periods: Sequence[ServiceRow]) -> ServiceRow:
    return reduce(ServiceRow.plus, periods, ServiceRow(0.0, 0.0, "", ""))


def _counts(promise: Promise, periods: Iterable[ServiceRow]) -> tuple[float, float]:
    counted = [promise.counted(each) for each in periods]
    return sum(of for of, _ in counted), sum(bad for _, bad in counted)


def _kept(promise: Promise, periods: Sequence[ServiceRow], end: float, times: _Times) -> Kept:
    requests, bad = _counts(promise, periods)
    allowed = 1.0 - promise.share
    budget = allowed * requests
    achieved = 1.0 - bad / requests if requests else None
    burn: dict[float, float | None] = {}
    for hours in BURN_HOURS:
        recent = [each for each in periods if each.at + each.seconds > end - hours * HOUR]
        burn[hours] = _burn(promise, *_counts(promise, recent))
    return Kept(
        promise=promise,
        requests=requests,
        bad=bad,
        achieved=achieved,
        kept=_verdict(promise, times, within=None if achieved is None else bad <= budget * (1.0 + 1e-9)),
        budget=budget,
        left=1.0 - bad / budget if budget else None,
        burn=burn,
        worst=tuple(_worst(promise, periods, budget)),
    )


def _verdict(promise: Promise, times: _Times, *, within: bool | None) -> bool | None:
    """Whether a promise is kept; `within`: whether what was counted leaves something of the budget.

    While nobody serves, few requests are counted, or none: that time is bad where it is more than the share
    allows. Who was too slow then is not known, as it is in all other time without counts.
    """
    allowed = (1.0 - promise.share) * times.span * (1.0 + 1e-9)
    if promise.within is None and times.down > allowed:
        return False
    return None if within and max(times.down, times.unknown) > allowed else within


def _burn(promise: Promise, requests: float, bad: float) -> float | None:
    return bad / requests / (1.0 - promise.share) if requests else None


def _worst(promise: Promise, periods: Sequence[ServiceRow], budget: float) -> list[Hour]:
    """The hours with bad requests that took the most of the budget, worst first."""
    hours: dict[float, list[ServiceRow]] = {}
    for each in periods:
        hours.setdefault(each.at - each.at % HOUR, []).append(each)
    found = []
    for at, those in hours.items():
        requests, bad = _counts(promise, those)
        if bad:
            found.append(Hour(at, requests, bad, 1.0 - bad / requests, bad / budget))
    return sorted(found, key=lambda hour: (-hour.bad, hour.at))[:LISTED]


def _gaps(periods: Sequence[ServiceRow], begin: float, end: float) -> list[Gap]:
    """Times of which requests or members are unknown, oldest first.

    An application without a load balancer of its own has no counts at all, which is told once elsewhere.
    """
    found = []
    if any(each.counted for each in periods):
        found += _missing("requests", [(each, each.counted) for each in periods], begin, end)
    found += _missing("members", [(each, each.watched) for each in periods], begin, end)
    return sorted(found, key=lambda gap: (gap.begin, gap.what))


def _missing(what: str, periods: Sequence[tuple[ServiceRow, float]], begin: float, end: float) -> list[Gap]:
    found: list[Gap] = []

    def note(since: float, until: float, seconds: float) -> None:
        if found and found[-1].end >= since:
            found[-1] = Gap(what, found[-1].begin, until, found[-1].seconds + seconds)
        else:
            found.append(Gap(what, since, until, seconds))

    known = begin
    for period, seconds in periods:
        since, until = max(begin, period.at), min(end, period.at + period.seconds)
        if since > known:
            note(known, since, since - known)
        # Of a period that began before, nobody knows which part was measured.
        missing = until - since - seconds
        if missing > LENIENT[period.seconds]:
            note(since, until, missing)
        known = until
    # The minute under way is written down when it has ended.
    if end - known > MINUTE + LENIENT[MINUTE]:
        note(known, end, end - known)
    return found


def _plain(found: Kept) -> dict[str, Any]:
    return {
        "objective": found.promise.text,
        "share": found.promise.share,
        "withinSeconds": found.promise.within,
        "requests": found.requests,
        "bad": found.bad,
        "achieved": found.achieved,
        "kept": found.kept,
        "budgetRequests": found.budget,
        "budgetLeft": found.left,
        "burn": {f"{hours:g}h": rate for hours, rate in found.burn.items()},
        "worstHours": [
            {
                "at": hour.at,
                "requests": hour.requests,
                "bad": hour.bad,
                "achieved": hour.achieved,
                "budgetSpent": hour.spent,
            }
            for hour in found.worst
        ],
    }

"""What an application did over a stretch of time, by cluster: from the journal alone, ready to be drawn.

Times are seconds since the epoch. A `Steps` is a series of (time, value) that holds from each time on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.act.app_stack import copies_among
from autoscaler.journal.journal import Journal
from autoscaler.journal.records import DecisionRow, MemberRow
from autoscaler.serve.explain import ACTIONS

Steps = tuple[tuple[float, int], ...]
# Marked in a picture: what happened to the whole application.
EVENTS = ("burst", "overflow", "end", "migrate", "turn", "stalled", "deployed")
_INSTANCE = re.compile(r"\.\d+(?=/)")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: its kind, and what it is about in words."""

    at: float
    kind: str
    text: str


@dataclass(frozen=True)
class ClusterHistory:
    """One cluster over all copies of the application. `ready`: serving members by cloud; `asked`: members
    ordered; `needed`: what the load asked for, before limits."""

    path: str
    ready: Mapping[str, Steps]
    asked: Steps
    needed: Steps


@dataclass(frozen=True)
class History:
    """An application from `begin` to `end`."""

    application: str
    begin: float
    end: float
    clusters: tuple[ClusterHistory, ...]
    events: tuple[Event, ...]


def history(journals: Sequence[Journal], application: str, begin: float, end: float) -> History:
    """What they tell together: autoscalers that share have one each. Raises JournalUnusable."""
    decisions = sorted(
        (
            row
            for journal in journals
            for row in journal.decisions_of(copies_among(journal.stacks(), application), begin, end)
        ),
        key=lambda row: row.at,
    )
    lives = {
        (row.cloud, row.cluster, row.member): row
        for journal in journals
        for row in journal.members(application, begin)
        if row.created <= end
    }
    made = [row for row in decisions if row.action in ACTIONS]
    paths = sorted({row.cluster for row in made})
    return History(
        application,
        begin,
        end,
        tuple(_cluster(path, made, lives.values(), begin, end) for path in paths),
        tuple(Event(row.at, row.action, row.reason) for row in decisions if row.action in EVENTS),
    )


def _cluster(
    path: str, made: Iterable[DecisionRow], lives: Iterable[MemberRow], begin: float, end: float
) -> ClusterHistory:
    own = [row for row in made if row.cluster == path]
    needed = [(row.at, row.stack, target) for row in own if (target := _target(row)) is not None]
    clouds: dict[str, list[MemberRow]] = defaultdict(list)
    for row in lives:
        if path in (row.cluster, _INSTANCE.sub("", row.cluster)):
            clouds[row.cloud].append(row)
    return ClusterHistory(
        path,
        {cloud: ready(rows, begin, end) for cloud, rows in sorted(clouds.items())},
        summed((row.at, row.stack, row.members) for row in own),
        summed(needed),
    )


def _target(row: DecisionRow) -> int | None:
    band = row.content.get("band")
    return int(band["target"]) if isinstance(band, Mapping) else None


def summed(values: Iterable[tuple[float, str, int]]) -> Steps:
    """The sum over stacks of what was said last of each. `values` are (time, stack, value), by time."""
    last: dict[str, int] = {}
    steps: list[tuple[float, int]] = []
    for at, stack, value in values:
        last[stack] = value
        total = sum(last.values())
        if not steps or steps[-1][1] != total:
            steps.append((at, total))
    return tuple(steps)


def ready(lives: Iterable[MemberRow], begin: float, end: float) -> Steps:
    """How many members served: each from its first readiness until it was gone."""
    changes: dict[float, int] = defaultdict(int)
    for row in lives:
        if row.up is None or row.up > end:
            continue
        changes[max(begin, row.up)] += 1
        if row.down is not None and row.down <= end:
            changes[max(begin, row.down)] -= 1
    count, steps = 0, [(begin, 0)]
    for at in sorted(changes):
        count += changes[at]
        steps.append((at, count))
    return tuple(steps)

"""What the service levels of an application are counted from: requests and serving time, minute by minute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autoscaler.act.app_stack import PREFIX, SEPARATOR
from autoscaler.journal.records import ServiceRow
from autoscaler.loop.observing import counted_clusters, level_times, places
from autoscaler.loop.watched import ScaledCluster, View
from autoscaler.observe.board import Board
from autoscaler.observe.members import NOTHING, SeenCluster
from autoscaler.observe.source import (
    BALANCERS_SERVING,
    ERRORS_TOTAL,
    REQUESTS_TOTAL,
    Place,
    slower_total,
)

FRONT = "front-"
MINUTE = 60.0
# What was counted over a longer silence counts, but nobody knows when it was: the time stays unmeasured.
LONGEST_GAP = 60.0
# Who is killed loses no more than this.
PART = 10.0


def entrances(view: View) -> list[ScaledCluster]:
    """The clusters that people reach: behind a load balancer, else with a public port, else all."""
    behind = {id for each in (*view.plan.balancers, *view.plan.shared) for id in each.clusters}
    public = behind or {
        copy.id
        for copy in view.plan.clusters.values()
        if any(port.exposure != "cluster" for port in copy.ports)
    }
    found = [
        each for each in view.clusters.values() if not public.isdisjoint(copy.id for copy in each.copies)
    ]
    return found or list(view.clusters.values())


@dataclass(frozen=True, slots=True)
class _Told:
    """Totals of one cluster, told together at one time; `slower` by the time in seconds as text."""

    at: float
    requests: float
    errors: float
    slower: Mapping[str, float]


@dataclass
class ServiceCount:
    """One application's. `rows` are minutes, or parts of one, that are ready to be written down."""

    rows: list[ServiceRow] = field(default_factory=list)
    _open: dict[float, ServiceRow] = field(default_factory=dict)
    _last: dict[Place, _Told] = field(default_factory=dict)
    _counted: float | None = None
    _looked: float | None = None
    _watched: float | None = None
    _given: float = 0.0

    def look(self, now: float, view: View, board: Board, seen: Mapping[str, SeenCluster] | None) -> None:
        """One period. `seen` is None while the cloud does not answer. Times in seconds since the epoch."""
        levels = level_times(view)
        if levels is None or view.deployed is None:
            self._looked = self._watched = self._counted = None
            return
        for at, seconds in _minutes(self._looked, now):
            self._add(view, at, looked=seconds)
        self._looked = now
        if seen is None:
            self._watched = None
        else:
            down = _is_down(view, board, seen, now)
            for at, seconds in _minutes(self._watched, now):
                self._add(view, at, watched=seconds, down=seconds if down else 0.0)
            self._watched = now
        self._count(view, board, levels)
        if not 0.0 <= now - self._given < PART:
            self.close()
            self._given = now

    def fronted(self, now: float, application: str, lost: int) -> None:
        """Requests that the front door brought to no copy: errors that no copy has counted."""
        minute, stack = _minute(now), f"{FRONT}{application}"
        self.rows.append(
            ServiceRow(minute, MINUTE, stack, application, requests=float(lost), errors=float(lost))
        )

    def close(self) -> None:
        """Give out what there is, also of the minute under way: the journal adds the parts up."""
        self.rows += [self._open[minute] for minute in sorted(self._open)]
        self._open = {}

    def _add(self, view: View, at: float, **found: Any) -> None:
        minute = _minute(at)
        # Its stacks' name: documents may be used again under another one.
        name = view.stack.removeprefix(PREFIX).partition(SEPARATOR)[0]
        more = ServiceRow(minute, MINUTE, view.stack, name, **found)
        there = self._open.get(minute)
        self._open[minute] = more if there is None else there.plus(more)

    def _count(self, view: View, board: Board, levels: Sequence[float]) -> None:
        """Requests since the last look. All clusters of a copy are told of together."""
        told = {place: _told(board, place, levels) for place in _counted_places(view)}
        at = min((found.at for found in told.values() if found is not None), default=None)
        if at is None or (self._counted is not None and self._counted - LONGEST_GAP <= at <= self._counted):
            return
        for place, found in told.items():
            if found is None:
                continue
            last = self._last.get(place)
            if last is not None and last.requests <= found.requests:
                self._add(view, at, **_grown(last, found))
            self._last[place] = found
        self._last = {place: last for place, last in self._last.items() if place in told}
        for begin, seconds in _minutes(self._counted, at):
            self._add(view, begin, counted=seconds)
        self._counted = at


def _minute(at: float) -> float:
    return at - at % MINUTE


def _minutes(since: float | None, until: float) -> Iterator[tuple[float, float]]:
    """Time that went by, split at the minutes: beginnings and seconds. Nothing where it was too long."""
    if since is None or until - since > LONGEST_GAP:
        return
    while since < until:
        end = min(until, _minute(since) + MINUTE)
        yield since, end - since
        since = end


def _counted_places(view: View) -> list[Place]:
    return [
        Place(view.cloud, view.plan.namespace, view.plan.copy, id)
        for id in sorted(counted_clusters(view) & view.plan.clusters.keys())
    ]


def _told(board: Board, place: Place, levels: Sequence[float]) -> _Told | None:
    requests, errors = board.whole(place, REQUESTS_TOTAL), board.whole(place, ERRORS_TOTAL)
    if requests is None or errors is None or requests.at != errors.at:
        return None
    slower = {f"{each:g}": board.whole(place, slower_total(each)) for each in levels}
    together = {key: found.value for key, found in slower.items() if found and found.at == requests.at}
    return _Told(requests.at, requests.value, errors.value, together)


def _grown(last: _Told, now: _Told) -> dict[str, Any]:
    requests = now.requests - last.requests
    slow = {
        key: (requests, max(0.0, now.slower[key] - last.slower[key]))
        for key in now.slower.keys() & last.slower.keys()
    }
    return {"requests": requests, "errors": max(0.0, now.errors - last.errors), "slow": slow}


def _is_down(view: View, board: Board, seen: Mapping[str, SeenCluster], now: float) -> bool:
    """Whether people find nobody: a cluster that should have members has none that serves, or a balancer."""
    for cluster in entrances(view):
        asked = sum(copy.members for copy in cluster.copies)
        ready = sum(seen.get(copy.name, NOTHING).ready for copy in cluster.copies)
        if asked and not ready:
            return True
        for place in places(view, cluster):
            balancers = board.whole(place, BALANCERS_SERVING)
            if balancers is not None and now - balancers.at <= LONGEST_GAP and balancers.value == 0.0:
                return True
    return False

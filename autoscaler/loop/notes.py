"""What the loop has to write down, gathered over a period and put into the journal at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from autoscaler.journal.records import DecisionRow, MemberRow, MissRow, RollCall, ServiceRow
from autoscaler.loop.deciding import Verdict
from autoscaler.loop.levels import ServiceCount
from autoscaler.loop.observing import Sight
from autoscaler.loop.watched import View
from autoscaler.observe.members import NOTHING, SeenCluster

# An unchanged decision is written down so often that the past can be read without holes.
REPEAT_SECONDS = 60.0
MISSES_SECONDS = 60.0


class Book(Protocol):
    """The part of the journal (`autoscaler.journal.journal.Journal`) that the loop writes."""

    def decisions_made(self, decisions: Iterable[DecisionRow]) -> None: ...

    def members_called(self, call: RollCall) -> None: ...

    def members_seen(self, members: Iterable[MemberRow]) -> None: ...

    def missed(self, misses: Iterable[MissRow]) -> None: ...

    def served(self, rows: Iterable[ServiceRow]) -> None: ...


@dataclass(frozen=True, slots=True)
class Page:
    """Notes to write down. What cannot be written is dropped: it is no truth, only memory."""

    decisions: Sequence[DecisionRow]
    members: Sequence[MemberRow]
    misses: Sequence[MissRow]
    service: Sequence[ServiceRow]
    call: RollCall | None = None

    def write(self, book: Book) -> None:
        """Put everything into the journal."""
        if self.call is not None:  # before anything of this look: it asks when the last one was
            book.members_called(self.call)
        if self.decisions:
            book.decisions_made(self.decisions)
        if self.members:
            book.members_seen(self.members)
        if self.misses:
            book.missed(self.misses)
        if self.service:
            book.served(self.service)


@dataclass(slots=True)
class _Life:
    created: float
    up: float | None


@dataclass
class Notes:
    """One application's. Times in seconds since the epoch; `repeat` as above."""

    repeat: float = REPEAT_SECONDS
    decisions: list[DecisionRow] = field(default_factory=list)
    members: list[MemberRow] = field(default_factory=list)
    misses: list[MissRow] = field(default_factory=list)
    service: ServiceCount = field(default_factory=ServiceCount)
    _said: dict[str, tuple[object, float]] = field(default_factory=dict)
    _call: RollCall | None = None
    _called: bool = False
    _lives: dict[tuple[str, str], _Life] = field(default_factory=dict)
    _counts: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def event(
        self, stack: str, now: float, kind: str, text: str, cluster: str = "", members: int = 0
    ) -> None:
        """Something that happened: `stalled`, `confirmed`, `arrived`, `stale`, `failed`, `refused`, `away`,
        `unreadable`, `waiting` for a person's update, `deployed` by one."""
        self.decisions.append(DecisionRow(now, stack, cluster, kind, members, text))

    def verdict(self, verdict: Verdict, sights: Mapping[str, Sight]) -> None:
        """Decisions that changed, were not written for a while, or are part of an edit."""
        for path, cluster in verdict.view.clusters.items():
            decision = verdict.decisions.get(path)
            count = cluster.members
            if verdict.together is not None:
                count = verdict.together.clusters[path] * len(cluster.copies)
            changes = verdict.edit is not None and count != cluster.members
            if decision is None and not changes:
                continue
            mark = None if decision is None else (count, decision.holds, decision.factor, decision.action)
            said, at = self._said.get(path, (None, float("-inf")))
            if mark == said and not changes and verdict.time - at < self.repeat:
                continue
            self._said[path] = (mark, verdict.time)
            self.decisions.append(_row(verdict, path, count, sights.get(path)))
        for gone in set(self._said) - set(verdict.view.clusters):
            del self._said[gone]

    def lives(self, view: View, seen: Mapping[str, SeenCluster], now: float) -> None:
        """Members that came, became ready, or went."""
        alive: set[tuple[str, str]] = set()
        for copy in view.plan.clusters.values():
            for member in seen.get(copy.name, NOTHING).members:
                key = (copy.id, member.name)
                alive.add(key)
                known = self._lives.get(key)
                up = member.created + member.started if member.started is not None else None
                if known is None or (known.up is None and up is not None):
                    self._lives[key] = _Life(member.created, up)
                    self._member(view, key, None)
        for key in set(self._lives) - alive:
            self._member(view, key, now)
            del self._lives[key]
        if not self._called:
            self._called = True
            self._call = RollCall(view.stack, view.application, view.cloud, frozenset(alive), now)

    def _member(self, view: View, key: tuple[str, str], down: float | None) -> None:
        life = self._lives[key]
        self.members.append(
            MemberRow(view.application, view.cloud, key[0], key[1], life.created, life.up, down)
        )

    def requests(self, view: View, sights: Mapping[str, Sight], now: float) -> None:
        """Requests and misses of clusters with an objective, added up over a minute."""
        for path, sight in sights.items():
            seen = sight.observation
            if seen.requests is None or seen.missed is None or seen.requests_age > (seen.period or 5.0):
                continue
            since, requests, missed = self._counts.get(path, (now, 0.0, 0.0))
            requests, missed = requests + seen.requests, missed + seen.missed
            if now - since >= MISSES_SECONDS:
                self.misses.append(MissRow(now, view.stack, path, requests, missed))
                since, requests, missed = now, 0.0, 0.0
            self._counts[path] = (since, requests, missed)

    def ended(self, view: View, now: float) -> None:
        """The application is gone, and all its members with it."""
        for key in self._lives:
            self._member(view, key, now)
        self._lives = {}

    def unheard(self) -> None:
        """Nothing of late was written down: members are told anew, and who is still there."""
        self._lives, self._called = {}, False

    def begin_anew(self) -> None:
        """Forget when what was said: the clock went back."""
        self._said, self._counts = {}, {}

    def take(self) -> Page:
        """What was gathered so far; it is gone from here."""
        page = Page(self.decisions, self.members, self.misses, self.service.rows, self._call)
        self._call = None
        self.decisions, self.members, self.misses, self.service.rows = [], [], [], []
        return page


def _row(verdict: Verdict, path: str, count: int, sight: Sight | None) -> DecisionRow:
    view, decision = verdict.view, verdict.decisions.get(path)
    current = view.clusters[path].members
    together = verdict.together
    ties = [each for each in together.reasons if path in each] if together is not None else []
    own = decision.reason if decision is not None else ""
    reason = " ".join(part for part in (own, *ties, *_notes(view, path)) if part)
    action = "hold" if count == current else "up" if count > current else "down"
    content: dict[str, object] = decision.as_json() if decision is not None else {"current": current}
    content |= {"asked": count, "generation": view.asked.generation, "resting": view.resting}
    if path in verdict.holds:
        content["held"] = verdict.holds[path]
    if together is not None and path in together.overflow:
        content["overflow"] = together.overflow[path]
    if sight is not None:
        factors = sight.observation.factors
        content["ages"] = {name: round(reading.age, 1) for name, reading in factors.items()}
        content["loads"] = {name: round(load, 2) for name, load in list(sight.loads.items())[:50]}
        content["startSeconds"] = sight.observation.start_seconds
        content["actuationSeconds"] = sight.observation.actuation_seconds
    factor = decision.factor if decision is not None else None
    return DecisionRow(
        verdict.time, view.stack, path, action, count, reason or "Its range changed.", factor, content
    )


def _notes(view: View, path: str) -> list[str]:
    return [note for note in view.notes if note.startswith(f"{path} ")]

"""The loop of one application: look, decide, hand the edit over, see whether it comes true."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from autoscaler.act.edits import ScaleEdit, Ticket
from autoscaler.act.refusals import Refusal, StaleScale
from autoscaler.decide.application import ApplicationShapeError
from autoscaler.decide.policy import PolicyError
from autoscaler.loop.by_hand import ByHand
from autoscaler.loop.confirming import Confirming
from autoscaler.loop.deciding import ALONE, Considered, Guidance, Verdict, conclude, consider
from autoscaler.loop.memory import Memory
from autoscaler.loop.notes import Notes
from autoscaler.loop.observing import Beside, Sight, sight
from autoscaler.loop.watched import Unreadable, View, Watched
from autoscaler.observe.board import Board
from autoscaler.observe.members import SeenCluster

_log = logging.getLogger(__name__)

# A person who edits a file may edit the next one in a moment.
CALM_SECONDS = 2.0
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 600.0

Seen = Mapping[str, SeenCluster]
Returned = TypeVar("Returned")


class Acts(Protocol):
    """What the loop needs of the runner (`autoscaler.act.runner.Runner`)."""

    def submit(self, edit: ScaleEdit) -> Ticket: ...

    def apply(self, stack: str, reason: str) -> Ticket: ...


@dataclass
class _UnderWay:
    """What was handed to the runner and has not ended."""

    ticket: Ticket
    edit: ScaleEdit | None


@dataclass
class ApplicationLoop:
    """One stack. `problem` says why nothing is decided now; empty while all is well.

    `elsewhere` says which other autoscaler acts on it: this one decides as well, so as to know the load when
    it has to take over, and does nothing. `moving` says likewise which move of a copy has its stack now.
    `said` is for people at a terminal; who tells them empties it.
    `considered` and `seen` are of this period; None and empty while the cloud does not answer. `others` are
    loops over members of this application beside its home: this one, the home's, decides about them.
    """

    watched: Watched
    board: Board
    acts: Acts | None
    notes: Notes = field(default_factory=Notes)
    memory: Memory = field(default_factory=Memory)
    view: View | None = None
    verdict: Verdict | None = None
    sights: dict[str, Sight] = field(default_factory=dict)
    problem: str = ""
    elsewhere: str = ""
    moving: str = ""
    said: list[str] = field(default_factory=list)
    considered: Considered | None = None
    seen: Seen = field(default_factory=dict)
    guidance: Guidance = ALONE
    others: tuple[ApplicationLoop, ...] = ()
    _under_way: _UnderWay | None = None
    _by_hand: ByHand = field(default_factory=ByHand)
    _differs_since: float | None = None
    _failures: int = 0
    _retry: float = 0.0
    _waiting: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.confirming = Confirming(self.memory.starts, self.memory.actuation)

    def anew(self, now: float, back: float) -> ApplicationLoop:
        """The same application with nothing that waits for a time, as after a restart: the clock went back by
        `back` seconds, and what was to last a minute would last so much longer."""
        found = ApplicationLoop(self.watched, self.board, self.acts, self.notes, self.memory, said=self.said)
        found.elsewhere, found.moving, found.problem = self.elsewhere, self.moving, self.problem
        found._under_way, found._waiting = self._under_way, self._waiting
        self.notes.begin_anew()
        self.notes.event(self.stack, now, "clock", f"the clock went back by {back:.0f} s: pauses begin anew")
        return found

    @property
    def stack(self) -> str:
        return self.watched.stack

    @property
    def under_way(self) -> Ticket | None:
        """The ticket of what was handed to the runner and has not ended."""
        return self._under_way.ticket if self._under_way is not None else None

    @property
    def busy(self) -> bool:
        """Whether an edit is on its way."""
        return self._under_way is not None or self.confirming.submitted is not None

    def guarded(self, call: Callable[..., Returned], now: float, *arguments: object) -> Returned | None:
        """What a step gives, or None where it fails unexpectedly: that is told, and ends no other's steps."""
        try:
            return call(now, *arguments)
        except Exception as error:
            _log.exception("%s", self.stack)
            self.verdict = None
            self._trouble(now, "failed", f"unexpected {type(error).__name__}: {error}; please report it")
            return None

    def read(self, now: float) -> View | None:
        """The application as its files say; None, with `problem` set, where they cannot be used."""
        self._end_ticket(now)
        under_way = self._under_way.edit if self._under_way is not None else None
        try:
            self.view = self.watched.read(under_way)
            self._by_hand.look(self.view, now)
            self._tell_waiting(now, self.view.waiting)
        except Unreadable as error:
            self._trouble(now, "unreadable", str(error))
            self.view = self.verdict = None
        return self.view

    def tick(self, now: float, period: float, seen: Seen | None) -> None:
        """One period of an application that stands alone; see `consider` and `conclude`."""
        self.consider(now, period, seen)
        self.conclude(now)

    def consider(self, now: float, period: float, seen: Seen | None, others: Sequence[Beside] = ()) -> None:
        """Look, and decide about each cluster. `read` comes first; `seen` is None while the cloud is away.

        `others`: what is seen of the members beside the home, in clouds that answer.
        """
        view = self.view
        self.considered, self.seen = None, {}
        if view is None:
            return
        if seen is None:
            self._trouble(now, "away", f"the cloud {view.cloud} does not answer; everything stays as it is")
            self.verdict = None
            return
        self.seen = seen
        self.arrival(now, seen)
        for path, news in self.confirming.look(view, seen, now).items():
            stalled = path in self.confirming.stalled(now)
            self.notes.event(view.stack, now, "stalled" if stalled else "confirmed", news, path)
        if view.beside:
            self._follow(view, seen, now)
            return
        self.sights = {
            path: sight(
                view,
                cluster,
                seen,
                self.board,
                now,
                period,
                self.confirming.start_seconds(path),
                self.memory.actuation.high,
                others,
            )
            for path, cluster in view.clusters.items()
            if cluster.policy is not None
        }
        self.notes.lives(view, seen, now)
        self.notes.requests(view, self.sights, now)
        try:
            self.considered = consider(
                view,
                self.memory.states,
                self.sights,
                now,
                self.confirming.stalled(now),
                self._by_hand.still(now),
            )
        except PolicyError as error:
            self._trouble(now, "unreadable", str(error))
            self.verdict = None

    def _follow(self, view: View, seen: Seen, now: float) -> None:
        """Members beside the home: nothing is decided here."""
        self.sights = {}
        self.notes.lives(view, seen, now)
        asked = {path: cluster.members for path, cluster in view.clusters.items()}
        self.considered = Considered(view, now, {}, {}, {}, asked)

    def conclude(self, now: float, guidance: Guidance = ALONE) -> None:
        """Decide about the application as a whole, with what is decided over all its copies, and act."""
        if self.considered is None:
            return
        try:
            self.verdict = conclude(self.considered, guidance)
        except ApplicationShapeError as error:
            self._trouble(now, "unreadable", str(error))
            self.verdict = None
            return
        self.problem = ""
        self.guidance = guidance
        self.notes.verdict(self.verdict, self.sights)
        self._act(now, self.considered.view, self.verdict)

    @property
    def may_hasten(self) -> bool:
        """Whether a jump may be acted on before the next look: nothing is on its way, no copies share."""
        ours = self.acts is not None and not self.elsewhere and not self.moving
        return ours and self.verdict is not None and not self.busy and not self.guidance.wanted

    def hasten(self, now: float, verdict: Verdict, sights: Mapping[str, Sight]) -> None:
        """Act between two looks on clusters whose load has jumped; of the others nothing is said."""
        before = self.verdict.decisions if self.verdict is not None else {}
        self.notes.verdict(verdict, sights)
        self._act(now, verdict.view, verdict)
        self.verdict = replace(verdict, decisions={**before, **verdict.decisions})

    def arrival(self, now: float, seen: Seen) -> None:
        """Note when the API server has the counts of the edit that is under way."""
        took = self.confirming.arrived(seen, now)
        if took is not None:
            self.notes.event(self.stack, now, "arrived", f"the API server had it after {took:.2f} s")

    def _act(self, now: float, view: View, verdict: Verdict) -> None:
        if self.acts is None or self.elsewhere or self.moving:
            return
        if verdict.edit is not None:
            self._submit(now, view, verdict.edit)
        elif self._under_way is None:
            self._reconcile(now, view)

    def _submit(self, now: float, view: View, edit: ScaleEdit) -> None:
        assert self.acts is not None
        before = self._under_way
        if before is not None and before.edit is not None and not before.ticket.done():
            # Later counts replace earlier ones; those that this edit does not name still hold.
            edit = _joined(before.edit, edit)
        try:
            ticket = self.acts.submit(edit)
        except Refusal as error:
            self._trouble(now, "refused", str(error))
            return
        self._under_way = _UnderWay(ticket, edit)
        self._by_hand.ours(edit.onto(view.asked))
        changed = self.watched.expected(edit)
        self.confirming.submit(now, changed, free=before is None)

    def _reconcile(self, now: float, view: View) -> None:
        """Run an update where a person changed the counts, in the config or by the documents' ranges."""
        assert self.acts is not None
        planned = {cluster.id: cluster.members for cluster in view.plan.clusters.values()}
        if view.deployed is None or view.deployed == planned or view.resting or self.watched.updating():
            self._differs_since = None
            return
        if self._differs_since is None:
            self._differs_since = now
        if now - self._differs_since < CALM_SECONDS or now < self._retry:
            return
        differing = sorted(id for id, count in planned.items() if view.deployed.get(id) != count)
        what = ", ".join(f"{id} {view.deployed.get(id, 0)} to {planned[id]}" for id in differing[:5])
        try:
            ticket = self.acts.apply(
                view.stack, f"Config and documents ask for other counts: {what or 'clusters left out'}."
            )
        except Refusal as error:
            self._trouble(now, "refused", str(error))
            return
        self._under_way = _UnderWay(ticket, None)

    def _end_ticket(self, now: float) -> None:
        under_way = self._under_way
        if under_way is None or not under_way.ticket.done():
            return
        self._under_way = None
        error = under_way.ticket.error()
        if error is None:
            self._failures, self._retry = 0, 0.0
            return
        self.confirming.give_up()
        if isinstance(error, StaleScale):
            self.notes.event(self.stack, now, "stale", str(error))
            return
        self._failures += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._failures - 1))
        self._retry = now + pause
        self._trouble(now, "failed", f"{error} (again in {pause:.0f} s)")

    def _tell_waiting(self, now: float, waiting: tuple[str, ...]) -> None:
        """What people have edited and not deployed is written down when it changes."""
        if waiting != self._waiting:
            text = "; ".join(waiting) or "documents and config are what is deployed again"
            _log.info("%s: %s", self.stack, text)
            self.notes.event(self.stack, now, "waiting" if waiting else "deployed", text)
        self._waiting = waiting

    def _trouble(self, now: float, kind: str, text: str) -> None:
        if text != self.problem:
            _log.warning("%s: %s", self.stack, text)
            self.notes.event(self.stack, now, kind, text)
        self.problem = text


def _joined(earlier: ScaleEdit, later: ScaleEdit) -> ScaleEdit:
    return ScaleEdit(
        stack=later.stack,
        seen=later.seen,
        reason=later.reason,
        clusters={**earlier.clusters, **later.clusters},
        groups={**earlier.groups, **later.groups},
        removals=later.removals,
        decision=later.decision,
    )

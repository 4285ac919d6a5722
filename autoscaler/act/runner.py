"""The one door to updates: a queue for each stack, a bound on updates at once, a journal of it all.

    runner = Runner(pulumi(), journal)
    runner.start()                       # takes up what a killed run left
    ticket = runner.submit(ScaleEdit("app-shop", seen, "web is full", clusters={"web": 5}))
    ticket.result(timeout=60)            # or: await ticket
    runner.close()

Edits of one stack that come close together become one write and one update. Edits that come while an
update runs wait for its end and become the next one. Different stacks run side by side.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from autoscaler.act import environment
from autoscaler.act.deletion_cost import Marker, Marks
from autoscaler.act.edits import ScaleEdit, Ticket
from autoscaler.act.history import prune
from autoscaler.act.lease import FileLeases, Leases
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.refusals import RunnerClosed
from autoscaler.act.resident import Resident
from autoscaler.act.resumption import LeftOpen, resume
from autoscaler.act.stack_work import Become, Item, StackWork
from autoscaler.act.trouble import AWAY, ELSEWHERE, trouble_of
from autoscaler.act.update_pass import Attaches, UpdatePass
from autoscaler.journal.journal import Journal
from autoscaler.journal.records import EditRow
from autoscaler.journal.store import JournalUnusable
from blueprints.scale import ScaleState
from toolchain import paths

Health = Literal["idle", "queued", "updating", "retrying", "stalled", "elsewhere"]
BEAT_SECONDS = 2.0
STALLED_AFTER = 3  # failures in a row of a kind that does not pass
PRUNE_EVERY = 25  # updates of a stack

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """How the runner works; times in seconds.

    idle: an edit is written when no other came for so long; longest: or at the latest after so long.
    side_by_side: updates of different stacks at once.
    """

    idle: float = 0.03
    longest: float = 0.3
    side_by_side: int = 2


@dataclass(frozen=True, slots=True)
class StackState:
    """What the runner does about a stack: for `alto status` and `/metrics`.

    `waiting` counts edits that have not ended; `trouble` says why it is retrying or stalled; `retry` in how
    many seconds it tries again.
    """

    health: Health
    waiting: int
    updates: int
    trouble: str = ""
    attempts: int = 0
    retry: float = 0.0


class Runner:
    """Owns every automatic update. Thread-safe.

    leases: by default files in the checkout's home. resident: by default both processes are kept; give
    something that attaches nothing for updates that start everything anew. marker: what is told of members
    that are to go, see `act.deletion_cost.mark`. monotonic and jitter are for tests.
    """

    def __init__(
        self,
        cli: Pulumi,
        journal: Journal,
        settings: RunnerSettings | None = None,
        *,
        leases: Leases | None = None,
        resident: Attaches | None = None,
        marker: Marker | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._cli = environment.automatic(cli)
        self._journal = journal
        self._settings = settings or RunnerSettings()
        self._leases = leases or FileLeases(paths.home() / "leases")
        self._resident = resident or Resident(self._cli)
        self._pass = UpdatePass(self._cli, journal, self._resident, marker or Marks())
        self._monotonic, self._jitter = monotonic, jitter
        self._changed = threading.Condition()
        self._stacks: dict[str, StackWork] = {}
        self._closing = False
        self._tickets = 0
        self._workers = ThreadPoolExecutor(self._settings.side_by_side, thread_name_prefix="update")
        self._threads = [
            threading.Thread(target=self._schedule, name="runner", daemon=True),
            threading.Thread(target=self._beat, name="leases", daemon=True),
        ]
        self._ended = threading.Event()

    def start(self) -> None:
        """Take up what a killed run left, then accept edits. Raises JournalUnusable."""
        owed = {row.stack: row.reason for row in self._journal.lose_running_updates()}
        self._resume_edits(owed)
        with self._changed:
            for stack, reason in owed.items():
                if self._cli.exists(stack):
                    self._work(stack).owed = reason or "an update was interrupted"
        if isinstance(self._resident, Resident):
            threading.Thread(target=self._resident.start, daemon=True).start()
        for thread in self._threads:
            thread.start()

    def submit(self, edit: ScaleEdit) -> Ticket:
        """Queue an edit. Returns at once; an edit that changes nothing starts no process.

        The ticket ends with `Outcome`, or raises `StaleScale`, `ConfigMissing`, `ConfigUnreadable`,
        `NotOurs`, `RunnerClosed` or `UpdateError`. An update that failed for a reason that may pass is
        repeated with growing pauses and its ticket stays open; see `Ticket.stage` and `Ticket.note`.
        """
        row = 0
        try:
            row = self._journal.accept(edit.stack, edit.reason, edit.to_data())
        except JournalUnusable as error:
            _log.warning("%s", error)  # nothing is written to the config before this could be
        return self._queue(edit.stack, edit, edit.reason, row)

    def apply(self, stack: str, reason: str) -> Ticket:
        """Queue an update without an edit: a person changed the config or the documents."""
        return self._queue(stack, None, reason, 0)

    def become(self, stack: str, become: Become, reason: str) -> Ticket:
        """Queue a change of the scale, of whatever it is by then, with an update that waits for members.

        It is tried once: its ticket ends with what went wrong, and the config keeps what was written.
        `withdraw` ends it before.
        """
        return self._queue(stack, None, reason, 0, become)

    def withdraw(self, ticket: Ticket) -> None:
        """End one of `become`'s: where its update runs, that is ended in order; else it fails at once."""
        with self._changed:
            work = self._work(ticket.stack)
            for item in list(work.pending):
                if item.ticket is ticket:
                    work.pending.remove(item)
                    ticket.fail(RunnerClosed(f"{ticket.stack}: withdrawn before its update"))
            if work.stop is not None and any(item.ticket is ticket for item in work.applying):
                work.stop.set()

    def states(self) -> Mapping[str, StackState]:
        """What goes on, by stack."""
        with self._changed:
            now = self._monotonic()
            return {stack: _state(work, now) for stack, work in self._stacks.items()}

    def close(self, patience: float = 30.0) -> None:
        """Take no more, let running updates end within `patience` seconds, interrupt them then."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            busy = self._changed.wait_for(lambda: not self._busy(), patience)
        if not busy:
            self._pass.stop_all()
        self._workers.shutdown()
        self._ended.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        for work in self._stacks.values():
            for item in (*work.pending, *work.applying):
                item.ticket.fail(RunnerClosed(f"{work.stack}: the autoscaler ends"))
        if isinstance(self._resident, Resident):
            self._resident.close()
        self._leases.close()

    # --- how ---

    def _queue(
        self, stack: str, edit: ScaleEdit | None, reason: str, row: int, become: Become | None = None
    ) -> Ticket:
        with self._changed:
            if self._closing:
                raise RunnerClosed(f"{stack}: the autoscaler ends")
            self._tickets += 1
            ticket = Ticket(self._tickets, stack)
            item = Item(ticket, edit, reason, self._monotonic(), row, become, once=become is not None)
            self._work(stack).pending.append(item)
            self._changed.notify_all()
        return ticket

    def _work(self, stack: str) -> StackWork:
        return self._stacks.setdefault(stack, StackWork(stack))

    def _busy(self) -> bool:
        return any(work.busy for work in self._stacks.values())

    def _resume_edits(self, owed: dict[str, str]) -> None:
        """Edits that a killed run left: submitted again, or owed an update, or ended; and who is owed one."""
        rows = self._journal.open_edits()
        for stack in dict.fromkeys(row.stack for row in rows):
            self._resume_stack(stack, [row for row in rows if row.stack == stack], owed)
        for stack in self._cli.stacks():
            last = self._journal.last_update(stack)
            if last is not None and last.result != "succeeded":
                owed.setdefault(stack, last.reason)

    def _resume_stack(self, stack: str, rows: list[EditRow], owed: dict[str, str]) -> None:
        if not self._cli.exists(stack):
            self._journal.finish([row.id for row in rows], "stack gone")
            return
        edits = [ScaleEdit.from_data(row.request) for row in rows]
        left = [LeftOpen(row.stage, edit.seen, row.target) for row, edit in zip(rows, edits, strict=True)]
        verdicts = resume(left, self._current(stack))
        for row, edit, verdict in zip(rows, edits, verdicts, strict=True):
            item = Item(Ticket(0, stack), edit, row.reason, self._monotonic(), row.id)
            if verdict == "again":
                self._work(stack).pending.append(item)
            elif verdict == "written":
                self._work(stack).applying.append(item)
            else:
                self._journal.finish([row.id], "overtaken")
            if row.stage != "accepted":
                owed.setdefault(stack, row.reason)

    def _current(self, stack: str) -> ScaleState | None:
        try:
            return self._pass.scale(stack)[1]
        except Exception as error:
            _log.warning("%s", error)
            return None

    def _schedule(self) -> None:
        """Hands stacks that are due to workers, the longest due first."""
        with self._changed:
            while not self._closing:
                now = self._monotonic()
                room = self._settings.side_by_side - sum(work.busy for work in self._stacks.values())
                due = sorted(
                    (
                        (at, work.stack, work)
                        for work in self._stacks.values()
                        if (at := work.due(self._settings.idle, self._settings.longest)) is not None
                    ),
                    key=lambda each: each[:2],
                )
                for at, _, work in due:
                    if room > 0 and at <= now and not self._waits_for_its_cloud(work):
                        room -= 1
                        work.busy = True
                        self._workers.submit(self._take_up, work)
                later = [at for at, _, work in due if not work.busy and at > now]
                self._changed.wait(max(0.0, min(later) - now) if later else None)

    def _waits_for_its_cloud(self, work: StackWork) -> bool:
        """Tries at clouds that did not answer last time take minutes: one place is always for the others."""
        if work.trouble is not AWAY or self._settings.side_by_side < 2:
            return False
        trying = sum(each.busy and each.trouble is AWAY for each in self._stacks.values())
        return trying >= self._settings.side_by_side - 1

    def _take_up(self, work: StackWork) -> None:
        """A worker's pass over one stack; whatever goes wrong ends in `work` and in tickets."""
        with self._changed:
            items, work.pending = work.pending, []
        try:
            lease = self._leases.hold(work.stack)
            if items:
                self._pass.write(work, items, lease)
            if work.owed and not self._closing:
                self._pass.update(work, lease)
                work.succeeded()
                if work.updates % PRUNE_EVERY == 0:
                    prune(self._cli.state, PROJECT, work.stack)
            elif not work.owed:
                work.succeeded()
        except Exception as error:
            self._failed(work, items, error)
        finally:
            with self._changed:
                work.pending[:0] = items
                work.busy = False
                self._changed.notify_all()

    def _failed(self, work: StackWork, items: list[Item], error: Exception) -> None:
        """Say so, pause, and end those who would wait in vain."""
        trouble = trouble_of(error)
        if not (self._closing and self._pass.give_up):
            _log.warning("%s: %s: %s", work.stack, trouble.kind, error)
        if self._end_once(work, items, error):
            return
        with self._changed:
            work.failed(trouble, str(error), self._monotonic(), self._jitter())
        for item in (*items, *work.applying):
            item.ticket.stage, item.ticket.note = "waiting", str(error)
        if trouble.passes or self._closing:
            return
        ended, work.applying = [*items, *work.applying], []
        items.clear()
        if not self._cli.exists(work.stack):
            work.owed = ""  # whoever removed the stack wants no update of it
        self._pass.fail(ended, error)

    def _end_once(self, work: StackWork, items: list[Item], error: Exception) -> bool:
        """End what is tried once; whether nobody else wants that update, so that it is not tried again."""
        once = [item for item in (*items, *work.applying) if item.once]
        items[:] = [item for item in items if not item.once]
        work.applying = [item for item in work.applying if not item.once]
        alone = bool(once) and (work.owed_once or not work.owed) and not items and not work.applying
        if alone:
            work.succeeded()
        self._pass.fail(once, error)
        return alone

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self._leases.beat()


def _state(work: StackWork, now: float) -> StackState:
    health: Health = "idle"
    if work.busy:
        health = "updating"
    elif work.trouble == ELSEWHERE:
        health = "elsewhere"
    elif work.trouble is not None:
        lasting = not work.trouble.passes and work.attempts >= STALLED_AFTER
        health = "stalled" if lasting else "retrying"
    elif work.pending or work.owed:
        health = "queued"
    waiting = len(work.pending) + len(work.applying)
    retry = max(0.0, work.not_before - now) if work.trouble is not None else 0.0
    return StackState(health, waiting, work.updates, work.note, work.attempts, retry)

"""Moves in the background: the loop begins one, and hears what became of it at a later look."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Protocol

from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.burst.moves import Ended
from autoscaler.burst.records import Kind, Move
from autoscaler.burst.refusals import MoveFailed, MoveInterrupted, MoveRefused
from autoscaler.burst.work import Say
from blueprints.scale import ScaleState

_log = logging.getLogger(__name__)

SIDE_BY_SIDE = 4
# Somebody else, most likely a person, has the application's lease: ask again so often.
AGAIN_SECONDS = 10.0
RESUMED = "goes on with "
"""How `Moves` begin to tell that they go on with what was left."""
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0


class Moving(Protocol):
    """What is needed of `autoscaler.burst.moves.Moves`, whose promises hold."""

    def burst(self, application: str, cloud: str, scale: ScaleState | None = None) -> Ended: ...

    def overflow(self, application: str, cloud: str, clusters: Sequence[str], scale: ScaleState) -> Ended: ...

    def end(self, application: str, cloud: str) -> Ended: ...

    def resume(self, application: str) -> Ended | None: ...

    def settle(self) -> list[Ended]: ...

    def under_way(self, application: str) -> Move | None: ...


Make = Callable[[Say, threading.Event], Moving]
"""Moves that say what they do, and stop in order when the event is set."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened with a move: `begun`, `resumed`, `said`, `done`, `failed`, `turned`.

    `seconds` is how long a move that is done took.
    """

    kind: str
    cloud: str
    text: str
    move: str = ""
    seconds: float | None = None


@dataclass
class _Running:
    what: str
    kind: Kind
    cloud: str
    future: Future[Ended | None]
    give_up: threading.Event

    def takes_over(self, recorded: Move) -> bool:
        """Whether the record is of an end that this one calls off, as it will say when it has the lease."""
        return recorded.kind == "end" and self.kind in ("burst", "overflow")


@dataclass(frozen=True)
class _Back:
    """What a copy whose end is called off is to be: whole, or with these members beside the home."""

    cloud: str
    clusters: tuple[str, ...] = ()
    members: Mapping[str, int] | None = None


@dataclass
class _Pause:
    until: float
    failures: int
    why: str


@dataclass
class Mover:
    """Moves of all applications, at most one for each at a time. Times in seconds since the epoch."""

    make: Make
    now: Callable[[], float] = time.time
    pool: Executor | None = None
    _running: dict[str, _Running] = field(default_factory=dict)
    _said: dict[str, deque[News]] = field(default_factory=dict)
    _unfit: dict[tuple[str, str], _Pause] = field(default_factory=dict)
    _turning: dict[str, _Back] = field(default_factory=dict)
    _again: dict[str, float] = field(default_factory=dict)
    _waits: dict[str, str] = field(default_factory=dict)
    _settled: Future[list[Ended]] | None = None
    _settle_at: float = 0.0

    def __post_init__(self) -> None:
        self._pool = self.pool or ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="move")
        self._closing = threading.Event()
        self._asking = self.make(lambda _: None, self._closing)

    def under_way(self, application: str) -> Move | None:
        """The move that goes on, whoever does it, or was left by a killed process."""
        recorded = self._asking.under_way(application)
        running = self._running.get(application)
        if running is not None and (recorded is None or running.takes_over(recorded)):
            # Begun, and still on its way to its record, or from it.
            return Move(application, running.kind, running.cloud, "", self.now())
        return recorded

    def ours(self, application: str) -> bool:
        """Whether this process is at it."""
        return application in self._running

    def turning(self, application: str) -> bool:
        """Whether the end that is under way is being called off."""
        return application in self._turning

    def unfit(self, application: str) -> dict[str, str]:
        """The clouds where a move failed lately, and why, until the pause is over."""
        now = self.now()
        return {
            cloud: pause.why
            for (name, cloud), pause in self._unfit.items()
            if name == application and now < pause.until
        }

    def burst(self, application: str, cloud: str, scale: ScaleState | None) -> None:
        """Begin to make a copy."""
        self._start(application, "burst", "burst", cloud, lambda m: m.burst(application, cloud, scale))

    def overflow(
        self, application: str, cloud: str, clusters: Sequence[str], members: Mapping[str, int]
    ) -> None:
        """Begin to make a place for members of these clusters beside the home."""
        scale = ScaleState(clusters=dict(members), overflow=True)
        self._start(
            application,
            "overflow",
            "overflow",
            cloud,
            lambda m: m.overflow(application, cloud, clusters, scale),
        )

    def end(self, application: str, cloud: str) -> None:
        """Begin to end a copy."""
        self._start(application, "end", "end", cloud, lambda m: m.end(application, cloud))

    def turn(
        self,
        application: str,
        cloud: str,
        clusters: Sequence[str] = (),
        members: Mapping[str, int] | None = None,
    ) -> None:
        """Call off the end of a copy; it gets its share again, or is made anew where it was gone already.

        With `members` it is a place for members of `clusters` beside the home.
        """
        running = self._running.get(application)
        if application in self._turning or (running is not None and running.kind != "end"):
            return
        self._turning[application] = _Back(cloud, tuple(clusters), members)
        if running is not None:
            running.give_up.set()

    def resume(self, application: str) -> bool:
        """Go on with what a killed process left. False where there is nothing, or a pause holds."""
        move = self.under_way(application)
        if move is None or application in self._running or self.now() < self._again.get(application, 0.0):
            return False
        what = f"resumed {move.kind}"
        self._start(application, what, move.kind, move.cloud, lambda m: m.resume(application))
        return True

    def settle(self) -> None:
        """Do what is owed, now and then, in the background."""
        if self._settled is not None and self._settled.done():
            error = self._settled.exception()
            if error is not None:
                _log.warning("what moves owe: %s", error)
            self._settled = None
        if self._settled is None and self.now() >= self._settle_at:
            self._settle_at = self.now() + AGAIN_SECONDS
            self._settled = self._pool.submit(self._asking.settle)

    def news(self, application: str) -> list[News]:
        """What happened since the last time, oldest first."""
        found = []
        said = self._said.get(application, deque())
        while said:
            found.append(said.popleft())
        running = self._running.get(application)
        if running is not None and running.future.done():
            del self._running[application]
            found += self._outcome(application, running)
        return found

    def finish(self) -> None:
        """Wait for the end of every move that is ours."""
        wait(running.future for running in self._running.values())

    def close(self, seconds: float = 60.0) -> None:
        """Stop all in order: between two steps, or by ending an update. What is left is resumed next time."""
        self._closing.set()
        for running in self._running.values():
            running.give_up.set()
        until = time.monotonic() + seconds
        for running in self._running.values():
            try:
                running.future.exception(max(0.0, until - time.monotonic()))
            except TimeoutError:
                _log.warning("the %s in %s does not end", running.what, running.cloud)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _start(
        self,
        application: str,
        what: str,
        kind: Kind,
        cloud: str,
        call: Callable[[Moving], Ended | None],
    ) -> None:
        said = self._said.setdefault(application, deque())
        give_up = threading.Event()

        def say(text: str) -> None:
            # A move that was left says so first, once nobody else has it.
            kind = "resumed" if text.startswith(RESUMED) else "said"
            said.append(News(kind, cloud, text, what))

        moves = self.make(say, give_up)
        future = self._pool.submit(call, moves)
        self._running[application] = _Running(what, kind, cloud, future, give_up)

    def _outcome(self, application: str, ran: _Running) -> list[News]:
        error = ran.future.exception()
        wanted_back = self._turning.pop(application, None)
        if error is None:
            self._again.pop(application, None)
            self._unfit.pop((application, ran.cloud), None)
            self._waits.pop(application, None)
            ended = ran.future.result()
            if ended is None:
                return []  # somebody else has brought it to its end
            notes, took = "; ".join(ended.notes), ended.seconds
            owed = "; the rest is owed until its cloud answers" if ended.result == "owed" else ""
            text = f"The {ran.what} in {ran.cloud} took {took:.1f} s{owed}{f' ({notes})' if notes else ''}."
            return [News("done", ran.cloud, text, ran.what, took)]
        if isinstance(error, MoveInterrupted):
            if wanted_back is not None and not self._closing.is_set():
                if wanted_back.members is None:
                    self.burst(application, wanted_back.cloud, None)
                else:
                    self.overflow(application, wanted_back.cloud, wanted_back.clusters, wanted_back.members)
                text = f"The end of the copy in {ran.cloud} was called off: it gets its share again."
                return [News("turned", ran.cloud, text, ran.what)]
            text = f"The {ran.what} in {ran.cloud} was interrupted; the next start goes on with it."
            return [News("interrupted", ran.cloud, text, ran.what)]
        return self._failure(application, ran, error)

    def _failure(self, application: str, ran: _Running, error: BaseException) -> list[News]:
        text = " ".join(str(error).split()) or type(error).__name__
        if isinstance(error, StackConflict | NotOurs):
            # Nothing is wrong with the cloud: somebody else is at it.
            self._again[application] = self.now() + AGAIN_SECONDS
            if self._waits.get(application) == text:
                return []
            self._waits[application] = text
            return [News("waits", ran.cloud, f"The {ran.what} in {ran.cloud} waits: {text}", ran.what)]
        if not isinstance(error, MoveFailed | MoveRefused | UpdateError):
            _log.error("the %s of %s in %s", ran.what, application, ran.cloud, exc_info=error)
        before = self._unfit.get((application, ran.cloud))
        failures = 1 if before is None else before.failures + 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (failures - 1))
        self._again[application] = self.now() + pause
        self._unfit[application, ran.cloud] = _Pause(self.now() + pause, failures, f"failed: {text[:200]}")
        text = f"The {ran.what} in {ran.cloud} failed: {text} (again in {pause:.0f} s)"
        return [News("failed", ran.cloud, text, ran.what)]

"""Many applications at once: found by their stacks, looked at each period on an even grid."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.loop import memory as memories
from autoscaler.loop.application_loop import Acts, ApplicationLoop, Seen
from autoscaler.loop.clouds import Clouds, Kubeconfig, Make
from autoscaler.loop.deciding import ALONE, Guidance
from autoscaler.loop.glancing import Glancing
from autoscaler.loop.notes import Book, Notes
from autoscaler.loop.observing import Beside, targets
from autoscaler.loop.settings import Settings
from autoscaler.loop.watched import View, Watched
from autoscaler.loop.writing import Writing
from autoscaler.observe.board import Board
from autoscaler.observe.gathering import Gathering
from autoscaler.observe.registry import make
from autoscaler.observe.source import Target

_log = logging.getLogger(__name__)

# How much of a period may go by waiting for sources; who takes longer counts in the next one.
SOURCES_SHARE = 0.25
# So many clusters are written down each second when nothing changes.
STEADY_ROWS = 4.0

SHARE_SECONDS = 2.0
# A clock that is set right by less costs no more than that.
BACK_SECONDS = 5.0

Tell = Callable[[ApplicationLoop], None]
Share = Callable[[Collection[str]], Collection[str]]


class Places(Protocol):
    """What is decided over the copies of applications (`autoscaler.burst.watching.Watching`).

    Each look calls `before`, then every application's `consider`, then `guide`, every `conclude`, and `act`;
    none of them waits. `finish` waits until moves have come to their end, `close` ends them in order within
    a minute; `hear` after it tells how they have ended.
    """

    def before(self, loops: Mapping[str, ApplicationLoop]) -> None: ...

    def guide(self, loops: Mapping[str, ApplicationLoop], now: float) -> Mapping[str, Guidance]: ...

    def act(self, loops: Mapping[str, ApplicationLoop], now: float) -> None: ...

    def hear(self, loops: Mapping[str, ApplicationLoop], now: float) -> None: ...

    def finish(self) -> None: ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Pace:
    """How the loop keeps up. `lag`: seconds from when a period was due to its end; `work`: of computing."""

    periods: int = 0
    lag: float = 0.0
    work: float = 0.0
    finished: float = 0.0
    lags: deque[float] = field(default_factory=lambda: deque(maxlen=1000))


class Autoscaler:
    """The loop over all applications.

    cli: finds stacks and their files. acts: the runner; None decides and changes nothing. book: the journal;
    None writes nothing down. folder: where what was learnt is kept. only: names of applications, none for
    all. tell: called after each look at an application. share: gives the stacks that are ours, where
    several autoscalers share them; asked again and again, and may block. places: decides over all copies of
    an application; None where each stack stands alone.
    """

    def __init__(
        self,
        cli: Pulumi,
        kubeconfig: Kubeconfig,
        settings: Settings,
        folder: Path,
        acts: Acts | None,
        book: Book | None,
        only: Sequence[str] = (),
        tell: Tell = lambda _: None,
        share: Share | None = None,
        make_source: Make = make,
        now: Callable[[], float] = time.time,
        places: Places | None = None,
    ) -> None:
        self._cli = cli
        self._settings = settings
        self._acts = acts
        self._only = frozenset(only)
        self.tell = tell
        self._sharer = share
        self._now = now
        self._places = places
        self.board = Board()
        self.gathering = Gathering(self.board, self.targets)
        self.applications: dict[str, ApplicationLoop] = {}
        self.pace = Pace()
        self._writing = Writing(book, folder)
        self._changed = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.glancing = Glancing(self.targets, now)
        self.clouds = Clouds(
            kubeconfig, self.gathering, settings, self._wake, make_source, self.glancing.gathering
        )
        self._ours: frozenset[str] = frozenset()
        self._before = float("-inf")
        self._targets: dict[str, list[Target]] = {}

    @property
    def period(self) -> float:
        """Seconds between looks."""
        return self._settings.period

    def targets(self, cloud: str) -> Sequence[Target]:
        """The clusters of a cloud to measure, as of the last look."""
        return self._targets.get(cloud, [])

    def seen(self, view: View) -> Seen | None:
        """The members of an application, by cluster; None while its cloud does not answer."""
        return self.clouds.seen(view.cloud, (view.plan.namespace, view.plan.copy))

    async def run(self, stop: asyncio.Event) -> None:
        """Look and act each period until `stop` is set."""
        self._loop = asyncio.get_running_loop()
        beside = [asyncio.create_task(self._arrivals()), asyncio.create_task(self.glancing.run(self))]
        if self._sharer is not None:
            beside.append(asyncio.create_task(self._sharing(self._sharer)))
        try:
            due = time.monotonic()
            while not stop.is_set():
                try:
                    await self.look(due)
                except Exception:  # whatever it was, the next period is a new chance; /healthz tells
                    _log.exception("a period was cut short")
                period = self._settings.period
                due += period * max(1, int((time.monotonic() - due) // period) + 1)
                await _sleep(stop, due - time.monotonic())
        finally:
            for task in beside:
                task.cancel()
            await self.close()

    async def run_once(self, rounds: int = 3) -> None:
        """Look as often as it takes to have a rate of every member, then once for good."""
        self._loop = asyncio.get_running_loop()
        try:
            for _ in range(rounds):
                await self.look(time.monotonic(), act=False)
                await asyncio.sleep(self._settings.period)
            await self.look(time.monotonic())
            if self._places is not None:
                await asyncio.to_thread(self._places.finish)
        finally:
            await self.close()

    async def look(self, due: float, act: bool = True) -> None:
        """One period over all applications. `due` is by the monotonic clock."""
        begun = time.monotonic()
        now = self._now()
        self._mind_clock(now)
        self._find()
        waiting = [each for each in self.applications.values() if each.guarded(each.read, now)]
        await self.clouds.keep({each.view.cloud for each in waiting if each.view is not None})
        self._aim()
        self._share()
        worked = time.monotonic() - begun
        # Measured now and decided at once: a value that waits for the next period is five seconds late.
        await self.gathering.round(SOURCES_SHARE * self._settings.period)
        now = self._now()
        if act:
            worked += await self._decide(waiting, now)
        self._writing.write(self.applications, now)
        pace = self.pace
        pace.periods += 1
        pace.work, pace.lag, pace.finished = worked, max(0.0, time.monotonic() - due), self._now()
        pace.lags.append(pace.lag)

    async def _decide(self, waiting: Sequence[ApplicationLoop], now: float) -> float:
        """Each cluster by itself, then what copies of an application share, then each application; and act.

        The seconds it took to compute.
        """
        worked, begun = 0.0, time.monotonic()
        if self._places is not None:
            self._places.before(self.applications)
        for application in waiting:
            view = application.view
            assert view is not None
            seen = self.seen(view)
            application.guarded(
                application.consider, now, self._settings.period, seen, self._beside(application)
            )
            if not view.beside:  # the home's service levels are for all members
                application.guarded(application.notes.service.look, now, view, self.board, seen)
            worked += time.monotonic() - begun
            await asyncio.sleep(0)  # answers of sources are taken between applications
            begun = time.monotonic()
        guidance = self._places.guide(self.applications, now) if self._places is not None else {}
        for application in waiting:
            application.guarded(application.conclude, now, guidance.get(application.stack, ALONE))
            self.tell(application)
            worked += time.monotonic() - begun
            await asyncio.sleep(0)
            begun = time.monotonic()
        if self._places is not None:
            self._places.act(self.applications, now)
            for application in waiting:
                if application.said:
                    self.tell(application)
        return worked + time.monotonic() - begun

    def _beside(self, application: ApplicationLoop) -> list[Beside]:
        """What is seen of the application's members beside its home."""
        views = [each.view for each in application.others if each.view is not None]
        return [(view, seen) for view in views if (seen := self.seen(view)) is not None]

    async def close(self) -> None:
        """Keep what was learnt, end all watching. Moves end in order first, which may take a minute."""
        if self._places is not None:
            await asyncio.to_thread(self._places.close)
            self._places.hear(self.applications, self._now())
        await self._writing.finish(self.applications, self._now())
        await self.gathering.close()
        await self.clouds.close()

    def _find(self) -> None:
        """Applications are the stacks named after them; those that are gone are looked at no more."""
        stacks = {stack for stack in self._cli.stacks() if stack.startswith("app-") and self._chosen(stack)}
        for gone in set(self.applications) - stacks:
            self._writing.leave(self.applications.pop(gone), self._now())
        for stack in sorted(stacks - set(self.applications)):
            memory, problem = memories.load(self._writing.path(stack))
            application = ApplicationLoop(Watched(self._cli, stack), self.board, self._acts, Notes(), memory)
            if problem:
                application.notes.event(stack, self._now(), "forgotten", problem)
            self.applications[stack] = application
            self._writing.begin(stack, len(self.applications), self._now())

    def _mind_clock(self, now: float) -> None:
        """Whoever waits for a time would wait too long where the clock went back."""
        back, self._before = self._before - now, now
        if not back > BACK_SECONDS:
            return
        self.board.forget()
        self.glancing.board.forget()
        for count, (stack, application) in enumerate(list(self.applications.items()), 1):
            self.applications[stack] = application.anew(now, back)
            self._writing.begin(stack, count, now)

    def _share(self) -> None:
        """Only decide, and do nothing, where another autoscaler has the lease."""
        if self._sharer is None:
            return
        for stack, application in self.applications.items():
            application.elsewhere = "" if stack in self._ours else "another autoscaler has its lease"

    async def _sharing(self, share: Share) -> None:
        """Keep knowing which applications are ours."""
        while True:
            try:
                self._ours = frozenset(await asyncio.to_thread(share, list(self.applications)))
                self._share()  # what was taken over counts in the look that is under way
            except Exception:
                _log.exception("sharing")
            await asyncio.sleep(SHARE_SECONDS)

    def _chosen(self, stack: str) -> bool:
        name = stack.removeprefix("app-")
        return not self._only or name in self._only or name.partition("--")[0] in self._only

    def _aim(self) -> None:
        """Tell the sources what to measure."""
        found: dict[str, list[Target]] = {}
        total = 0
        for application in self.applications.values():
            view = application.view
            if view is None:
                continue
            seen = self.clouds.seen(view.cloud, (view.plan.namespace, view.plan.copy))
            found.setdefault(view.cloud, []).extend(targets(view, seen))
            total += len(view.clusters)
        self._targets = found
        self.board.keep([target.place for each in found.values() for target in each])
        for application in self.applications.values():
            application.notes.repeat = max(60.0, total / STEADY_ROWS)

    def _wake(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._changed.set)

    async def _arrivals(self) -> None:
        """See at once when the API server has what an edit asked for: that time is part of the horizon."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            for application in list(self.applications.values()):
                view = application.view
                if view is None or application.confirming.submitted is None:
                    continue
                seen = self.clouds.seen(view.cloud, (view.plan.namespace, view.plan.copy))
                if seen is not None:
                    application.arrival(self._now(), seen)
            await asyncio.sleep(0.05)

    def problems(self) -> Mapping[str, str]:
        """What is wrong now, by stack or cloud."""
        found = {f"cloud {cloud}": text for cloud, text in self.clouds.problems.items()}
        found |= {stack: each.problem for stack, each in self.applications.items() if each.problem}
        if self._writing.problem:
            found["journal"] = self._writing.problem
        return found


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), max(0.0, seconds))
    except TimeoutError:
        pass

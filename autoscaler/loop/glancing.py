"""Between two looks: the sources that tell of this moment are asked each second, and a jump is acted on.

What they tell here goes on a board of its own: the even grid of the looks, on which everything is learnt,
stays as it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from autoscaler.decide.decision import Decision
from autoscaler.decide.glance import Glimpses, glance
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import ControllerPolicy
from autoscaler.decide.state import ClusterState
from autoscaler.loop.application_loop import ApplicationLoop, Seen
from autoscaler.loop.deciding import Verdict, conclude, consider
from autoscaler.loop.observing import Sight, places, sight
from autoscaler.loop.watched import View
from autoscaler.observe.board import Board
from autoscaler.observe.gathering import Gathering, Targets

_log = logging.getLogger(__name__)

GLANCE_SECONDS = 1.0
ANSWER_SECONDS = 0.5
# Of the loop's thread, so much of its time may go into glances: with many balancers they come less often.
MOST_TIME = 0.1


class Looks(Protocol):
    """What glances need of the loop over all applications."""

    applications: dict[str, ApplicationLoop]

    def seen(self, view: View) -> Seen | None:
        """The members of an application, by cluster; None while its cloud does not answer."""

    def tell(self, application: ApplicationLoop) -> None:
        """Say what was decided."""


class Glancing:
    """Glances at all applications. `targets` are the loop's."""

    def __init__(self, targets: Targets, now: Callable[[], float] = time.time) -> None:
        self.board = Board()
        self.gathering = Gathering(self.board, targets, tells=False)
        self._now = now
        self._last: dict[tuple[str, str], Glimpses] = {}
        self._before = float("nan")

    async def run(self, looks: Looks) -> None:
        """Glance until cancelled."""
        while True:
            begun, spent = time.monotonic(), time.thread_time()
            try:
                await self.round(looks)
            except Exception:  # the looks go on without
                _log.exception("glancing")
            spent = time.thread_time() - spent
            took = time.monotonic() - begun
            await asyncio.sleep(max(GLANCE_SECONDS - took, spent / MOST_TIME, 0.1))

    async def round(self, looks: Looks) -> None:
        """One glance at all of them."""
        if not self.gathering.health():
            return
        await self.gathering.round(ANSWER_SECONDS)
        now = self._now()
        passed, self._before = now - self._before, now
        for application in list(looks.applications.values()):
            view = application.view
            seen = looks.seen(view) if view is not None else None
            if seen is None or not passed > 0.0:
                continue
            if application.guarded(self._hasten, now, application, passed, seen):
                looks.tell(application)
        self._forget([(a.stack, a.view) for a in looks.applications.values() if a.view is not None])

    def _forget(self, views: list[tuple[str, View]]) -> None:
        """Drop what was seen of clusters that are gone."""
        alive = {(stack, path) for stack, view in views for path in view.clusters}
        self._last = {key: found for key, found in self._last.items() if key in alive}
        kept = [
            place
            for _, view in views
            for cluster in view.clusters.values()
            for place in places(view, cluster)
        ]
        self.board.keep(kept)

    def _hasten(self, now: float, application: ApplicationLoop, passed: float, seen: Seen) -> bool:
        """Whether an edit was submitted before its time."""
        if not application.may_hasten:
            return False
        view = application.view
        assert view is not None
        sights = self._sights(view, seen, now, passed)
        if not sights:
            return False
        verdict = self._verdict(application, view, sights, now)
        if verdict is None:
            return False
        application.hasten(now, verdict, sights)
        return True

    def _sights(self, view: View, seen: Seen, now: float, passed: float) -> dict[str, Sight]:
        return {
            path: sight(view, cluster, seen, self.board, now, passed, None, None)
            for path, cluster in view.clusters.items()
            if cluster.policy is not None and any(self.board.factors(p) for p in places(view, cluster))
        }

    def _verdict(
        self, application: ApplicationLoop, view: View, sights: Mapping[str, Sight], now: float
    ) -> Verdict | None:
        """What the jumps come to; None where there is none, or where anything would lose members."""

        def by(policy: ControllerPolicy, state: ClusterState, seen: Observation) -> Decision:
            key = (application.stack, seen.cluster)
            decision, self._last[key] = glance(policy, state, seen, self._last.get(key, Glimpses()))
            return decision

        stalled = application.confirming.stalled(now)
        found = consider(view, application.memory.states, sights, now, stalled, {}, by)
        if not any(decision.action == "up" for decision in found.decisions.values()):
            return None
        verdict = conclude(found, application.guidance)
        edit = verdict.edit
        if edit is None or edit.removals:
            return None
        if any(count < view.instances.get(path, 0) for path, count in edit.groups.items()):
            return None
        rising = {path: each for path, each in verdict.decisions.items() if each.action == "up"}
        return replace(verdict, decisions=rising)

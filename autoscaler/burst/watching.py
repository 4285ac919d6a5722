"""The copies of applications, looked at together each period: members spread over them, moves begun, requests
shared. Nothing here waits: moves, front doors and listings of hosts are at work in the background."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.burst import deciding
from autoscaler.burst.deciding import CopySight, MoveSight, Situation, Standing, Step
from autoscaler.burst.records import Move
from autoscaler.burst.watching_balancers import Balancers
from autoscaler.burst.watching_capacity import Capacity
from autoscaler.burst.watching_copies import Copies, applications, lead, need_over, ready
from autoscaler.burst.watching_demand import Demand
from autoscaler.burst.watching_doors import Doors
from autoscaler.burst.watching_leads import Leads
from autoscaler.burst.watching_members import Members
from autoscaler.burst.watching_moves import Mover, News
from autoscaler.burst.watching_overflow import Overflow
from autoscaler.burst.watching_room import by_policy
from autoscaler.burst.watching_shares import Sharing
from autoscaler.burst.watching_silence import Silence
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.deciding import Guidance
from autoscaler.loop.observing import level_times
from autoscaler.loop.watched import View
from blueprints.following import data_clusters
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.scale import ScaleState

_log = logging.getLogger(__name__)


@dataclass
class _Kept:
    """What is kept of one application from look to look."""

    standing: Standing = field(default_factory=Standing)
    demand: Demand = field(default_factory=Demand)
    reason: str = ""
    sharing: Sharing = field(default_factory=Sharing)
    silence: Silence = field(default_factory=Silence)


@dataclass
class Watching:
    """All applications: moves that were left go on and copies share whatever policies say; without one
    nothing is begun. mover: None says what it would do."""

    capacity: Capacity
    leads: Leads
    mover: Mover | None
    doors: Doors | None
    period: float
    balancers: Balancers | None = None
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._members = Members(self.capacity)
        self._overflow = Overflow(self._members, self.leads, self.period)

    def before(self, loops: Mapping[str, ApplicationLoop]) -> None:
        """Before anything is decided: which stacks belong to a move, so that nobody else touches them."""
        for copies in applications(loops):
            move = self.mover.under_way(copies.application) if self.mover is not None else None
            for each in copies.all:
                taken = move is not None and (move.kind == "migrate" or each.stack == move.stack)
                each.moving = move.words if move is not None and taken else ""
                each.others = ()
            copies.home.others = tuple(copies.beside().values()) if copies.overflows else ()

    def guide(self, loops: Mapping[str, ApplicationLoop], now: float) -> dict[str, Guidance]:
        """What every stack is to have, by stack, once its clusters have been considered."""
        found = self._members.guide(loops, now)
        for copies in applications(loops):
            if copies.overflows:
                self._overflow.guide(copies, found)
        return found

    def act(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """After all is decided: hear of moves, begin one, and tell the front doors."""
        present = set()
        for copies in applications(loops):
            present.add(copies.application)
            self._count(copies, now)
            if copies.home.elsewhere:
                continue
            try:
                self._act(copies, now)
            except Exception as error:
                _log.exception("%s", copies.application)
                self._say(
                    copies, now, "failed", f"unexpected {type(error).__name__}: {error}; please report it"
                )
        for gone in set(self._kept) - present:
            del self._kept[gone]
        self._overflow.keep(present)
        if self.mover is not None:
            self.mover.settle()

    def _count(self, copies: Copies, now: float) -> None:
        """What the front door could bring to no copy, for the service levels."""
        home = copies.home
        if self.doors is None or home.elsewhere or level_times(copies.home_view) is None:
            return
        lost = self.doors.unanswered(copies.application)
        if lost:
            home.notes.service.fronted(now, copies.application, lost)

    def hear(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """Note what became of moves."""
        if self.mover is None:
            return
        for copies in applications(loops):
            for news in self.mover.news(copies.application):
                self._hear(copies, news, now)

    def finish(self) -> None:
        """Wait until every move that was begun has ended."""
        if self.mover is not None:
            self.mover.finish()

    def close(self) -> None:
        """End everything in order; a move that goes on is resumed at the next start."""
        self.capacity.close()
        if self.mover is not None:
            self.mover.close()
        if self.doors is not None:
            self.doors.close()
        if self.balancers is not None:
            self.balancers.close()

    # --- members ---

    def _act(self, copies: Copies, now: float) -> None:
        kept = self._kept.setdefault(copies.application, _Kept())
        move = self._moves(self.mover, copies, now) if self.mover is not None else None
        if copies.overflows:
            self._beside(copies, kept, move, now)
            return
        if copies.policy is None and len(copies.all) == 1:
            return
        if self.doors is not None and (told := kept.sharing.tell(copies, self.doors, move)):
            self._say(copies, now, "shared", told)
        if copies.home_view.resting or copies.policy is None:
            kept.standing = Standing()
            return
        situation = self._situation(copies, copies.policy, kept, move, now)
        step, kept.standing = deciding.decide(situation, kept.standing)
        self._take(copies, kept, situation, step)

    def _beside(self, copies: Copies, kept: _Kept, move: Move | None, now: float) -> None:
        """Members of single clusters beside the home."""
        if self.balancers is not None:
            leaving = move.cloud if move is not None and move.kind == "end" else ""
            if told := self.balancers.wish(copies, leaving):
                self._say(copies, now, "shared", told)
        if copies.home_view.resting:
            return
        turned = move is not None and self._turned(move)
        unfit = self.mover.unfit(copies.application) if self.mover is not None else {}
        step = self._overflow.look(copies, now, move, turned, unfit)
        mover, application = self.mover, copies.application
        if step.kind == "stay" or mover is None:
            self._tell_once(copies, kept, now, step.kind, step.cloud, step.reason)
            return
        kept.reason = ""
        self._say(copies, now, {"turn": "turned"}.get(step.kind, step.kind), step.reason)
        if step.kind == "overflow":
            mover.overflow(application, step.cloud, step.clusters, step.members)
        elif step.kind == "end":
            mover.end(application, step.cloud)
        else:
            mover.turn(application, step.cloud, step.clusters, step.members)

    def _moves(self, mover: Mover, copies: Copies, now: float) -> Move | None:
        """The move under way, after hearing what has become of moves."""
        for news in mover.news(copies.application):
            self._hear(copies, news, now)
        move = mover.under_way(copies.application)
        if move is not None and not mover.ours(copies.application):
            # Nobody of this process is at it: who was is dead, or a person is at it now, which it finds out.
            mover.resume(copies.application)
        return move

    def _hear(self, copies: Copies, news: News, now: float) -> None:
        self._say(copies, now, news.kind, news.text)
        if news.kind == "done" and news.move in ("burst", "overflow") and news.seconds is not None:
            try:
                self.leads.took(copies.application, news.cloud, news.seconds)
            except OSError as error:
                _log.warning("what was learnt cannot be kept: %s", error)

    def _situation(
        self, copies: Copies, policy: ApplicationPolicy, kept: _Kept, move: Move | None, now: float
    ) -> Situation:
        placing = copies.home_view.placing
        assert placing is not None
        kind = policy.burst.cloud if policy.burst is not None else "warm"
        leads = {
            cloud: placing.leads.get(cloud, self.leads.of(copies.application, cloud, kind))
            for cloud in dict.fromkeys(placing.clouds.values())
            if cloud != copies.home_view.cloud
        }
        need = need_over(copies, policy)
        ahead: dict[str, dict[str, float]] = {}
        if need.members and policy.burst is not None:
            known = max((lead(each) for each in copies.settled()), default=0.0)
            beyond = {cloud: max(self.period, seconds - known) for cloud, seconds in leads.items()}
            ahead = kept.demand.look(now, self.period, need.members, beyond)
        return Situation(
            now,
            policy,
            placing.clouds,
            copies.home_view.cloud,
            tuple(self._sight(each) for each in copies.all if each.view is not None),
            need.members if need.members or need.whole else None,
            need.whole,
            ahead,
            leads,
            None if move is None else MoveSight(move.kind, move.cloud, self._turned(move)),
            self.mover.unfit(copies.application) if self.mover is not None else {},
            kept.silence.look(copies, self.doors, now),
            data_clusters(copies.home_view.plan),
        )

    def _turned(self, move: Move) -> bool:
        return bool(move.turned) or (self.mover is not None and self.mover.turning(move.application))

    def _sight(self, loop: ApplicationLoop) -> CopySight:
        assert loop.view is not None
        clusters = loop.view.clusters
        return CopySight(
            loop.view.cloud,
            {path: self._members.most(loop, path) for path in clusters}
            if loop.considered is not None
            else {},
            {path: ready(loop, cluster) for path, cluster in clusters.items()},
            loop.considered is not None,
        )

    def _take(self, copies: Copies, kept: _Kept, situation: Situation, step: Step) -> None:
        """Begin the step. It is in the journal before the next look, whatever becomes of this process."""
        mover = self.mover
        if step.kind == "stay" or mover is None:
            self._tell_once(copies, kept, situation.time, step.kind, step.cloud, step.reason)
            return
        kept.reason = ""
        self._say(copies, situation.time, {"turn": "turned"}.get(step.kind, step.kind), step.reason)
        if step.kind == "burst":
            mover.burst(copies.application, step.cloud, _beginning(copies, situation, step.cloud))
        elif step.kind == "end":
            mover.end(copies.application, step.cloud)
        else:
            mover.turn(copies.application, step.cloud)

    def _tell_once(self, copies: Copies, kept: _Kept, now: float, kind: str, cloud: str, reason: str) -> None:
        """Why nothing is done, or what would be, when that changes."""
        mark = _without_figures(reason) if kind == "stay" else f"{kind} {cloud}"
        if mark != kept.reason:
            self._say(copies, now, "copies", reason)
        kept.reason = mark

    def _say(self, copies: Copies, now: float, kind: str, text: str) -> None:
        _log.info("%s: %s", copies.application, text)
        copies.home.notes.event(copies.home.stack, now, kind, text)
        copies.home.said.append(text)


def _without_figures(text: str) -> str:
    return "".join(letter for letter in text if not letter.isdigit())


def _beginning(copies: Copies, now: Situation, cloud: str) -> ScaleState | None:
    """What a copy begins with, as far as it may have it there: the members that fit nowhere else; where
    nothing is left of the others, those that were at home."""
    view = copies.home_view
    if now.dead:
        named = ((key, view.bounds.path_of(key, view.bounds.clusters)) for key in view.scale.clusters)
        counts = {key: _at_most(view, path, cloud, view.scale.clusters[key]) for key, path in named if path}
        return ScaleState(clusters=counts, groups=dict(view.scale.groups))
    clusters = {}
    for path, need in (now.need or {}).items():
        if "/" in path:
            continue  # group instances are the loop's to grow
        expected = max(need, *(each.get(path, 0.0) for each in now.ahead.values()), 0.0)
        missing = math.ceil(expected - 1e-9) - now.carry(path)
        members = _at_most(view, path, cloud, missing)
        if members > view.clusters[path].bounds.min:
            clusters[path] = members
    return ScaleState(clusters=clusters) if clusters else None


def _at_most(view: View, path: str, cloud: str, members: int) -> int:
    """So many members, or what documents and deployment policy let a cluster have in a cloud."""
    cluster = view.clusters[path]
    bounds = [members, cluster.bounds.max]
    if view.placing is not None and cluster.copies:
        bounds.append(by_policy(view.placing.demands[cluster.copies[0].id], cloud) or cluster.bounds.max)
    return max(cluster.bounds.min, min(bounds))

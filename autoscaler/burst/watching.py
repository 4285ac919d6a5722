"""The copies of applications, looked at together each period: members spread over them, moves begun, requests
shared. Nothing here waits: moves, front doors and listings of hosts are at work in the background."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autoscaler.burst import deciding
from autoscaler.burst.deciding import CopySight, MoveSight, Situation, Standing, Step
from autoscaler.burst.deciding_shares import Entrance, Portion, spread, total, weights
from autoscaler.burst.records import Move
from autoscaler.burst.watching_capacity import Capacity
from autoscaler.burst.watching_demand import Demand
from autoscaler.burst.watching_doors import Doors
from autoscaler.burst.watching_leads import Leads
from autoscaler.burst.watching_moves import Mover, News
from autoscaler.burst.watching_room import Refusals, room
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.deciding import BY_HAND, HELD, STALLED, Guidance
from autoscaler.loop.watched import ScaledCluster, View
from autoscaler.observe.members import NOTHING
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.scale import ScaleState

_log = logging.getLogger(__name__)

UNSCHEDULABLE = "Unschedulable"


@dataclass
class _Kept:
    """What is kept of one application from look to look."""

    standing: Standing = field(default_factory=Standing)
    demand: Demand = field(default_factory=Demand)
    reason: str = ""
    resumed: bool = False
    was_moving: bool = False


@dataclass(frozen=True)
class Copies:
    """The stacks of one application that are looked at: its home, and all in the policy's order."""

    application: str
    home: ApplicationLoop
    all: tuple[ApplicationLoop, ...]
    policy: ApplicationPolicy | None

    @property
    def home_view(self) -> View:
        """The home's; it is always there."""
        assert self.home.view is not None
        return self.home.view

    def settled(self) -> list[ApplicationLoop]:
        """Those that answer and that no move has to itself."""
        return [
            each
            for each in self.all
            if each.considered is not None and not each.moving and not each.considered.view.resting
        ]


@dataclass
class Watching:
    """All applications with a policy about places. mover: None decides, and moves and tells nobody."""

    capacity: Capacity
    leads: Leads
    mover: Mover | None
    doors: Doors | None
    period: float
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _refusals: Refusals = field(default_factory=Refusals)
    _rooms: dict[str, dict[str, int | None]] = field(default_factory=dict)

    def before(self, loops: Mapping[str, ApplicationLoop]) -> None:
        """Before anything is decided: which stacks belong to a move, so that nobody else touches them."""
        for copies in _applications(loops):
            move = self.mover.under_way(copies.application) if self.mover is not None else None
            for each in copies.all:
                taken = move is not None and (move.kind == "migrate" or each.stack == move.stack)
                each.moving = move.words if move is not None and taken else ""

    def guide(self, loops: Mapping[str, ApplicationLoop], now: float) -> dict[str, Guidance]:
        """What every stack is to have, by stack, once its clusters have been considered."""
        found: dict[str, Guidance] = {}
        self.capacity.keep(
            each.view.cloud for each in loops.values() if each.view is not None and each.view.placing
        )
        for stack, each in loops.items():
            if each.view is not None and each.view.placing is not None and each.considered is not None:
                self._rooms[stack] = self._room(each, now)
                bounded = {path: most for path, most in self._rooms[stack].items() if most is not None}
                if bounded:
                    found[stack] = Guidance(most=bounded)
        for gone in set(self._rooms) - set(loops):
            del self._rooms[gone]
        for copies in _applications(loops):
            if copies.policy is not None and len(copies.settled()) > 1:
                for stack, wanted in self._spread(copies).items():
                    found[stack] = Guidance(*wanted, reasons=_told(loops[stack], wanted[0]))
        return found

    def act(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """After all is decided: hear of moves, begin one, and tell the front doors."""
        if self.mover is None:
            return
        present = set()
        for copies in _applications(loops):
            present.add(copies.application)
            if copies.policy is None or copies.home.elsewhere:
                continue
            try:
                self._act(self.mover, copies, now)
            except Exception as error:
                _log.exception("%s", copies.application)
                self._say(
                    copies, now, "failed", f"unexpected {type(error).__name__}: {error}; please report it"
                )
        for gone in set(self._kept) - present:
            del self._kept[gone]
        self.mover.settle()

    def hear(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """Note what became of moves."""
        if self.mover is None:
            return
        for copies in _applications(loops):
            for news in self.mover.news(copies.application):
                self._hear(copies, news, now)

    def close(self) -> None:
        """End everything in order; a move that goes on is resumed at the next start."""
        self.capacity.close()
        if self.mover is not None:
            self.mover.close()
        if self.doors is not None:
            self.doors.close()

    # --- members ---

    def _room(self, loop: ApplicationLoop, now: float) -> dict[str, int | None]:
        """By path how many members there may be over all group instances; None where nothing bounds them."""
        view = loop.view
        assert view is not None
        assert view.placing is not None
        seen, found = self.capacity.of(view.cloud), {}
        for path, cluster in view.clusters.items():
            rooms = []
            for copy in cluster.copies:
                members = [m for m in loop.seen.get(copy.name, NOTHING).members if not m.leaving]
                refused = any(not m.host and UNSCHEDULABLE in m.state for m in members)
                rooms.append(
                    room(
                        view.placing.demands[copy.id],
                        view.cloud,
                        (view.plan.namespace, copy.name),
                        seen,
                        sum(bool(member.host) for member in members),
                        copy.members,
                        self._refusals.note((loop.stack, copy.id), refused, now),
                    )
                )
            found[path] = None if not rooms or None in rooms else sum(each or 0 for each in rooms)
        return found

    def _most(self, loop: ApplicationLoop, path: str) -> int:
        """The most members of a cluster in a copy: by its documents, and by the room there is."""
        view = loop.view
        assert view is not None
        cluster = view.clusters[path]
        by_documents = cluster.bounds.max * view.bounds.most_copies(path)
        bound = self._rooms.get(loop.stack, {}).get(path)
        return by_documents if bound is None else max(cluster.bounds.min, min(by_documents, bound))

    def _spread(self, copies: Copies) -> dict[str, tuple[dict[str, int], dict[str, int]]]:
        """The members that each copy is to have, and the room it has, by stack."""
        settled = copies.settled()
        found: dict[str, tuple[dict[str, int], dict[str, int]]] = {
            each.stack: ({}, {p: m for p, m in self._rooms[each.stack].items() if m is not None})
            for each in settled
        }
        paths = {path for each in settled for path in _by_load(each)}
        evenly = copies.policy is not None and copies.policy.order == "all-at-once"
        for path in sorted(paths):
            having = [each for each in settled if path in _by_load(each)]
            if len(having) > 1:
                portions = [self._portion(each, path) for each in having]
                asked = sum(each.considered.view.clusters[path].members for each in having if each.considered)
                given = spread(portions, total(portions, asked, _need_of(having, path)), evenly)
                for each in having:
                    found[each.stack][0][path] = given[each.stack]
        return found

    def _portion(self, loop: ApplicationLoop, path: str) -> Portion:
        assert loop.considered is not None
        decision, cluster = loop.considered.decisions[path], loop.considered.view.clusters[path]
        wanted, least = loop.considered.wanted[path], cluster.bounds.min * len(cluster.copies)
        most = self._most(loop, path)
        held = HELD.intersection(decision.holds)
        if held == {STALLED}:
            most = min(most, cluster.members)
        elif held:
            least = max(least, cluster.members)
        elif "minimum" in decision.holds and decision.band is not None:
            wanted = min(wanted, decision.band.target)
        if "scheduled-minimum" in decision.holds or BY_HAND in decision.holds:
            least = max(least, wanted)
        ready = _ready(loop, cluster)
        return Portion(loop.stack, wanted, min(least, most), most, cluster.members, ready)

    # --- copies ---

    def _act(self, mover: Mover, copies: Copies, now: float) -> None:
        kept = self._kept.setdefault(copies.application, _Kept())
        for news in mover.news(copies.application):
            self._hear(copies, news, now)
        move = mover.under_way(copies.application)
        if move is not None and not mover.ours(copies.application):
            self._resume(mover, copies, kept, move, now)
        else:
            kept.resumed = False
        self._share(copies, kept, moving=move is not None)
        if copies.home_view.resting:
            kept.standing = Standing()
            return
        situation = self._situation(mover, copies, kept, move, now)
        step, kept.standing = deciding.decide(situation, kept.standing)
        self._take(mover, copies, kept, situation, step)

    def _resume(self, mover: Mover, copies: Copies, kept: _Kept, move: Move, now: float) -> None:
        """Nobody of this process is at the move: whoever was is dead, or a person is at it now."""
        if mover.resume(copies.application) and not kept.resumed:
            at = f" at {move.step!r}" if move.step else ""
            text = f"The {move.words} was left{at}: going on with it."
            self._say(copies, now, "resumed", text)
            kept.resumed = True

    def _hear(self, copies: Copies, news: News, now: float) -> None:
        self._say(copies, now, news.kind, news.text)
        if news.kind == "done" and news.move == "burst" and news.seconds is not None:
            try:
                self.leads.took(copies.application, news.cloud, news.seconds)
            except OSError as error:
                _log.warning("what was learnt cannot be kept: %s", error)

    def _situation(
        self, mover: Mover, copies: Copies, kept: _Kept, move: Move | None, now: float
    ) -> Situation:
        policy, placing = copies.policy, copies.home_view.placing
        assert policy is not None
        assert placing is not None
        kind = policy.burst.cloud if policy.burst is not None else "warm"
        lead = {
            cloud: self.leads.of(copies.application, cloud, kind)
            for cloud in dict.fromkeys(placing.clouds.values())
            if cloud != copies.home_view.cloud
        }
        need = _need(copies, policy)
        ahead: dict[str, dict[str, float]] = {}
        if need is not None and policy.burst is not None:
            known = max((_lead(each) for each in copies.settled()), default=0.0)
            beyond = {cloud: max(self.period, seconds - known) for cloud, seconds in lead.items()}
            ahead = kept.demand.look(now, self.period, need, beyond)
        return Situation(
            now,
            policy,
            placing.clouds,
            copies.home_view.cloud,
            tuple(self._sight(each) for each in copies.all if each.view is not None),
            need,
            ahead,
            lead,
            None
            if move is None
            else MoveSight(move.kind, move.cloud, bool(move.turned) or mover.turning(copies.application)),
            mover.unfit(copies.application),
        )

    def _sight(self, loop: ApplicationLoop) -> CopySight:
        assert loop.view is not None
        clusters = loop.view.clusters
        return CopySight(
            loop.view.cloud,
            {path: self._most(loop, path) for path in clusters} if loop.considered is not None else {},
            {path: _ready(loop, cluster) for path, cluster in clusters.items()},
            loop.considered is not None,
        )

    def _take(self, mover: Mover, copies: Copies, kept: _Kept, situation: Situation, step: Step) -> None:
        """Begin the step. It is in the journal before the next look, whatever becomes of this process."""
        if step.kind == "stay":
            mark = _without_figures(step.reason)
            if mark != kept.reason:
                self._say(copies, situation.time, "copies", step.reason)
            kept.reason = mark
            return
        kept.reason = ""
        self._say(copies, situation.time, {"turn": "turned"}.get(step.kind, step.kind), step.reason)
        if step.kind == "burst":
            mover.burst(copies.application, step.cloud, self._beginning(copies, situation))
        elif step.kind == "end":
            mover.end(copies.application, step.cloud)
        else:
            mover.turn(copies.application, step.cloud)

    def _beginning(self, copies: Copies, now: Situation) -> ScaleState | None:
        """What a copy begins with: the members that fit nowhere else, as far as it may have them."""
        clusters, view = {}, copies.home_view
        for path, need in (now.need or {}).items():
            if "/" in path:
                continue  # group instances are the loop's to grow
            expected = max(need, *(each.get(path, 0.0) for each in now.ahead.values()), 0.0)
            missing = math.ceil(expected - 1e-9) - now.carry(path)
            bounds = view.clusters[path].bounds
            if missing > bounds.min:
                clusters[path] = min(bounds.max, missing)
        return ScaleState(clusters=clusters) if clusters else None

    # --- requests ---

    def _share(self, copies: Copies, kept: _Kept, moving: bool) -> None:
        """Tell the front door; a move tells it by itself."""
        if self.doors is None:
            return
        if moving:
            kept.was_moving = True
            return
        if kept.was_moving:
            self.doors.forget(copies.application)
            kept.was_moving = False
        found, ask = [], False
        for each in copies.all:
            view = each.view
            if view is None or view.placing is None:
                continue
            paths = view.placing.entries & view.clusters.keys()
            ready = {path: _ready(each, view.clusters[path]) for path in paths}
            if each.considered is None:
                # Its API server is away, which says nothing about its members: the door's own checks do.
                ask = True
                serves = self.doors.serves(copies.application, view.cloud)
                ready = {path: view.clusters[path].members if serves else 0 for path in paths}
            found.append(Entrance(view.cloud, ready))
        given = weights(found)
        if len(found) > 1 and self.doors.wish(copies.application, given, ask):
            shares = ", ".join(f"{cloud} {weight / 10:.1f} %" for cloud, weight in given.items())
            text = f"Requests are shared by ready members: {shares}."
            self._say(copies, copies.home.considered.time if copies.home.considered else 0.0, "shared", text)

    def _say(self, copies: Copies, now: float, kind: str, text: str) -> None:
        _log.info("%s: %s", copies.application, text)
        copies.home.notes.event(copies.home.stack, now, kind, text)
        copies.home.said.append(text)


def _applications(loops: Mapping[str, ApplicationLoop]) -> Iterator[Copies]:
    """Applications whose home is readable and has a policy about places."""
    by_name: dict[str, list[ApplicationLoop]] = {}
    for stack, loop in loops.items():
        by_name.setdefault(stack.removeprefix("app-").partition("--")[0], []).append(loop)
    for name, found in by_name.items():
        home = next((each for each in found if each.stack == f"app-{name}"), None)
        if home is None or home.view is None or home.view.placing is None:
            continue
        placing = home.view.placing
        order = [home.view.cloud, *placing.clouds.values()]

        def rank(loop: ApplicationLoop, home: ApplicationLoop = home, order: list[str] = order) -> int:
            cloud = loop.view.cloud if loop.view is not None else ""
            return -1 if loop is home else order.index(cloud) if cloud in order else len(order)

        yield Copies(name, home, tuple(sorted(found, key=rank)), placing.policy)


def _by_load(loop: ApplicationLoop) -> list[str]:
    """The clusters that load decides about; those that people have pinned stay as they are."""
    found = loop.considered
    if found is None:
        return []
    clusters = found.view.clusters
    return [
        path
        for path in found.decisions
        if (policy := clusters[path].policy) is not None and policy.pinned is None and not policy.paused
    ]


def _need(copies: Copies, policy: ApplicationPolicy) -> dict[str, float] | None:
    """What the load asks for by path, over the copies that answer; None while it is not known.

    Clusters with data do not count unless they are replicated: another copy is no help for them.
    """
    data = policy.burst.data if policy.burst is not None else "replicate"
    found: dict[str, float] = {}
    answering = copies.settled()
    for path in sorted({path for each in answering for path in _by_load(each)}):
        having = [each for each in answering if path in _by_load(each)]
        views = [each.considered.view for each in having if each.considered is not None]
        if data != "replicate" and any(c.persistence for view in views for c in view.clusters[path].copies):
            continue
        need = _need_of(having, path)
        if need is None:
            return None
        found[path] = need
    return found if answering else None


def _need_of(having: Sequence[ApplicationLoop], path: str) -> float | None:
    """What the load asks for over copies that have the cluster; None while it is not known of all."""
    needs = [each.considered.decisions[path].need for each in having if each.considered is not None]
    known = [need for need in needs if need is not None]
    return sum(known) if len(known) == len(needs) else None


def _lead(loop: ApplicationLoop) -> float:
    """How far ahead its decisions look already."""
    assert loop.considered is not None
    return max((each.lead_seconds for each in loop.considered.decisions.values()), default=0.0)


def _ready(loop: ApplicationLoop, cluster: ScaledCluster) -> int:
    return sum(loop.seen.get(copy.name, NOTHING).ready for copy in cluster.copies)


def _told(loop: ApplicationLoop, wanted: Mapping[str, int]) -> tuple[str, ...]:
    assert loop.considered is not None
    return tuple(
        f"{path}: {count} of what all copies need go to {loop.considered.view.cloud}."
        for path, count in wanted.items()
        if count != loop.considered.wanted[path]
    )


def _without_figures(text: str) -> str:
    return "".join(letter for letter in text if not letter.isdigit())

"""Single clusters over several clouds: their members spread each look, and the stacks around those beside the
home begun and ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.burst.deciding import MoveSight
from autoscaler.burst.deciding_overflow import (
    Beyond,
    OverflowSight,
    OverflowStanding,
    OverflowStep,
    decide,
)
from autoscaler.burst.records import Move
from autoscaler.burst.watching_copies import Copies, by_load
from autoscaler.burst.watching_demand import Demand
from autoscaler.burst.watching_leads import Leads
from autoscaler.burst.watching_members import Members
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.deciding import ALONE, Guidance
from policies.placement import problem
from policies.placement.overflow import Spread, Want, settled, spread_over_clouds

Reasons = tuple[str, ...]


@dataclass
class _Kept:
    """What is kept of one application from look to look. `spread`: of this look, by cluster id."""

    standing: OverflowStanding = field(default_factory=OverflowStanding)
    demand: Demand = field(default_factory=Demand)
    spread: Mapping[str, Spread] = field(default_factory=dict)


@dataclass
class Overflow:
    """All applications whose clusters overflow singly. `guide` comes before `look`, each once a period."""

    members: Members
    leads: Leads
    period: float
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def guide(self, copies: Copies, found: dict[str, Guidance]) -> None:
        """What the home and those beside it are to have goes into `found`, by stack."""
        kept = self._kept.setdefault(copies.application, _Kept())
        kept.spread = {}
        if copies.home.considered is None or copies.home_view.resting or copies.home.moving:
            return
        wanted = self._wanted(copies)
        kept.spread = self._spread(copies, wanted)
        if not copies.beside() and not any(each.beyond for each in kept.spread.values()):
            return  # all are at home, which has its room already: what jumps may be acted on at once
        home = found.get(copies.home.stack, ALONE)
        here = {id: each.clouds[copies.home_view.cloud] for id, each in kept.spread.items()}
        told = [
            f"{id}: {reason}."
            for id, each in kept.spread.items()
            for reason in each.reasons
            if len(each.clouds) > 1
        ]
        found[copies.home.stack] = replace(
            home,
            wanted={**home.wanted, **here},
            most={**home.most, **here},
            reasons=(*home.reasons, *told),
        )
        for cloud, loop in copies.beside().items():
            if loop.considered is None or loop.moving:
                continue
            there = {
                path: kept.spread[path].clouds.get(cloud, 0) if path in kept.spread else 0
                for path in loop.considered.view.clusters
            }
            reasons = tuple(
                f"{path}: {count} of {wanted.get(path, 0)} go to {cloud}." for path, count in there.items()
            )
            found[loop.stack] = Guidance(wanted=there, reasons=reasons)

    def look(
        self, copies: Copies, now: float, move: Move | None, turned: bool, unfit: Mapping[str, str]
    ) -> OverflowStep:
        """The step to take with the stacks beside the home."""
        kept = self._kept.setdefault(copies.application, _Kept())
        sight = self._sight(copies, kept, now)
        if move is not None:
            sight = replace(sight, move=MoveSight(move.kind, move.cloud, turned))
        step, kept.standing = decide(replace(sight, unfit=unfit), kept.standing)
        return step

    def keep(self, applications: set[str]) -> None:
        """Forget all others."""
        for gone in set(self._kept) - applications:
            del self._kept[gone]

    # --- how ---

    def _wanted(self, copies: Copies) -> dict[str, int]:
        """Members over all clouds by cluster id, of those that load decides about."""
        considered, placing = copies.home.considered, copies.home_view.placing
        assert considered is not None
        assert placing is not None
        bounds = copies.home_view.bounds.clusters
        scaled = set(by_load(copies.home))
        return {
            id: self._bounded(copies, id, min(bounds[id].max, considered.wanted[id]))
            for id in placing.overflowing.clusters
            if id in scaled and id in considered.wanted
        }

    def _bounded(self, copies: Copies, id: str, members: int) -> int:
        return min(members, self.members.quotas.most.get((copies.application, id), members))

    def _spread(self, copies: Copies, wanted: Mapping[str, int]) -> dict[str, Spread]:
        view = copies.home_view
        assert view.placing is not None
        wants = []
        for id, count in wanted.items():
            demand = self._as_it_is(copies, view.placing.demands[id])
            wants.append(Want(replace(demand, members=count), view.bounds.clusters[id].min))
        beside = {each for want in wants for each in want.demand.near} - set(wanted)
        near = [self._as_it_is(copies, view.placing.demands[id]) for id in sorted(beside)]
        listings = {cloud: self.members.capacity.of(cloud) for cloud in self._clouds(copies)}
        hosts = {cloud: each.free for cloud, each in listings.items() if each is not None}
        return spread_over_clouds(wants, view.cloud, hosts, near)

    def _as_it_is(self, copies: Copies, demand: problem.Demand) -> problem.Demand:
        """With the members that are asked for now, and the clouds that take no more."""
        counts: dict[str, int] = {}
        closed: set[str] = set()
        stacks = {copies.home_view.cloud: copies.home, **copies.beside()}
        for cloud in self._clouds(copies):
            loop = stacks.get(cloud)
            considered = loop.considered if loop is not None else None
            known = self.members.capacity.of(cloud) is not None
            if considered is None and (loop is not None or not known):
                closed.add(cloud)  # it does not answer: what it has counts for nobody
            elif loop is not None and considered is not None:
                cluster = considered.view.clusters.get(demand.cluster)
                count = cluster.members if cluster is not None else 0
                full = self.members.full(loop.stack, demand.cluster)
                counts[cloud] = count if full is None else min(count, full)
                closed |= set() if full is None else {cloud}
        shut = frozenset(s.place.key for s in demand.rules.shares if s.place.cloud in closed)
        return replace(demand, now=settled(demand, counts), full=shut, unschedulable={})

    def _clouds(self, copies: Copies) -> list[str]:
        placing = copies.home_view.placing
        assert placing is not None
        return list(dict.fromkeys((copies.home_view.cloud, *placing.overflowing.by_cloud)))

    def _sight(self, copies: Copies, kept: _Kept, now: float) -> OverflowSight:
        placing = copies.home_view.placing
        assert placing is not None
        beside, by_cloud = copies.beside(), placing.overflowing.by_cloud
        clouds = list(dict.fromkeys((*by_cloud, *beside)))
        learnt = {cloud: self.leads.of(copies.application, cloud, "warm") for cloud in clouds}
        leads = {cloud: placing.leads.get(cloud, seconds) for cloud, seconds in learnt.items()}
        beyond = tuple(
            Beyond(
                cloud,
                by_cloud.get(cloud, ()),
                tuple(_clusters(beside[cloud])) if cloud in beside else None,
                max((placing.holds.get(id, 0.0) for id in by_cloud.get(cloud, ())), default=0.0),
                cloud not in beside or not any(_clusters(beside[cloud]).values()),
            )
            for cloud in clouds
        )
        why = {id: "; ".join(dict.fromkeys(each.reasons)) for id, each in kept.spread.items()}
        return OverflowSight(
            now, beyond, _by_cloud(kept.spread), self._ahead(copies, kept, leads, now), leads, why
        )

    def _ahead(
        self, copies: Copies, kept: _Kept, leads: Mapping[str, float], now: float
    ) -> dict[str, dict[str, int]]:
        """Members in each further cloud by the time a stack there could serve."""
        considered = copies.home.considered
        if considered is None or not kept.spread:
            return {}
        needs = {id: considered.decisions[id].need for id in kept.spread}
        known = {id: need for id, need in needs.items() if need is not None}
        looks = max((considered.decisions[id].lead_seconds for id in known), default=0.0)
        beyond = {cloud: max(self.period, seconds - looks) for cloud, seconds in leads.items()}
        found: dict[str, dict[str, int]] = {}
        for cloud, expected in kept.demand.look(now, self.period, known, beyond).items():
            later = {id: self._later(copies, id, need) for id, need in expected.items()}
            found[cloud] = _by_cloud(self._spread(copies, later)).get(cloud, {})
        return found

    def _later(self, copies: Copies, id: str, need: float) -> int:
        bounds = copies.home_view.bounds.clusters[id]
        members = min(bounds.max, max(bounds.min, math.ceil(need - 1e-9)))
        return self._bounded(copies, id, members)


def _clusters(loop: ApplicationLoop) -> dict[str, int]:
    assert loop.view is not None
    return {path: cluster.members for path, cluster in loop.view.clusters.items()}


def _by_cloud(spread: Mapping[str, Spread]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for id, each in spread.items():
        for cloud, count in each.clouds.items():
            found.setdefault(cloud, {})[id] = count
    return found

"""How many members each copy of an application is to have: the room there is, and what all copies share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from autoscaler.burst.deciding_shares import Portion, spread, total
from autoscaler.burst.watching_capacity import Capacity
from autoscaler.burst.watching_copies import Copies, applications, by_load, need_of, ready
from autoscaler.burst.watching_quotas import Quotas, under_quotas
from autoscaler.burst.watching_room import Instance, Listing, Refusals, Room, room, shared_room
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.deciding import ALONE, BY_HAND, HELD, STALLED, Guidance
from autoscaler.observe.members import NOTHING

UNSCHEDULABLE = "Unschedulable"


@dataclass
class Members:
    """The room of every cluster is looked up once a period, by `guide`."""

    capacity: Capacity
    _refusals: Refusals = field(default_factory=Refusals)
    quotas: Quotas = field(default_factory=Quotas)
    """As of the last look."""
    _rooms: dict[str, dict[str, Room]] = field(default_factory=dict)
    _full: dict[tuple[str, str], int] = field(default_factory=dict)

    def guide(self, loops: Mapping[str, ApplicationLoop], now: float) -> dict[str, Guidance]:
        """What every stack is to have, by stack, once its clusters have been considered."""
        found: dict[str, Guidance] = {}
        self.capacity.keep(_clouds(loops))
        for stack, each in loops.items():
            if each.view is not None and each.view.placing is not None and each.considered is not None:
                self._rooms[stack] = self._room(each, now)
                found[stack] = self._bounded(stack)
        for gone in set(self._rooms) - set(loops):
            del self._rooms[gone]
        together = [each for each in applications(loops) if each.policy is not None]
        together = [each for each in together if len(each.settled()) > 1]
        asked = {each.application: self._asked(each) for each in together}
        quotas = self.quotas = under_quotas(loops, asked)
        for stack, (most, reasons) in quotas.alone.items():
            before = found.get(stack, ALONE)
            least = {p: min(n, before.most.get(p, n)) for p, n in most.items()}
            found[stack] = replace(before, most={**before.most, **least}, reasons=(*before.reasons, *reasons))
        for copies in together:
            for stack, wanted in self._spread(copies, asked[copies.application], quotas).items():
                told = (*_told(loops[stack], wanted), *quotas.reasons.get(copies.application, ()))
                found[stack] = replace(found[stack], wanted=wanted, reasons=told)
        return {stack: each for stack, each in found.items() if each != ALONE}

    def _bounded(self, stack: str) -> Guidance:
        rooms = self._rooms[stack]
        return Guidance(
            most={path: room.total for path, room in rooms.items() if room.total is not None},
            each={path: room.each for path, room in rooms.items() if room.each is not None},
        )

    def _room(self, loop: ApplicationLoop, now: float) -> dict[str, Room]:
        """The room of each cluster by path."""
        view = loop.view
        assert view is not None
        assert view.placing is not None
        seen, found = self.capacity.of(view.cloud), {}
        for path, cluster in view.clusters.items():
            instances = []
            for copy in cluster.copies:
                members = [m for m in loop.seen.get(copy.name, NOTHING).members if not m.leaving]
                refused = any(not m.host and UNSCHEDULABLE in m.state for m in members)
                instances.append(
                    Instance(
                        view.placing.demands[copy.id],
                        (view.plan.namespace, copy.name),
                        sum(bool(member.host) for member in members),
                        copy.members,
                        self._refusals.note((loop.stack, copy.id), refused, now),
                    )
                )
            found[path] = _room_of(path, instances, view.cloud, seen)
            for copy, each in zip(cluster.copies, instances, strict=True):
                self._full.pop((loop.stack, copy.id), None)
                if each.full:
                    self._full[loop.stack, copy.id] = each.scheduled
        return found

    def full(self, stack: str, id: str) -> int | None:
        """How many members are on hosts, where the scheduler has refused more; None where it has not."""
        return self._full.get((stack, id))

    def most(self, loop: ApplicationLoop, path: str) -> int:
        """The most members of a cluster in a copy: by its documents, and by the room there is, which may be
        less than what the documents want at least."""
        view = loop.view
        assert view is not None
        cluster = view.clusters[path]
        instances = view.bounds.most_copies(path)
        room = self._rooms.get(loop.stack, {}).get(path, Room())
        bounds = [cluster.bounds.max * instances]
        bounds += [] if room.total is None else [room.total]
        bounds += [] if room.each is None else [room.each * instances]
        return min(bounds)

    def _asked(self, copies: Copies) -> dict[str, int]:
        """What all copies together want of each cluster that load decides about, by path."""
        found = {}
        for path, having in _shared(copies).items():
            portions = [self._portion(each, path) for each in having]
            asked = sum(each.considered.view.clusters[path].members for each in having if each.considered)
            found[path] = total(portions, asked, need_of(having, path))
        return found

    def _spread(self, copies: Copies, asked: Mapping[str, int], quotas: Quotas) -> dict[str, dict[str, int]]:
        """The members that each copy is to have, by stack."""
        found: dict[str, dict[str, int]] = {each.stack: {} for each in copies.settled()}
        evenly = copies.policy is not None and copies.policy.order == "all-at-once"
        for path, having in _shared(copies).items():
            portions = [self._portion(each, path) for each in having]
            left = min(asked[path], quotas.together.get((copies.application, path), asked[path]))
            for stack, members in spread(portions, left, evenly).items():
                found[stack][path] = members
        return found

    def _portion(self, loop: ApplicationLoop, path: str) -> Portion:
        assert loop.considered is not None
        decision, cluster = loop.considered.decisions[path], loop.considered.view.clusters[path]
        wanted, least = loop.considered.wanted[path], cluster.bounds.min * len(cluster.copies)
        most = self.most(loop, path)
        held = HELD.intersection(decision.holds)
        if held == {STALLED}:
            most = min(most, cluster.members)
        elif held:
            least = max(least, cluster.members)
        elif "minimum" in decision.holds and decision.band is not None:
            wanted = min(wanted, decision.band.target)
        if "scheduled-minimum" in decision.holds or BY_HAND in decision.holds:
            least = max(least, wanted)
        return Portion(loop.stack, wanted, min(least, most), most, cluster.members, ready(loop, cluster))


def _clouds(loops: Mapping[str, ApplicationLoop]) -> set[str]:
    """The clouds whose free room matters."""
    views = [each.view for each in loops.values() if each.view is not None]
    further = (each.placing.overflowing.by_cloud for each in views if each.placing is not None)
    return {each.cloud for each in views if each.placing} | {cloud for found in further for cloud in found}


def _room_of(path: str, instances: list[Instance], cloud: str, seen: Listing | None) -> Room:
    if not instances:
        return Room()
    if "/" in path:
        return shared_room(instances, cloud, seen)
    only = instances[0]
    return Room(room(only.demand, cloud, only.where, seen, only.scheduled, only.asked, only.full))


def _shared(copies: Copies) -> dict[str, list[ApplicationLoop]]:
    """The settled copies that have a cluster which load decides about, where there are several."""
    settled = copies.settled()
    paths = sorted({path for each in settled for path in by_load(each)})
    found = {path: [each for each in settled if path in by_load(each)] for path in paths}
    return {path: having for path, having in found.items() if len(having) > 1}


def _told(loop: ApplicationLoop, wanted: Mapping[str, int]) -> tuple[str, ...]:
    assert loop.considered is not None
    return tuple(
        f"{path}: {count} of what all copies need go to {loop.considered.view.cloud}."
        for path, count in wanted.items()
        if count != loop.considered.wanted[path]
    )

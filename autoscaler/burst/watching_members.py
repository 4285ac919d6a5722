"""How many members each copy of an application is to have: the room there is, and what all copies share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.burst.deciding_shares import Portion, spread, total
from autoscaler.burst.watching_capacity import Capacity
from autoscaler.burst.watching_copies import Copies, applications, by_load, need_of, ready
from autoscaler.burst.watching_room import Refusals, room
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.deciding import BY_HAND, HELD, STALLED, Guidance
from autoscaler.observe.members import NOTHING

UNSCHEDULABLE = "Unschedulable"


@dataclass
class Members:
    """The room of every cluster is looked up once a period, by `guide`."""

    capacity: Capacity
    _refusals: Refusals = field(default_factory=Refusals)
    _rooms: dict[str, dict[str, int | None]] = field(default_factory=dict)

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
        for copies in applications(loops):
            if copies.policy is not None and len(copies.settled()) > 1:
                for stack, wanted in self._spread(copies).items():
                    found[stack] = Guidance(*wanted, reasons=_told(loops[stack], wanted[0]))
        return found

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

    def most(self, loop: ApplicationLoop, path: str) -> int:
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
        paths = {path for each in settled for path in by_load(each)}
        evenly = copies.policy is not None and copies.policy.order == "all-at-once"
        for path in sorted(paths):
            having = [each for each in settled if path in by_load(each)]
            if len(having) > 1:
                portions = [self._portion(each, path) for each in having]
                asked = sum(each.considered.view.clusters[path].members for each in having if each.considered)
                given = spread(portions, total(portions, asked, need_of(having, path)), evenly)
                for each in having:
                    found[each.stack][0][path] = given[each.stack]
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

    # --- copies ---


def _told(loop: ApplicationLoop, wanted: Mapping[str, int]) -> tuple[str, ...]:
    assert loop.considered is not None
    return tuple(
        f"{path}: {count} of what all copies need go to {loop.considered.view.cloud}."
        for path, count in wanted.items()
        if count != loop.considered.wanted[path]
    )

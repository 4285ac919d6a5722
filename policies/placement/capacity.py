"""The room that hosts have left, drawn down as members are placed. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from policies.placement.problem import Host, Place, belongs

UNBOUNDED = 1 << 40
"""Room where nothing bounds it."""

Take = tuple[Place, int, int, int]
"""What to take: a place, a member's processor (thousandths) and memory (bytes), and how many such members."""

Saved = dict[int, tuple[list[int], list[int]]]


class Ledger:
    """Free capacity while members are being placed.

    Partitions are views of the same hosts and may overlap. Hosts that fewer places share are drawn
    first, so that a place does not take what only another could use.
    """

    def __init__(self, hosts: Mapping[str, tuple[Host, ...]], places: Iterable[Place]) -> None:
        seen: dict[tuple[str, str], int] = {}
        views: dict[Place, list[tuple[str, str]] | None] = {}
        for place in dict.fromkeys(places):
            if place.cloud not in hosts:
                views[place] = None
                continue
            views[place] = [(place.cloud, each.name) for each in hosts[place.cloud] if belongs(each, place)]
            for key in views[place] or ():
                seen[key] = seen.get(key, 0) + 1
        self._free = {
            (cloud, each.name): [max(each.cpu, 0), max(each.memory, 0), max(each.members, 0)]
            for cloud, listed in hosts.items()
            for each in listed
        }
        self._views = {
            place: None if keys is None else [self._free[key] for key in sorted(keys, key=seen.__getitem__)]
            for place, keys in views.items()
        }
        self._full: dict[tuple[Place, int, int], int] = {}

    def room(self, place: Place, cpu: int, memory: int, limit: int) -> int:
        """How many members of that size fit, counted up to `limit`."""
        hosts = self._views[place]
        if hosts is None:
            return limit
        found = 0
        for free in islice(hosts, self._first(place, hosts, cpu, memory), None):
            found += _fits(free, cpu, memory)
            if found >= limit:
                return limit
        return found

    def draw(self, wanted: Iterable[Take]) -> bool:
        """Take the room of all of `wanted`, or, where they do not fit side by side, nothing."""
        taken: list[tuple[list[int], int, int, int]] = []
        for place, cpu, memory, members in wanted:
            hosts = self._views[place]
            if hosts is None:
                continue
            left = members
            for free in islice(hosts, self._first(place, hosts, cpu, memory), None):
                here = min(left, _fits(free, cpu, memory))
                if here:
                    _change(free, -here, cpu, memory)
                    taken.append((free, here, cpu, memory))
                    left -= here
                if not left:
                    break
            if left:
                for free, here, was_cpu, was_memory in taken:
                    _change(free, here, was_cpu, was_memory)
                self._full.clear()
                return False
        return True

    def _first(self, place: Place, hosts: list[list[int]], cpu: int, memory: int) -> int:
        """How many hosts at the front are full for that size; they stay so until something is given back."""
        full = self._full.get((place, cpu, memory), 0)
        was = full
        while full < len(hosts) and not _fits(hosts[full], cpu, memory):
            full += 1
        if full != was:
            self._full[place, cpu, memory] = full
        return full

    def holds(self, wanted: Sequence[Take]) -> bool:
        """Whether all of `wanted` fit side by side. Takes nothing."""
        saved = self.saved(place for place, *_ in wanted)
        fits = self.draw(wanted)
        self.restore(saved)
        return fits

    def saved(self, places: Iterable[Place]) -> Saved:
        """What is free in places now."""
        return {id(free): (free, free.copy()) for place in places for free in self._views[place] or ()}

    def restore(self, saved: Saved) -> None:
        """Give back what was taken since."""
        for free, kept in saved.values():
            free[:] = kept
        self._full.clear()


def _fits(free: list[int], cpu: int, memory: int) -> int:
    room = free[2]
    if cpu:
        room = min(room, free[0] // cpu)
    if memory:
        room = min(room, free[1] // memory)
    return max(room, 0)


def _change(free: list[int], members: int, cpu: int, memory: int) -> None:
    free[0] += members * cpu
    free[1] += members * memory
    free[2] += members

"""Orders: chains of names as a directed graph, its cycles, and its stages."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K")

Predecessors = Mapping[str, tuple[str, ...]]
"""For each name, the names it waits for."""


def predecessors(chains: Iterable[Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """`[[a, b, c], [d, c]]` as what each name waits for: b for a, c for b and d."""
    found: dict[str, dict[str, None]] = {}
    for chain in chains:
        for before, after in itertools.pairwise(chain):
            found.setdefault(before, {})
            found.setdefault(after, {})[before] = None
    return {name: tuple(waits) for name, waits in found.items()}


def find_cycle(waits_for: Mapping[K, Sequence[K]]) -> tuple[K, ...]:
    """A cycle in starting order, its first element repeated at the end; empty where there is none."""
    done: set[K] = set()
    for root in waits_for:
        trail: list[K] = []
        on_trail: set[K] = set()
        pending: list[tuple[K, int]] = [(root, 0)]
        while pending:
            name, at = pending.pop()
            if at == 0:
                if name in done:
                    continue
                trail.append(name)
                on_trail.add(name)
            waits = waits_for.get(name, ())
            if at < len(waits):
                pending.append((name, at + 1))
                step = waits[at]
                if step in on_trail:
                    return _from_the_first(list(reversed(trail[trail.index(step) :])), list(waits_for))
                if step not in done:
                    pending.append((step, 0))
            else:
                trail.pop()
                on_trail.discard(name)
                done.add(name)
    return ()


def _from_the_first(cycle: list[K], order: list[K]) -> tuple[K, ...]:
    """The cycle begun at whichever of its names stands first in the order, and closed."""
    start = min(range(len(cycle)), key=lambda i: order.index(cycle[i]))
    turned = cycle[start:] + cycle[:start]
    return (*turned, turned[0])


def stages(waits_for: Mapping[K, Sequence[K]]) -> tuple[tuple[K, ...], ...]:
    """The names in stages: each stands in the first stage after all it waits for.

    Names keep their order inside a stage. Raises ValueError for a cycle.
    """
    remaining = {name: sum(1 for w in waits if w in waits_for) for name, waits in waits_for.items()}
    successors: dict[K, list[K]] = {}
    for name, waits in waits_for.items():
        for wait in waits:
            if wait in waits_for:
                successors.setdefault(wait, []).append(name)
    position = {name: index for index, name in enumerate(waits_for)}
    ready = [name for name, count in remaining.items() if count == 0]
    result: list[tuple[K, ...]] = []
    while ready:
        result.append(tuple(ready))
        following: list[K] = []
        for name in ready:
            for after in successors.get(name, ()):
                remaining[after] -= 1
                if remaining[after] == 0:
                    following.append(after)
        ready = sorted(following, key=position.__getitem__)
    if sum(map(len, result)) != len(waits_for):
        raise ValueError("the order holds a cycle: " + " → ".join(map(str, find_cycle(waits_for))))
    return tuple(result)


def transitive_successors(waits_for: Mapping[K, Sequence[K]], name: K) -> set[K]:
    """Everything that waits for `name`, directly or through others."""
    successors: dict[K, list[K]] = {}
    for after, waits in waits_for.items():
        for wait in waits:
            successors.setdefault(wait, []).append(after)
    found: set[K] = set()
    pending = list(successors.get(name, ()))
    while pending:
        step = pending.pop()
        if step not in found:
            found.add(step)
            pending += successors.get(step, ())
    return found

"""What a step took, whose turn it is, and what comes of all rounds. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

THIRD = 1.0 / 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """Seconds from the step until the last order that was needed, and until all needed members were ready.

    Infinite where it was not seen within the bench's limit. `load` is the machine's load average then.
    """

    ordered: float = math.inf
    ready: float = math.inf
    load: float = 0.0


def turns(competitors: Sequence[str], number: int) -> list[str]:
    """The order of a round: the other way round in every second one, and begun with the next in each pair."""
    shift = (number // 2) % len(competitors)
    rotated = [*competitors[shift:], *competitors[:shift]]
    return rotated[::-1] if number % 2 else rotated


def summary(rounds: Sequence[Mapping[str, Seen]], ours: Sequence[str], theirs: Sequence[str]) -> list[str]:
    """Markdown tables: medians over the rounds, and ours to theirs, of the medians and in each round."""
    if not rounds:
        return ["no round was whole"]
    names = [name for name in (*ours, *theirs) if all(name in each for each in rounds)]
    lines = [
        "| who | ordered, median (least to most) | ready, median (least to most) |",
        "|---|---|---|",
    ]
    for name in names:
        ordered, ready = ([getattr(each[name], what) for each in rounds] for what in ("ordered", "ready"))
        lines.append(f"| {name} | {_span(ordered)} | {_span(ready)} |")
    lines += ["", "| ours to theirs, ready | of the medians | by round |", "|---|---|---|"]
    for one in ours:
        for other in theirs:
            if one in names and other in names:
                lines.append(
                    f"| {one} to {other} | {ratio(rounds, one, other):.2f} | {_each(rounds, one, other)} |"
                )
    return lines


def ratio(rounds: Sequence[Mapping[str, Seen]], one: str, other: str) -> float:
    """The median of one's times to ready members over the median of the other's."""
    first, second = (statistics.median(each[name].ready for each in rounds) for name in (one, other))
    return first / second if math.isfinite(first) else math.inf


def _each(rounds: Sequence[Mapping[str, Seen]], one: str, other: str) -> str:
    return ", ".join(f"{each[one].ready / each[other].ready:.2f}" for each in rounds)


def _span(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} s ({min(values):.1f} to {max(values):.1f})"

"""The sentence that goes with a decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autoscaler.decide.decision import Want
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY, REQUESTS

if TYPE_CHECKING:
    from autoscaler.decide.controller import Assessment

UNITS = {REQUESTS: " requests/s", LOAD_AVERAGE: " % load average in all", MEMORY: " %"}


def wanted(
    winner: str | None, found: Assessment, seen: Observation, members: int, band: Want, lead: float
) -> str:
    """Why the most demanding factor leads to ``members``."""
    ask = found.asks.get(winner or "")
    if ask is not None:
        what = (
            f"{winner} is expected at {ask.outlook.value:.4g}{UNITS.get(winner or '', '')} "
            f"(±{ask.outlook.sigma:.3g}) in {lead:.0f} s"
        )
        if found.wants[winner or ""] != ask.want:
            what += f", {seen.spec - seen.ready} of {seen.spec} are not ready and count as full"
    else:
        what = f"nobody is ready whose {winner} could be measured"
    current = seen.spec
    if members > current:
        return f"Up from {current} to {members}: {what}, and fewer than {band.low} are too few."
    if members < current and current > band.high:
        return f"Down from {current} to {members}: {what}, and more than {band.high} are too many."
    if members < current:
        return f"Down from {current} to {members}: {what}, and {members} have been enough for a while."
    if current > band.high:
        return f"Keep {current} for now: {what}, and fewer would do, but not for long enough yet."
    return f"Keep {current}: {what}, and {band.low} to {max(band.low, band.high)} members are right for that."


def nothing_known() -> str:
    return "Keep the members: nothing is known about the load yet."


def missing(
    ages: Mapping[str, float], lasting: float, declared: int | None, members: int, rest: str | None
) -> str:
    """Which factors are missing and what follows from it; ``members`` and ``rest`` are of the others."""
    what = f"No fresh value of {', '.join(sorted(ages))} for {lasting:.0f} s"
    if rest is None:
        return f"{what}, so {members} stay." if declared is None else f"{what}, so {_applies(declared)}."
    if declared is not None and declared > members:
        return f"{what}, so {_applies(declared)}: the other factors ask for {members}."
    if declared is not None:
        return f"{what}, and the declared fallback of {declared} is no more than the others ask for. {rest}"
    return f"{what}, and no member is taken away on that. {rest}"


def _applies(declared: int) -> str:
    return f"the declared fallback of {declared} applies"


def uncounted(reason: str) -> str:
    return (
        f"{reason} Requests without a `period` count from the next observation on: "
        "they are those since the one before."
    )


def clock_back(now: float, last: float) -> str:
    return f"Keep the members: the observation's time {now:.3f} is not after the last one's, {last:.3f}."


def paused(members: int) -> str:
    return f"Keep {members}: scaling is paused by policy."


def pinned(members: int) -> str:
    return f"Pinned to {members} by policy."


def idle(seconds: float, current: int) -> str:
    if current == 0:
        return "Keep 0: nothing is asked for, and the policy allows none to run."
    return f"Down to 0: nothing was asked for {seconds:.0f} s, and the policy allows none to run."


def raised(reason: str, members: int, minimum: int) -> str:
    if minimum == 0:
        return f"{reason} One member runs while it is not known to be idle for long enough."
    return f"{reason} The minimum makes it {members}."


def scheduled(reason: str, members: int, minimum: int) -> str:
    if minimum > members:
        return f"{reason} The scheduled minimum of {minimum} makes it {members}, the maximum."
    return f"{reason} The scheduled minimum makes it {members}."


def lowered(reason: str, members: int, maximum: int) -> str:
    return f"{reason} The maximum makes it {maximum} instead of {members}."

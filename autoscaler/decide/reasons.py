"""The sentence that goes with a decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autoscaler.decide.decision import Want
from autoscaler.decide.observation import Observation
from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY, REQUESTS

if TYPE_CHECKING:
    from autoscaler.decide.controller import Assessment

UNITS = {REQUESTS: " requests/s", LOAD_AVERAGE: " % load average in all"}


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
    elif winner == MEMORY:
        what = f"memory is at {seen.factors[MEMORY].value:.3g} %"
    else:
        what = f"{winner} decides"
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
    ages: Mapping[str, float], longest: float, declared: int | None, members: int, rest: str | None
) -> str:
    """Which factors are missing and what follows from it."""
    what = f"No fresh value of {', '.join(sorted(ages))} for {longest:.0f} s"
    if declared is not None:
        what += f", so the declared fallback of {declared} applies"
    elif rest:
        what += ", and no member is taken away on that"
    else:
        what += f", so {members} stay"
    return f"{what}. {rest}" if rest else f"{what}."


def clock_back(now: float, last: float) -> str:
    return f"Keep the members: the observation's time {now:.3f} is not after the last one's, {last:.3f}."


def paused(members: int) -> str:
    return f"Keep {members}: scaling is paused by policy."


def pinned(members: int) -> str:
    return f"Pinned to {members} by policy."


def idle(seconds: float) -> str:
    return f"Down to 0: no request for {seconds:.0f} s, and the policy allows none to run."


def raised(reason: str, members: int, scheduled: bool) -> str:
    return f"{reason} The {'scheduled ' if scheduled else ''}minimum makes it {members}."


def lowered(reason: str, members: int, maximum: int) -> str:
    return f"{reason} The maximum makes it {maximum} instead of {members}."

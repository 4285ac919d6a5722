"""What the controller answers: a member count, and everything needed to understand it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Want(NamedTuple):
    """Members one factor asks for: fewer than ``low`` is too few, more than ``high`` too many."""

    low: int
    target: int
    high: int


class Decision(NamedTuple):
    """One answer. ``members`` is what should run; ``reason`` is one sentence for people.

    ``factor`` is the most demanding one, ``band`` its (low, target, high) in members after all factors,
    ``forecast`` by factor the expected value at the lead with its standard deviation and the head-room z.
    ``holds`` names what kept the count from moving or bounded it. ``need`` is what the load asks for in
    members, before rounding and bounds, by the factors that are known; None where none is. ``whole`` says
    whether all are: else it is at least so much.
    """

    time: float
    cluster: str
    current: int
    members: int
    reason: str
    factor: str | None
    band: Want | None
    wants: Mapping[str, Want] = NOTHING
    inputs: Mapping[str, float] = NOTHING
    forecast: Mapping[str, Mapping[str, float]] = NOTHING
    lead_seconds: float = 0.0
    holds: tuple[str, ...] = ()
    need: float | None = None
    whole: bool = False

    @property
    def action(self) -> str:
        if self.members == self.current:
            return "hold"
        return "up" if self.members > self.current else "down"

    def as_json(self) -> dict[str, object]:
        """Plain data after ``docs/schemas/decision.schema.json``."""
        return {
            "time": self.time,
            "cluster": self.cluster,
            "current": self.current,
            "members": self.members,
            "action": self.action,
            "reason": self.reason,
            "factor": self.factor,
            "band": None if self.band is None else _band(self.band),
            "wants": {name: _band(want) for name, want in self.wants.items()},
            "inputs": dict(self.inputs),
            "forecast": {name: dict(values) for name, values in self.forecast.items()},
            "leadSeconds": self.lead_seconds,
            "holds": list(self.holds),
        }


def _band(want: Want) -> dict[str, int]:
    return {"low": want.low, "target": want.target, "high": want.high}

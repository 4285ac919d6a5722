"""How many members an application's load will ask for when a copy made now could help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.decide.signal import Signal

LONGEST_STEPS = 360
# A new horizon forgets what was learnt at the old one: it follows only clear changes of a cloud's lead.
TOLERANCE = 0.25


@dataclass
class Demand:
    """One application's. The need is fed once a look; forecasts are by cluster path and cloud."""

    _signals: dict[tuple[str, str], Signal] = field(default_factory=dict)

    def look(
        self, now: float, period: float, need: Mapping[str, float], beyond: Mapping[str, float]
    ) -> dict[str, dict[str, float]]:
        """The expected need by cloud and path.

        need: members by path. beyond: by cloud, how many seconds further ahead to look than the need does by
        itself (it is a forecast already, as far as a member takes to start).
        """
        found: dict[str, dict[str, float]] = {}
        for cloud, seconds in beyond.items():
            steps = min(LONGEST_STEPS, max(1, round(seconds / period)))
            for path, value in need.items():
                signal = self._signal(path, cloud, period, steps)
                outlooks, _ = signal.advance(now, value, "auto")
                found.setdefault(cloud, {})[path] = outlooks.lead.value
        for gone in [key for key in self._signals if key[0] not in need or key[1] not in beyond]:
            del self._signals[gone]
        return found

    def _signal(self, path: str, cloud: str, period: float, steps: int) -> Signal:
        known = self._signals.get((path, cloud))
        if (
            known is None
            or known.step != period
            or abs(known.horizon - steps) > TOLERANCE * known.horizon + 1
        ):
            known = self._signals[path, cloud] = Signal.new(period, steps, precise=False)
        return known

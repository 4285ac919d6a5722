"""How well supply followed demand: SPEC elasticity metrics, misses, cost and actions.

Elasticity metrics after Herbst et al., "Ready for Rain?" (SPEC-RG-2016-01): accuracy and timeshare of under-
and over-provisioning, and instability; all in percent of time, relative to demand.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Members = NDArray[np.int64]

FLAP_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of one run. Percentages are 0..100; ``cost`` is member time over the ideal's."""

    miss_percent: float
    cost: float
    actions_per_day: float
    reversals_per_day: float
    under_accuracy: float
    over_accuracy: float
    under_timeshare: float
    over_timeshare: float
    instability: float
    member_hours: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


def quality(
    *,
    tick: float,
    demand: Members,
    ready: Members,
    spec: Members,
    arrivals: NDArray[np.int64],
    missed: NDArray[np.float64],
) -> Quality:
    """Figures from equally long series, one value a tick; ``demand`` must be at least 1 everywhere."""
    ticks = len(demand)
    days = ticks * tick / 86_400.0
    short = np.maximum(demand - ready, 0)
    spare = np.maximum(ready - demand, 0)
    moves = np.sign(np.diff(spec))
    requests = float(arrivals.sum())
    unstable = np.minimum(np.abs(np.sign(np.diff(ready)) - np.sign(np.diff(demand))), 1)
    return Quality(
        miss_percent=100.0 * float(missed.sum()) / requests if requests else 0.0,
        cost=float(spec.sum()) / float(demand.sum()),
        actions_per_day=float(np.count_nonzero(moves)) / days,
        reversals_per_day=_reversals(moves, tick) / days,
        under_accuracy=100.0 * float((short / demand).mean()),
        over_accuracy=100.0 * float((spare / demand).mean()),
        under_timeshare=100.0 * float((short > 0).mean()),
        over_timeshare=100.0 * float((spare > 0).mean()),
        instability=100.0 * float(unstable.mean()) if ticks > 1 else 0.0,
        member_hours=float(spec.sum()) * tick / 3600.0,
    )


def elastic_speedup(subject: Quality, baseline: Quality, floor: float = 0.01) -> float:
    """Geometric mean of the baseline's four accuracies and timeshares over the subject's; above 1 is better.

    Each is clipped at ``floor`` percent: the ratio explodes where one nears zero, so do not rank by it alone.
    """
    product = 1.0
    for name in ("under_accuracy", "over_accuracy", "under_timeshare", "over_timeshare"):
        product *= max(getattr(baseline, name), floor) / max(getattr(subject, name), floor)
    return float(product**0.25)


def _reversals(moves: NDArray[np.int64], tick: float) -> int:
    """Actions that undo the direction of one less than ten minutes before."""
    at = np.flatnonzero(moves)
    if len(at) < 2:
        return 0
    signs = moves[at]
    soon = np.diff(at) * tick < FLAP_SECONDS
    return int(np.count_nonzero((signs[1:] != signs[:-1]) & soon))

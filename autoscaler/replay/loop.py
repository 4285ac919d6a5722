"""The closed loop of a replay: cluster, metrics and one autoscaler, tick by tick."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autoscaler.replay.elasticity import Members, Quality, quality
from autoscaler.replay.fluid import FluidCluster, FluidModel
from autoscaler.replay.peers.scaler import Scaler, View
from autoscaler.replay.trace import Trace


@dataclass(frozen=True, slots=True)
class Run:
    """Series of one closed-loop run, one value a tick, and its figures."""

    name: str
    quality: Quality
    rates: NDArray[np.float64]
    demand: Members
    ready: Members
    spec: Members
    missed: NDArray[np.float64]


def run(
    trace: Trace,
    model: FluidModel,
    scaler: Scaler,
    *,
    seed: int = 1,
    warm_up: float = 0.0,
    start: int | None = None,
) -> Run:
    """Drive ``scaler`` through the trace; ticks of the first ``warm_up`` seconds are not judged.

    The trace must already have the model's tick (`Trace.resampled`). The cluster begins with ``start``
    ready members, or with its demand.
    """
    arrivals = trace.arrivals(seed)
    demand = np.fromiter((model.demand(rate) for rate in trace.rates), np.int64, len(trace.rates))
    cluster = FluidCluster(model, int(demand[0]) if start is None else start)
    view = View(model.tick)
    ready: list[int] = []
    spec: list[int] = []
    missed: list[float] = []
    now = trace.start
    for count in arrivals.tolist():
        cluster.tick(count, now)
        now += model.tick
        ready.append(cluster.ready)
        spec.append(cluster.spec)
        missed.append(cluster.missed)
        view.record(now, cluster, count)
        cluster.order(scaler.desired(view), now)
    skip = round(warm_up / model.tick)
    judged = slice(skip, None)
    ready_array, spec_array = np.asarray(ready), np.asarray(spec)
    missed_array = np.asarray(missed)
    return Run(
        name=scaler.name,
        quality=quality(
            tick=model.tick,
            demand=demand[judged],
            ready=ready_array[judged],
            spec=spec_array[judged],
            arrivals=arrivals[judged],
            missed=missed_array[judged],
        ),
        rates=trace.rates[judged],
        demand=demand[judged],
        ready=ready_array[judged],
        spec=spec_array[judged],
        missed=missed_array[judged],
    )

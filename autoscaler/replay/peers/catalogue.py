"""The peers by name, each with the one knob that trades cost for misses: its target share of capacity."""

from __future__ import annotations

from collections.abc import Callable

from autoscaler.replay.fluid import FluidModel
from autoscaler.replay.peers.hpa import Hpa, Keda
from autoscaler.replay.peers.knative import Knative
from autoscaler.replay.peers.phpa import PhpaHoltWinters, PhpaLinear
from autoscaler.replay.peers.scaler import Scaler
from autoscaler.replay.peers.stratos import Stratos

DEFAULT_TARGET = 0.7

PeerFactory = Callable[[FluidModel, float], Scaler]


def _concurrency(model: FluidModel) -> float:
    """Requests that one member has in service when it is fully busy."""
    return model.member_rate * model.service_seconds


def _stratos(name: str, look_ahead: float) -> PeerFactory:
    def make(model: FluidModel, target: float) -> Scaler:
        return Stratos(target * _concurrency(model), look_ahead, model.minimum, name)

    return make


PEERS: dict[str, PeerFactory] = {
    "hpa": lambda model, target: Hpa(target),
    "keda": lambda model, target: Keda(target, model.member_rate),
    "kpa": lambda model, target: Knative(target, _concurrency(model)),
    "phpa": lambda model, target: PhpaLinear(target),
    "phpa-hw": lambda model, target: PhpaHoltWinters(target),
    "stratos": _stratos("stratos", 1.0),
    "stratos-intended": _stratos("stratos-intended", 60.0),
}

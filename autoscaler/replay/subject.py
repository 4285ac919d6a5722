"""This project's controller as a replayed autoscaler."""

from __future__ import annotations

from dataclasses import replace

from autoscaler.decide.controller import step
from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import IN_FLIGHT, LOAD_AVERAGE, REQUEST_RATE, ControllerPolicy, PolicyError
from autoscaler.decide.state import ClusterState
from autoscaler.replay.fluid import FluidModel
from autoscaler.replay.peers.scaler import View

SIMULATED = frozenset({IN_FLIGHT, LOAD_AVERAGE, REQUEST_RATE})


class Subject:
    """The real controller behind the interface of the peers; it sees what a balancer would tell it.

    Thresholds on what the model does not simulate (memory, metrics of your own) are left out: a replay that
    never shows them would hold forever. Raises `PolicyError` when nothing is left to decide by.
    """

    def __init__(self, policy: ControllerPolicy, model: FluidModel, name: str = "altostratus") -> None:
        self.name = name
        kept = {factor: value for factor, value in policy.thresholds.items() if factor in SIMULATED}
        if not kept and policy.objective is None:
            raise PolicyError(
                f"a replay shows no {', '.join(policy.thresholds)}; "
                f"the policy needs an objective or a threshold of {', '.join(sorted(SIMULATED))}"
            )
        self.policy = replace(policy, thresholds=kept)
        self.model = model
        self.state = ClusterState("replay")

    def desired(self, view: View) -> int:
        model = self.model
        seen = Observation(
            time=view.now,
            cluster="replay",
            ready=view.ready,
            spec=view.asked,
            starting=view.starting,
            period=model.tick,
            requests=view.arrivals,
            missed=view.missed,
            backlog=view.backlog,
            factors=self._factors(view),
            start_seconds=model.start_seconds,
            actuation_seconds=model.actuation_seconds,
        )
        return step(self.policy, self.state, seen).members

    def _factors(self, view: View) -> dict[str, Reading]:
        factors: dict[str, Reading] = {}
        if IN_FLIGHT in self.policy.thresholds:
            factors[IN_FLIGHT] = Reading(view.mean("in_flight", self.model.tick))
        if LOAD_AVERAGE in self.policy.thresholds or self.policy.member_rate is None:
            factors[LOAD_AVERAGE] = Reading(100.0 * view.mean("cpu", self.model.tick))
        return factors

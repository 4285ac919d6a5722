"""How fast and how wide the autoscaler scales.

    python -m bench.scaling controller             # one decision of one cluster
    python -m bench.scaling size [--kwok PROGRAM]  # 1,000 clusters and 10,000 members on kwok's nodes
    python -m bench.scaling step [--rounds N]      # a load step: ours, HPA and KEDA, on the demo cluster

Ratios are within one run; the machine's load and speed are printed with them.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from pathlib import Path

from autoscaler.decide.controller import step
from autoscaler.decide.observation import Observation, Reading
from autoscaler.decide.policy import ControllerPolicy, Objective
from autoscaler.decide.state import ClusterState
from bench import machine


def controller() -> None:
    """One day of five-second steps: thresholds on three factors, and an objective."""
    policies = {
        "two factors": ControllerPolicy(maximum=20, thresholds={"loadAverage": 70.0, "memory": 80.0}),
        "three factors": ControllerPolicy(
            maximum=20, thresholds={"loadAverage": 70.0, "memory": 80.0, "requestsInFlight": 20.0}
        ),
        "an objective": ControllerPolicy(maximum=50, objective=Objective(0.01), member_rate=8.5),
    }
    steps = 17_280
    for name, policy in policies.items():
        # The clock of processor time is dear to ask: a day is timed whole, and again without the steps.
        whole, rest = (_day(policy, steps, decided) for decided in (True, False))
        print(f"{name}: {(whole - rest) / steps * 1e6:.0f} µs of processor a step")


def _day(policy: ControllerPolicy, steps: int, decided: bool) -> float:
    """Seconds of processor for a day of observations, with or without the decisions on them."""
    noise = random.Random(1)  # noqa: S311
    state, ready = ClusterState("web"), 2
    begun = time.process_time()
    for tick in range(steps):
        load = 60 + 30 * math.sin(tick / 2000) + noise.random() * 5
        factors = {
            "loadAverage": Reading(load),
            "memory": Reading(30.0),
            "requestsInFlight": Reading(load),
        }
        seen = Observation(
            time=1.7e9 + 5 * tick, cluster="web", ready=ready, spec=ready, period=5.0, factors=factors,
            requests=load * 5, missed=0.0, start_seconds=10.0, actuation_seconds=1.0,
        )  # fmt: skip
        if decided:
            ready = step(policy, state, seen).members
    return time.process_time() - begun


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("controller", "size", "step"))
    parser.add_argument("--kwok", type=Path, help="the kwok program; left out, built from toolchain/go/kwok")
    parser.add_argument("--rounds", type=int, default=3, help="of the step, about 7 minutes each")
    parser.add_argument("--who", action="append", help="a competitor of the step; left out, all of them")
    parser.add_argument("--seconds", type=float, default=90.0, help="how long `size` watches the loop")
    asked = parser.parse_args()
    print(f"at the start: {machine.told()}")
    if asked.what == "controller":
        controller()
    elif asked.what == "size":
        from bench.scaling_size import size
        from bench.step.programs import built

        program = asked.kwok or built("kwok", "sigs.k8s.io/kwok/cmd/kwok")[0]
        print(json.dumps(size(program, asked.seconds), indent=2))
    else:
        from bench.scaling_step import COMPETITORS, steps

        unknown = set(asked.who or ()) - set(COMPETITORS)
        if unknown:
            parser.error(f"--who {', '.join(sorted(unknown))}: choose from {', '.join(COMPETITORS)}")
        steps(asked.rounds, asked.who or COMPETITORS)
    print(f"at the end: {machine.told()}")


if __name__ == "__main__":
    main()

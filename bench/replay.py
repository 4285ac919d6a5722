"""Replay public traces under the controller and its peers, and write the figures down.

    python bench/replay.py --traces DIR [--only NAME ...] [--output FILE]
    python bench/replay.py --families SEED [SEED ...]

The controller gets the policy a user would write: a budget of 1 %, nothing tuned to the trace, cold at the
first tick. Peers run at their usual 70 % target, and again tuned with hindsight to the controller's own
miss rate. Windows marked hold-out were not looked at while the controller was made.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from autoscaler.decide.policy import ControllerPolicy, Objective
from autoscaler.replay.families import FAMILIES, family
from autoscaler.replay.fluid import FluidModel
from autoscaler.replay.loop import run
from autoscaler.replay.peers.catalogue import PEERS
from autoscaler.replay.report import DEFAULT_AGAINST, prepared, replay
from autoscaler.replay.shapes import SHAPES
from autoscaler.replay.subject import Subject
from autoscaler.replay.trace import Trace, read_trace

CONDITION_DAYS = 5.0


@dataclass(frozen=True)
class Case:
    """A window of a trace: first day and days, and the smoothing that its low counts need (seconds)."""

    name: str
    file: str
    first_day: float
    days: float
    smooth: float = 0.0


CASES = (
    Case("nasa", "nasa_http_1995_1min.csv", 10, 14, 300),
    Case("nasa-august (hold-out)", "nasa_http_1995_1min.csv", 38, 14, 300),
    Case("elb", "nab_elb_request_count_5min.csv", 3, 9.9, 900),
    Case("aapl", "nab_twitter_AAPL_5min.csv", 9, 14),
    Case("aapl-april (hold-out)", "nab_twitter_AAPL_5min.csv", 40, 14),
    Case("asg", "nab_asg_cpu_5min.csv", 20, 7),
    Case("asg-july (hold-out)", "nab_asg_cpu_5min.csv", 48, 12),
)


def policy(model: FluidModel, *, known_rate: bool) -> ControllerPolicy:
    return ControllerPolicy(
        minimum=model.minimum,
        maximum=model.maximum,
        objective=Objective(0.01),
        member_rate=model.good_rate if known_rate else None,
    )


def cases(folder: Path, only: list[str] | None) -> list[Trace]:
    model = FluidModel()
    found = []
    for case in CASES:
        if only is None or case.name.split()[0] in only:
            raw = read_trace(folder / case.file, name=case.name)
            found.append(prepared(raw, model, smooth=case.smooth, first_day=case.first_day, days=case.days))
    return found + [shape() for shape in SHAPES if only is None or shape.__name__ in only]


def invented(seeds: list[int], only: list[str] | None) -> list[Trace]:
    """One load of each family by seed."""
    makers = [make for make in FAMILIES if only is None or make.__name__ in only]
    return [family(make, seed) for seed in seeds for make in makers]


def conditions(traces: list[Trace]) -> list[str]:
    """The controller and the KPA under other conditions than the default ones."""
    variants = {
        "start 60 s": (FluidModel(), True),
        "rate of a member learnt": (FluidModel(), False),
        "45 s to act": (FluidModel(actuation_seconds=45), True),
        "start 180 s": (FluidModel(start_seconds=180), True),
        "tick 15 s": (FluidModel(tick=15), True),
    }
    lines = [
        "| trace | " + " | ".join(variants) + " |",
        "|---|" + "---|" * len(variants),
    ]
    for trace in traces:
        trace = trace.window(0, CONDITION_DAYS)
        cells = []
        for model, known in variants.values():
            load = trace.resampled(model.tick)
            own = run(load, model, Subject(policy(model, known_rate=known), model)).quality
            kpa = run(load, model, PEERS["kpa"](model, 0.7)).quality
            cells.append(
                f"{own.miss_percent:.2f} / {own.cost:.3f} / {own.actions_per_day:.0f} "
                f"(kpa {kpa.miss_percent:.2f} / {kpa.cost:.3f} / {kpa.actions_per_day:.0f})"
            )
        lines.append(f"| {trace.name} | " + " | ".join(cells) + " |")
    return lines


def step_cost(trace: Trace) -> float:
    """Microseconds of processor time for one step of one cluster, the simulated cluster left out."""
    model = FluidModel()
    idle = PEERS["kpa"](model, 0.7)
    own = Subject(policy(model, known_rate=False), model)
    times = []
    for scaler in (own, idle):
        start = time.process_time()
        run(trace, model, scaler)
        times.append(time.process_time() - start)
    return 1e6 * (times[0] - times[1]) / len(trace.rates)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--traces", type=Path, help="folder with the CSV files")
    what.add_argument("--families", type=int, nargs="+", help="seeds of invented loads instead of traces")
    parser.add_argument("--only", nargs="+", help="cases by name")
    parser.add_argument("--against", nargs="+", choices=PEERS, default=DEFAULT_AGAINST, help="peers by name")
    parser.add_argument("--output", type=Path, help="write here instead of standard output")
    parser.add_argument("--plots", type=Path, help="folder for an SVG of each case")
    parser.add_argument("--conditions", action="store_true", help="only the table of other conditions")
    options = parser.parse_args()
    if options.families:
        traces = invented(options.families, options.only)
    else:
        traces = cases(options.traces, options.only)
    sink = options.output.open("a", encoding="utf-8") if options.output else sys.stdout
    if options.conditions:
        print("\n".join(conditions(traces)), file=sink, flush=True)
        return
    model = FluidModel()
    for trace in traces:
        report = replay(
            trace, policy(model, known_rate=True), options.against, model=model, equal_misses=True
        )
        print(f"### {report.table()}", file=sink, flush=True)
        if options.plots:
            report.plot(options.plots / f"{trace.name.split()[0]}.svg")
    print(f"One step of one cluster: {step_cost(traces[0]):.0f} µs of processor time.", file=sink, flush=True)


if __name__ == "__main__":
    main()

"""A replay from start to end: the controller and its peers on one trace, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from autoscaler.decide.policy import ControllerPolicy, PolicyError
from autoscaler.replay.chart import draw
from autoscaler.replay.elasticity import Quality, elastic_speedup
from autoscaler.replay.equal_misses import EqualMisses, tuned_to
from autoscaler.replay.fluid import FluidModel
from autoscaler.replay.loop import Run, run
from autoscaler.replay.peers.catalogue import DEFAULT_TARGET, PEERS
from autoscaler.replay.peers.scaler import Scaler
from autoscaler.replay.peers.static import Static
from autoscaler.replay.subject import Subject
from autoscaler.replay.trace import DAY, Trace, TraceError

PEAK_MEMBERS = 40.0
DEFAULT_AGAINST = ("hpa", "keda", "kpa", "phpa", "stratos")


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """Runs on one trace, the controller's first; ``equal`` by peer at the controller's own miss rate."""

    trace: str
    model: FluidModel
    days: float
    runs: tuple[Run, ...]
    baseline: Quality
    equal: dict[str, EqualMisses | None]

    def as_json(self) -> dict[str, object]:
        """Plain data: figures by autoscaler, and what peers cost at equal misses."""
        subject = self.runs[0].quality
        return {
            "trace": self.trace,
            "days": round(self.days, 3),
            "model": asdict(self.model),
            "runs": {
                one.name: one.quality.as_dict()
                | {"elastic_speedup": round(elastic_speedup(one.quality, self.baseline), 3)}
                for one in self.runs
            },
            "equal_misses": {
                name: None
                if peer is None
                else {key: round(value, 4) for key, value in asdict(peer).items()}
                | {"subject_cost_ratio": round(subject.cost / peer.cost, 4)}
                for name, peer in self.equal.items()
            },
        }

    def table(self) -> str:
        """The figures as Markdown tables."""
        lines = [
            f"{self.trace}, {self.days:.1f} days",
            "",
            "| autoscaler | misses % | cost x | actions/day | θU % | θO % | τU % | τO % | υ % | ε |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for one in self.runs:
            q = one.quality
            lines.append(
                f"| {one.name} | {q.miss_percent:.2f} | {q.cost:.3f} | {q.actions_per_day:.0f} "
                f"| {q.under_accuracy:.2f} | {q.over_accuracy:.1f} | {q.under_timeshare:.2f} "
                f"| {q.over_timeshare:.1f} | {q.instability:.1f} "
                f"| {elastic_speedup(q, self.baseline):.1f} |"
            )
        if self.equal:
            subject = self.runs[0].quality
            lines += [
                "",
                f"At {subject.miss_percent:.2f} % misses (peers tuned to it with hindsight):",
                "",
                "| autoscaler | cost x | actions/day | target | controller's cost against it |",
                "|---|---|---|---|---|",
                f"| {self.runs[0].name} | {subject.cost:.3f} | {subject.actions_per_day:.0f} | | |",
            ]
            for name, peer in self.equal.items():
                if peer is None:
                    lines.append(f"| {name} | not reachable | | | |")
                else:
                    lines.append(
                        f"| {name} | {peer.cost:.3f} | {peer.actions_per_day:.0f} | {peer.target:.3f} "
                        f"| {100 * (subject.cost / peer.cost - 1):+.1f} % |"
                    )
        return "\n".join(lines) + "\n"

    def plot(self, path: Path) -> None:
        """Write demand and supply over time as an SVG."""
        path.write_text(draw(self.trace, self.model.tick, self.runs), encoding="utf-8")


def prepared(
    trace: Trace,
    model: FluidModel,
    *,
    smooth: float = 0.0,
    first_day: float = 0.0,
    days: float | None = None,
    peak_members: float = PEAK_MEMBERS,
) -> Trace:
    """The trace as a replay wants it: smoothed, cut, scaled so that its p99.9 needs ``peak_members``.

    ``smooth`` in seconds. Raises `TraceError` for what is no part of the trace, or is too long to replay.
    """
    if smooth:
        trace = trace.smoothed(smooth)
    if first_day or days is not None:
        trace = trace.window(first_day, trace.seconds / DAY if days is None else days)
    return trace.scaled(peak_members * model.good_rate).resampled(model.tick)


def replay(
    trace: Trace,
    policy: ControllerPolicy,
    against: Sequence[str] = DEFAULT_AGAINST,
    *,
    model: FluidModel | None = None,
    equal_misses: bool = False,
    seed: int = 1,
    warm_up: float = 0.0,
    start: int | None = None,
) -> ReplayReport:
    """Replay a `prepared` trace under the controller and the named peers at their usual 70 % target.

    With ``equal_misses`` each peer is also tuned with hindsight to the controller's miss rate. Ticks of the
    first ``warm_up`` seconds are not judged. The policy's bounds apply to all, and all begin with ``start``
    members (None: what the load of the first tick needs). Raises `TraceError` for an unknown peer, and
    `PolicyError` for what cannot be simulated.
    """
    unknown = [name for name in against if name not in PEERS]
    if unknown:
        raise TraceError(f"unknown autoscaler {unknown[0]!r}; allowed are {', '.join(PEERS)}")
    model = model or FluidModel(minimum=policy.minimum, maximum=policy.maximum)
    if model.minimum < 1:
        raise PolicyError(
            "a replay needs at least 1 member: nothing in its model holds requests while nobody serves"
        )
    if start is not None and not model.minimum <= start <= model.maximum:
        raise PolicyError(f"start {start}: allowed are {model.minimum} to {model.maximum} members")

    def ran(scaler: Scaler) -> Run:
        return run(trace, model, scaler, seed=seed, warm_up=warm_up, start=start)

    subject = ran(Subject(policy, model))
    runs = [subject]
    equal: dict[str, EqualMisses | None] = {}
    for name in dict.fromkeys(against):
        runs.append(ran(PEERS[name](model, DEFAULT_TARGET)))
        if equal_misses:
            misses = subject.quality.miss_percent
            equal[name] = tuned_to(trace, model, PEERS[name], misses, seed=seed, warm_up=warm_up, start=start)
    baseline = ran(Static(round(float(subject.demand.mean())))).quality
    days = len(subject.demand) * model.tick / DAY
    return ReplayReport(trace.name, model, days, tuple(runs), baseline, equal)

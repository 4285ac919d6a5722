"""What every source of measurements is: asked once a period for clusters, it reports what it finds.

A third party adds one by an entry point of the group `altostratus.sources`: a callable that takes a `Cloud`
and gives a `Source` (`docs/sources.md`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from autoscaler.observe.members import SeenMember

# Factors beyond those of the policies: what the controller needs to know about requests.
MISSED_RATE = "missedRate"
ENDED_RATE = "endedRate"
BACKLOG = "backlog"
LATENCY = "latency"

# Counts since the source began, for the service levels. They only ever grow; from a smaller value on, the
# source counts anew. SLOWER stands before a time in seconds.
REQUESTS_TOTAL = "requestsTotal"
ERRORS_TOTAL = "errorsTotal"
SLOWER_TOTAL = "slowerTotal:"
# The serving replicas of the balancer that has the fewest.
BALANCERS_SERVING = "balancersServing"


def slower_total(seconds: float) -> str:
    """The factor of requests that took longer."""
    return f"{SLOWER_TOTAL}{seconds:g}"


class Place(NamedTuple):
    """Where a cluster is: its cloud, its namespace and the application's copy there, and its id."""

    cloud: str
    namespace: str
    copy: str
    cluster: str


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster to measure.

    `name`: its Kubernetes name. `latency`: seconds after which an answer counts as missed, None without an
    objective. `queries`: the policy's own metrics, PromQL by name. `factors`: what the policy asks for.
    `levels`: times in seconds by which the application's service levels count requests; None: not counted.
    """

    place: Place
    name: str
    application: str
    members: tuple[SeenMember, ...]
    latency: float | None = None
    queries: Mapping[str, str] = field(default_factory=dict)
    factors: frozenset[str] = frozenset()
    levels: tuple[float, ...] | None = None


class Measurement(NamedTuple):
    """One value of one factor.

    `member` is a Pod's name, or empty where the value is the whole cluster's. `at` is when it was true, in
    seconds since the epoch by this machine's clock. `window` is the time in seconds over which it is a mean.
    """

    place: Place
    factor: str
    member: str
    value: float
    at: float
    window: float = 0.0


Report = Callable[[Measurement], None]


class SourceError(Exception):
    """A source that could not measure anything; in words. What it reported before that counts."""


class Source(Protocol):
    """One way to measure the clusters of one cloud.

    A source may have an attribute `instant`: true where what it tells is of this moment and cheap to ask
    for. A second one of its kind is then made and asked each second, to see a jump before the next look.
    """

    name: str

    async def collect(self, targets: Sequence[Target], report: Report) -> None:
        """Measure, and report each value as soon as it is there.

        What cannot be measured is not reported: never as zero. Raises `SourceError` where all failed.
        It may take longer than a period: it is not asked again before it has ended.
        """
        ...

    async def close(self) -> None:
        """End what is open."""
        ...


@dataclass(frozen=True, slots=True)
class Cloud:
    """A cloud as sources reach it. `settings` are those of the source, from the autoscaler's settings."""

    name: str
    kubeconfig: Path
    settings: Mapping[str, object] = field(default_factory=dict)


Factory = Callable[[Cloud], Source]

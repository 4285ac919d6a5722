"""Load average and memory of members, from the kubelets through the API server.

**Load average** of a member is a share, in percent: processor time that its Pod used, plus the time that its
containers were held back by their limits (throttled), over the time between two samples of the kubelet,
divided by the processors that the Pod asks for (the sum of its containers' requests):

    loadAverage = 100 · (Δused + Δthrottled) / (Δt · asked)

100 is a member that uses exactly what it asked for; without limits it may use much more. It is no queue
length as in `uptime`: the kernel keeps none for a Pod. A Pod that asks for no processor has no load average.
Kubelets sample every 10 to 20 seconds, those of our own hosts every 5 to 10; Δt is theirs.

**Memory** of a member is its working set in percent of what it may use: the sum of its containers' limits,
their requests where they have no limit.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY
from autoscaler.observe.api_server import clock_lead, connect, get
from autoscaler.observe.exposition import Pod, PodSample, read_cadvisor, read_resource
from autoscaler.observe.members import SeenMember
from autoscaler.observe.source import Cloud, Measurement, Place, Report, SourceError, Target

FACTORS = frozenset({LOAD_AVERAGE, MEMORY})
ANSWER_SECONDS = 4.0
# Nodes that did not answer the last time wait in a lane of their own, so that they take nobody's place.
AT_ONCE, SLOW_AT_ONCE = 24, 4
LONGEST_PAUSE = 60.0
# Counters over a shorter time say little: the kubelet samples its groups at moments of its own.
SHORTEST_WINDOW = 1.0

Clock = Callable[[], float]


@dataclass(slots=True)
class _Node:
    """What is known of a node: how often it failed in a row, and until when it is left alone."""

    failures: int = 0
    asked_again: float = 0.0
    problem: str = ""


class KubeletSource:
    """The kubelets of one cloud: one request for each node and period."""

    name = "kubelet"

    def __init__(self, cloud: Cloud, clock: Clock = time.time) -> None:
        self._client = connect(cloud.kubeconfig, ANSWER_SECONDS)
        self._clock = clock
        self._lanes = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(SLOW_AT_ONCE)
        self._nodes: dict[str, _Node] = {}
        self._asking: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()
        self._samples: dict[Pod, PodSample] = {}

    async def close(self) -> None:
        for task in self._asking:
            task.cancel()
        await self._client.aclose()

    async def collect(self, targets: Sequence[Target], report: Report) -> None:
        by_node = _by_node(targets)
        self._forget(targets)
        for node in set(self._nodes) - set(by_node):
            del self._nodes[node]
        now = time.monotonic()
        fast: list[asyncio.Task[None]] = []
        for node, pods in by_node.items():
            known = self._nodes.setdefault(node, _Node())
            if node in self._busy or known.asked_again > now:
                continue
            task = asyncio.create_task(self._ask(node, known, pods, report))
            self._busy.add(node)
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
            if not known.failures:
                fast.append(task)
        if fast:
            await asyncio.wait(fast, timeout=ANSWER_SECONDS)
        troubles = {node: known.problem for node, known in self._nodes.items() if known.problem}
        if by_node and len(troubles) == len(by_node):
            node, problem = next(iter(troubles.items()))
            raise SourceError(f"no kubelet of {len(by_node)} answers; {node}: {problem}")

    def troubles(self) -> Mapping[str, str]:
        """The nodes that do not answer, and why."""
        return {node: known.problem for node, known in self._nodes.items() if known.problem}

    async def _ask(self, node: str, known: _Node, pods: Mapping[Pod, _Wanted], report: Report) -> None:
        try:
            async with self._lanes[1 if known.failures else 0]:
                limited = any(wanted.member.cpu_limited for wanted in pods.values())
                path = "cadvisor" if limited else "resource"
                answer = await get(self._client, f"/api/v1/nodes/{node}/proxy/metrics/{path}")
            now = self._clock()
            read = read_cadvisor if limited else read_resource
            self._take(read(answer.content), pods, now, clock_lead(answer, now), report)
            known.failures, known.problem, known.asked_again = 0, "", 0.0
        except SourceError as error:
            known.failures += 1
            known.problem = str(error)
            known.asked_again = time.monotonic() + min(LONGEST_PAUSE, 2.5 * 2.0**known.failures)
        finally:
            self._busy.discard(node)

    def _take(
        self,
        found: Mapping[Pod, PodSample],
        pods: Mapping[Pod, _Wanted],
        now: float,
        lead: float,
        report: Report,
    ) -> None:
        for pod, wanted in pods.items():
            sample = found.get(pod)
            if sample is None:
                continue
            if not sample.at:
                sample = sample._replace(at=now + lead)
            at = min(now, sample.at - lead)
            if sample.memory is not None and wanted.member.memory:
                share = 100.0 * sample.memory / wanted.member.memory
                report(Measurement(wanted.place, MEMORY, pod[1], share, at))
            last = self._samples.get(pod)
            if last is None or sample.at < last.at:
                self._samples[pod] = sample
                continue
            window = sample.at - last.at
            if window < SHORTEST_WINDOW:
                continue
            self._samples[pod] = sample
            used = sample.cpu - last.cpu + max(0.0, sample.throttled - last.throttled)
            if used >= 0.0 and wanted.member.cpu:
                load = 100.0 * used / (window * wanted.member.cpu)
                report(Measurement(wanted.place, LOAD_AVERAGE, pod[1], load, at, window))

    def _forget(self, targets: Sequence[Target]) -> None:
        """Drop the samples of Pods that are gone."""
        if len(self._samples) > 2 * sum(len(target.members) for target in targets) + 100:
            alive = {(target.place.namespace, m.name) for target in targets for m in target.members}
            self._samples = {pod: sample for pod, sample in self._samples.items() if pod in alive}


@dataclass(frozen=True, slots=True)
class _Wanted:
    place: Place
    member: SeenMember


def _by_node(targets: Sequence[Target]) -> dict[str, dict[Pod, _Wanted]]:
    """The Pods to measure, by node; members of clusters that ask for none of our factors are left out."""
    found: dict[str, dict[Pod, _Wanted]] = defaultdict(dict)
    for target in targets:
        if target.factors.isdisjoint(FACTORS):
            continue
        for member in target.members:
            if member.host and not member.leaving:
                found[member.host][(target.place.namespace, member.name)] = _Wanted(target.place, member)
    return found

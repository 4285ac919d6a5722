"""Requests as the application's own load balancers count them (`docs/balancer-protocol.md`).

Each replica of a balancer is asked through the API server, with the balancer's token. What they tell is
added up over replicas: a period counts only when all that serve have answered, as a part would look like
less load.

- `requestsInFlight`: being served or waiting, now; by member, and for the cluster with those that wait.
- `backlog`: waiting, now.
- `requestRate`: requests that came a second, since the period before: those that ended, and by how many more
  are in flight. What ended alone is what members can do where too much comes.
- `endedRate`: requests ended a second, since the period before.
- `missedRate`: those of them that took longer than the objective allows, or failed by fault of a member or
  of the balancer. Inside one bucket of the histogram they count by straight line.
- `latency`: the 0.99 quantile over the last ten seconds in seconds, of the slowest replica; nothing while no
  request ended.
- `requestsTotal`, `errorsTotal`, `slowerTotal:SECONDS`, `balancersServing`: for the service levels; exact,
  with those of replicas that are ending.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from autoscaler.decide.policy import IN_FLIGHT, REQUEST_RATE
from autoscaler.observe.api_server import connect, get
from autoscaler.observe.balancer_totals import Totals, failures, slower
from autoscaler.observe.source import (
    BACKLOG,
    BALANCERS_SERVING,
    ENDED_RATE,
    ERRORS_TOTAL,
    LATENCY,
    MISSED_RATE,
    REQUESTS_TOTAL,
    Cloud,
    Measurement,
    Report,
    SourceError,
    Target,
    slower_total,
)
from toolchain.plugins.kubernetes.pods import condition

LABEL = "altostratus.dev/balancer"
FACTORS = frozenset({IN_FLIGHT, REQUEST_RATE, ENDED_RATE, MISSED_RATE, BACKLOG, LATENCY})
ANSWER_SECONDS = 3.0
AT_ONCE = 24
# Replicas come and go rarely; one that is gone is noticed when it does not answer.
LIST_SECONDS = 10.0
STATE_PORT = 8404
# What a HAProxy from before a reload still serves is not in flight in the state: it looks gone at first, and
# then as if it came again.
UNSEEN_SECONDS = 30.0

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Replica:
    namespace: str
    balancer: str
    name: str
    serves: bool
    leaves: bool


@dataclass(slots=True)
class _Heard:
    """The last two states of a replica: what it counted in between is its rate.

    `begun` is when its program was seen to be another one, by the replica's own clock.
    """

    state: Figures
    before: Figures | None
    at: float
    begun: float = float("-inf")

    def more_in_flight(self, cluster: str) -> float:
        """By how many more requests are in flight than before; 0 while that cannot be told."""
        before = (self.before or {}).get("clusters", {}).get(cluster)
        if before is None or self.state["time"] - self.begun < UNSEEN_SECONDS:
            return 0.0
        return _in_flight(self.state["clusters"][cluster]) - _in_flight(before)


@dataclass(slots=True)
class _Sum:
    """A cluster's figures over replicas."""

    serving: float = 0.0
    queued: float = 0.0
    rate: float | None = 0.0
    ended: float = 0.0
    missed: float | None = 0.0
    latency: float | None = None
    at: float = float("inf")
    window: float = 0.0
    members: dict[str, float] = field(default_factory=dict)


class BalancerSource:
    """The load balancers of one cloud: one request for each replica and period."""

    name = "balancer"
    instant = True

    def __init__(self, cloud: Cloud, clock: Callable[[], float] = time.time) -> None:
        self._client = connect(cloud.kubeconfig, ANSWER_SECONDS)
        self._clock = clock
        self._lane = asyncio.Semaphore(AT_ONCE)
        self._replicas: dict[str, list[_Replica]] = {}
        self._listed = float("-inf")
        self._tokens: dict[tuple[str, str], str] = {}
        self._heard: dict[tuple[str, str], _Heard] = {}
        self._totals = Totals()
        self._began = time.monotonic()

    async def close(self) -> None:
        await self._client.aclose()

    async def collect(self, targets: Sequence[Target], report: Report) -> None:
        by_namespace: dict[str, list[Target]] = {}
        for target in targets:
            if target.levels is not None or not target.factors.isdisjoint(FACTORS):
                by_namespace.setdefault(target.place.namespace, []).append(target)
        if not by_namespace:
            return
        await self._list()
        problems: list[str] = []
        await asyncio.gather(
            *(self._measure(namespace, found, report, problems) for namespace, found in by_namespace.items())
        )
        if problems:
            raise SourceError("; ".join(sorted(set(problems))[:3]))

    async def _list(self) -> None:
        if time.monotonic() - self._listed < LIST_SECONDS:
            return
        listed = (await get(self._client, f"/api/v1/pods?labelSelector={LABEL}")).json()
        found: dict[str, list[_Replica]] = {}
        for pod in listed.get("items") or ():
            replica = _replica(pod)
            found.setdefault(replica.namespace, []).append(replica)
        self._replicas, self._listed = found, time.monotonic()
        alive = {(each.namespace, each.name) for some in found.values() for each in some}
        self._heard = {key: heard for key, heard in self._heard.items() if key in alive}
        self._totals.keep(alive)

    async def _measure(
        self, namespace: str, targets: Sequence[Target], report: Report, problems: list[str]
    ) -> None:
        replicas = self._replicas.get(namespace, [])
        levels = [target for target in targets if target.levels is not None]
        _tell_balancers(levels, replicas, report, self._clock())
        serving = [each for each in replicas if each.serves]
        answers = await asyncio.gather(*(self._ask(each) for each in serving), return_exceptions=True)
        states = []
        for replica, answer in zip(serving, answers, strict=True):
            if isinstance(answer, SourceError):
                self._listed = float("-inf")  # perhaps it is gone: look before asking again
                problems.append(f"{replica.namespace}/{replica.name}: {answer}")
                return
            if isinstance(answer, BaseException):
                raise answer
            states.append(answer)
        for target in targets:
            found = summed(states, target.place.cluster, target.latency)
            if found is not None:
                _tell(target, found, report)
        if levels and states:
            await self._last_words(replicas)
            for target in levels:
                self._tell_totals(target, min(each.at for each in states), report)

    async def _last_words(self, replicas: Sequence[_Replica]) -> None:
        """Replicas that are ending still serve what they began: that counts, for as long as they answer."""
        ending = [each for each in replicas if each.leaves and (each.namespace, each.name) in self._heard]
        await asyncio.gather(*(self._ask(each) for each in ending), return_exceptions=True)

    def _tell_totals(self, target: Target, at: float, report: Report) -> None:
        total = self._totals.total(target.place.namespace, target.place.cluster)
        found = {REQUESTS_TOTAL: total.requests, ERRORS_TOTAL: total.errors}
        found |= {slower_total(seconds): total.slower(seconds) for seconds in target.levels or ()}
        for factor, value in found.items():
            report(Measurement(target.place, factor, "", value, at))

    async def _ask(self, replica: _Replica) -> _Heard:
        token = await self._token(replica)
        path = f"/api/v1/namespaces/{replica.namespace}/pods/https:{replica.name}:{STATE_PORT}/proxy/v1/state"
        async with self._lane:
            try:
                answer = await get(self._client, path, {"X-Altostratus-Token": token})
            except SourceError:
                self._tokens.pop((replica.namespace, replica.balancer), None)
                raise
        key = (replica.namespace, replica.name)
        state, last = _parsed(answer), self._heard.get(key)
        again = last is not None and last.state["startedAt"] == state["startedAt"]
        before = last.state if last is not None and again else None
        begun = last.begun if last is not None else float("-inf")
        if before is not None and _program(before) != _program(state):
            begun = state["time"]
        self._heard[key] = heard = _Heard(state, before, self._clock(), begun)
        self._totals.take(key, replica.namespace, state, time.monotonic() - self._began)
        return heard

    async def _token(self, replica: _Replica) -> str:
        key = (replica.namespace, replica.balancer)
        if key not in self._tokens:
            path = f"/api/v1/namespaces/{replica.namespace}/secrets/{replica.balancer}-token"
            secret = (await get(self._client, path)).json()
            self._tokens[key] = base64.b64decode(secret["data"]["token"]).decode().strip()
        return self._tokens[key]


def _replica(pod: Mapping[str, Any]) -> _Replica:
    about = pod["metadata"]
    leaves = "deletionTimestamp" in about
    ready = condition(pod, "Ready").get("status") == "True"
    return _Replica(about["namespace"], about["labels"][LABEL], about["name"], ready and not leaves, leaves)


def _parsed(answer: httpx2.Response) -> Figures:
    try:
        state: Figures = answer.json()
        if state["version"] != 1:
            raise SourceError(f"tells its state in version {state['version']}; this version reads 1")
        float(state["time"]), float(state["startedAt"]), state["clusters"]
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"tells a state that cannot be read: {error}") from error
    return state


def summed(heard: Sequence[_Heard], cluster: str, objective: float | None) -> _Sum | None:
    """A cluster's figures over the replicas that serve; None where no balancer knows it.

    `objective` is in seconds. Rates are None until two states of each replica are there.
    """
    found = _Sum()
    known = False
    for each in heard:
        now = each.state["clusters"].get(cluster)
        if now is None:
            continue
        known = True
        found.serving += now["inFlight"]["serving"]
        found.queued += now["inFlight"]["queued"]
        found.at = min(found.at, each.at)
        if slowest := (now.get("recent") or {}).get("p99"):
            found.latency = max(found.latency or 0.0, slowest)
        for name, member in (now.get("members") or {}).items():
            found.members[name] = found.members.get(name, 0.0) + _in_flight(member)
        before = (each.before or {}).get("clusters", {}).get(cluster)
        window = each.state["time"] - each.before["time"] if each.before is not None else 0.0
        if before is None or window <= 0.0 or found.rate is None:
            found.rate = found.missed = None
            continue
        found.window = max(found.window, window)
        requests = max(0.0, now["requests"] - before["requests"])
        found.ended += requests / window
        found.rate += max(0.0, requests + each.more_in_flight(cluster)) / window
        if found.missed is not None and objective is not None:
            failed = failures(now) - failures(before)
            slow = slower(now["latency"], objective) - slower(before["latency"], objective)
            found.missed += min(requests, max(0.0, failed) + max(0.0, slow)) / window
    return found if known else None


def _program(state: Figures) -> tuple[object, object]:
    program = state.get("program") or {}
    return program.get("reloads"), program.get("restarts")


def _in_flight(figures: Figures) -> float:
    return float(figures["inFlight"]["serving"] + figures["inFlight"]["queued"])


def _tell_balancers(
    targets: Sequence[Target], replicas: Sequence[_Replica], report: Report, at: float
) -> None:
    serving: dict[str, int] = {}
    for each in replicas:
        serving[each.balancer] = serving.get(each.balancer, 0) + each.serves
    for target in targets:
        fewest = min(serving.values(), default=0)
        report(Measurement(target.place, BALANCERS_SERVING, "", float(fewest), at))


def _tell(target: Target, found: _Sum, report: Report) -> None:
    def say(factor: str, value: float, member: str = "") -> None:
        report(Measurement(target.place, factor, member, value, found.at, found.window))

    say(IN_FLIGHT, found.serving + found.queued)
    say(BACKLOG, found.queued)
    if found.latency is not None:
        say(LATENCY, found.latency)
    for name, in_flight in found.members.items():
        say(IN_FLIGHT, in_flight, name)
    if found.rate is not None:
        say(REQUEST_RATE, found.rate)
        say(ENDED_RATE, found.ended)
        if found.missed is not None and target.latency is not None:
            say(MISSED_RATE, found.missed)

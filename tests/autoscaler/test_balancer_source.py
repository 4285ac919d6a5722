"""What load balancers tell, added up over replicas."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx2
import pytest

from autoscaler.decide.policy import IN_FLIGHT, REQUEST_RATE
from autoscaler.observe import balancer
from autoscaler.observe.source import (
    BACKLOG,
    ENDED_RATE,
    LATENCY,
    MISSED_RATE,
    Cloud,
    Measurement,
    SourceError,
)
from tests.autoscaler.measuring import NOW, connected, target


def figures(requests: float, counts: list[float], member: int = 0, queued: int = 0) -> dict[str, Any]:
    latency = {"bounds": [0.1, 0.5], "counts": counts, "sum": 1.0}
    return {
        "inFlight": {"serving": 3, "queued": queued},
        "requests": requests,
        "errors": {"balancer": 0, "member": member, "client": 9},
        "latency": latency,
        "recent": {"p99": 0.2},
        "members": {"web-1": {"inFlight": {"serving": 3, "queued": 0}}},
    }


def state(at: float, web: dict[str, Any], started: float = NOW - 50) -> dict[str, Any]:
    return {"version": 1, "time": at, "startedAt": started, "clusters": {"web": web}}


class Balancers:
    """The API server in front of two replicas of a balancer."""

    def __init__(self, states: dict[str, dict[str, Any] | int]) -> None:
        self.states = states
        self.tokens: set[str] = set()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path
        if path == "/api/v1/pods":
            items = [self._pod(name) for name in self.states]
            return httpx2.Response(200, json={"items": items})
        if path.endswith("/secrets/front-token"):
            return httpx2.Response(200, json={"data": {"token": "c2VjcmV0LXNlY3JldC1zZWNyZXQK"}})
        self.tokens.add(request.headers["X-Altostratus-Token"])
        assert path.endswith(":8404/proxy/v1/state")
        found = self.states[path.split("https:")[1].split(":")[0]]
        return httpx2.Response(found) if isinstance(found, int) else httpx2.Response(200, json=found)

    @staticmethod
    def _pod(name: str) -> dict[str, Any]:
        about = {"name": name, "namespace": "app-shop", "labels": {balancer.LABEL: "front"}}
        return {"metadata": about, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}


REQUEST_FACTORS = frozenset({IN_FLIGHT, REQUEST_RATE, MISSED_RATE, BACKLOG})


def test_replicas_add_up_and_slow_or_failed_requests_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = figures(100, [50, 40, 10], member=1)
    server = Balancers({"r1": state(NOW, before), "r2": state(NOW, before)})
    connected(monkeypatch, balancer, server)
    rounds: list[dict[str, float]] = []
    slower = {"recent": {"p99": 0.7}}

    async def run() -> None:
        source = balancer.BalancerSource(Cloud("local", Path()), clock=lambda: NOW)
        asked = [target(factors=REQUEST_FACTORS, latency=0.3)]
        for _ in range(2):
            found: list[Measurement] = []
            await source.collect(asked, found.append)
            rounds.append({each.factor: each.value for each in found if not each.member})
            server.states["r1"] = state(NOW + 5, figures(150, [75, 60, 15], member=2))
            server.states["r2"] = state(NOW + 5, figures(110, [60, 40, 10], member=1, queued=4) | slower)
        await source.close()

    asyncio.run(run())
    assert REQUEST_RATE not in rounds[0], "one state is no rate"
    assert rounds[0][IN_FLIGHT] == 6
    assert rounds[1][IN_FLIGHT] == 10
    assert rounds[1][BACKLOG] == 4
    assert [each[LATENCY] for each in rounds] == [0.2, 0.7], "the slowest replica's"
    assert rounds[1][ENDED_RATE] == pytest.approx(12.0)
    assert rounds[1][REQUEST_RATE] == pytest.approx((50 + 10 + 4) / 5), "four more are in flight than before"
    # Of the first: half of 20 between 0.1 and 0.5 s, all 5 over it, and one that failed. Of the second: none.
    assert rounds[1][MISSED_RATE] == pytest.approx((10 + 5 + 1) / 5)
    assert server.tokens == {"secret-secret-secret"}


def test_a_replica_that_does_not_answer_makes_the_period_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Balancers({"r1": state(NOW, figures(1, [1, 0, 0])), "r2": 503})
    connected(monkeypatch, balancer, server)
    found: list[Measurement] = []

    async def run() -> None:
        source = balancer.BalancerSource(Cloud("local", Path()))
        with pytest.raises(SourceError, match="app-shop/r2: answered 503"):
            await source.collect([target(factors=REQUEST_FACTORS)], found.append)
        await source.close()

    asyncio.run(run())
    assert not found, "half the requests would look like less load"


def test_a_replica_that_started_anew_has_no_rate_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Balancers({"r1": state(NOW, figures(5000, [5000, 0, 0]))})
    connected(monkeypatch, balancer, server)
    found: list[Measurement] = []

    async def run() -> None:
        source = balancer.BalancerSource(Cloud("local", Path()))
        await source.collect([target(factors=REQUEST_FACTORS)], lambda _: None)
        server.states["r1"] = state(NOW + 5, figures(3, [3, 0, 0]), started=NOW + 4)
        await source.collect([target(factors=REQUEST_FACTORS)], found.append)
        await source.close()

    asyncio.run(run())
    assert REQUEST_RATE not in {each.factor for each in found}


def test_requests_of_a_program_from_before_a_reload_do_not_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = Balancers({"r1": state(NOW, figures(100, [100, 0, 0], queued=97))})
    connected(monkeypatch, balancer, table)

    async def run() -> list[float]:
        source = balancer.BalancerSource(Cloud("local", Path()), clock=lambda: NOW)
        rates = []
        # Ten a second come and go; the new program knows of none of the old one's hundred.
        for at, reloads, queued in (
            (5, 0, 97),
            (10, 1, 0),
            (15, 1, 50),
            (20, 1, 97),
            (45, 1, 97),
            (50, 1, 147),
        ):
            now = state(NOW + at, figures(100 + 10 * at, [100, 0, 0], queued=queued))
            table.states["r1"] = now | {"program": {"reloads": reloads, "restarts": 0}}
            found: list[Measurement] = []
            await source.collect([target(factors=REQUEST_FACTORS)], found.append)
            rates += [each.value for each in found if each.factor == REQUEST_RATE]
        await source.close()
        return rates

    assert asyncio.run(run()) == pytest.approx([10.0, 10.0, 10.0, 10.0, 20.0])


def test_totals_are_exact_over_restarts_gaps_and_replicas_that_end(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Balancers({"front-a": state(NOW, figures(1000, [900, 90, 10]), started=NOW - 500)})
    connected(monkeypatch, balancer, table)
    asked = target(factors=frozenset(), levels=(0.1,))

    async def run() -> list[dict[str, float] | None]:
        source = balancer.BalancerSource(Cloud("local", Path("k")), clock=lambda: NOW)
        steps: list[dict[str, Any]] = [
            {},
            {"front-a": state(NOW + 5, figures(1010, [908, 91, 11], member=1), started=NOW - 500)},
            # A replica that came after the source began counts from its start.
            {"front-b": state(NOW + 10, figures(4, [4, 0, 0]), started=NOW + 10)},
            # No answer: nothing is told, and later nothing is lost.
            {"front-b": 503},
            {"front-b": state(NOW + 20, figures(9, [8, 1, 0]), started=NOW + 10)},
            # Started anew: what it tells since then is new.
            {"front-a": state(NOW + 25, figures(3, [3, 0, 0]), started=NOW + 24)},
        ]
        told: list[dict[str, float] | None] = []
        for step in steps:
            table.states |= step
            source._listed = float("-inf")
            seen: list[Measurement] = []
            try:
                await source.collect([asked], seen.append)
            except SourceError:
                pass
            found = {each.factor: each.value for each in seen}
            assert found["balancersServing"] == len(table.states)
            told.append({name: value for name, value in found.items() if "Total" in name} or None)
        await source.close()
        return told

    def total(requests: float, errors: float, slow: float) -> dict[str, float]:
        return {"requestsTotal": requests, "errorsTotal": errors, "slowerTotal:0.1": slow}

    assert asyncio.run(run()) == [
        total(0, 0, 0),
        total(10, 1, 2),
        total(14, 1, 2),
        None,
        total(19, 1, 3),
        total(22, 1, 3),
    ]

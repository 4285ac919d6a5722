"""One replica of the balancer: its shares, its end, its program's crashes, and who may see its state."""

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.balancer.load import Load
from tests.balancer.origins import Loop, Origin
from tests.balancer.rig import PATIENCE, Balancer, backend
from tests.waiting import until

pytestmark = pytest.mark.engine

Origins = Callable[..., Origin]
Balancers = Callable[..., Balancer]

LAME_DUCK = 4.0
"""Seconds for which a replica that ends surely takes what comes: its agent has one more."""


def test_shares_change_at_once_without_a_lost_request(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    here = [origin(f"here{number}") for number in range(3)]
    there = origin("there")
    made = balancer(backend("here", here), backend("there", [there]))
    made.control(weights={"web": {"here": 100, "there": 0}})
    until(lambda: made.state()["splits"]["web"]["there"]["share"] == 0, "all is here")
    load = Load(made.port, 300)
    running = loop.start(load.run(600))
    until(lambda: load.outcome.answers[200] > 100, "load")
    before = there.served
    begun = time.monotonic()
    made.control(weights={"web": {"here": 30, "there": 70}})
    until(lambda: there.served > before, "the first one there", 5)
    print(f"the first request came there after {time.monotonic() - begun:.2f} s")
    part = (sum(each.served for each in here), there.served)
    until(lambda: sum(each.served for each in here) + there.served > sum(part) + 1200, "four seconds of load")
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    new_here, new_there = sum(each.served for each in here) - part[0], there.served - part[1]
    assert 0.63 < new_there / (new_here + new_there) < 0.77  # 70 % of over 1200: five standard deviations
    made.members("there", [])
    until(lambda: made.state()["splits"]["web"]["here"]["share"] == 1, "who has no members has no share")
    assert loop.run(Load(made.port, 100).run(1)).lost == 0
    made.control(weights={"web": {"here": -1}})
    until(lambda: "-1" in made.state()["control"]["problem"], "bad control data is told and not used")
    assert made.state()["splits"]["web"]["here"]["share"] == 1


def test_a_replica_that_ends_finishes_what_it_has(balancer: Balancers, origin: Origins, loop: Loop) -> None:
    # Where the machine is so busy that nobody looks in time, another one ends.
    assert any(_ends(balancer(backend("web", [origin("m1", delay=1.0)])), loop) for _ in range(5))


def _ends(made: Balancer, loop: Loop) -> bool:
    """End it under a load that stops when it is not ready any more; whether it still served then."""
    load = Load(made.port, 50)
    running = loop.start(load.run(600))
    until(lambda: load.outcome.in_flight > 30, "load")
    assert made.process is not None
    told = time.monotonic()
    made.process.send_signal(signal.SIGTERM)

    def late() -> bool:
        return time.monotonic() - told > LAME_DUCK

    until(lambda: late() or made.ask("/readyz").status_code == 503, "it is not ready any more")
    seen = load.outcome.answers[200]
    until(lambda: late() or load.outcome.answers[200] > seen + 20, "and still serves who does not know")
    load.stop()  # by now everybody has heard of it
    in_time = not late()
    outcome = running.result(240)
    assert made.process.wait(240) == 0
    if in_time:
        assert outcome.lost == 0, (outcome.answers, outcome.failures)
        missing = outcome.total - len(made.lines())
        few = outcome.total / 10 + 3 if made.driver == "haproxy" else 0
        assert 0 <= missing <= few, "the last lines of the log are there"
    return in_time


def test_a_program_that_crashes_is_started_again(balancer: Balancers, origin: Origins, loop: Loop) -> None:
    made = balancer(backend("web", [origin("m1")]))
    made.members("web", [origin("m2")])  # not in the configuration it began with
    until(lambda: list(made.cluster()["members"]) == ["m2"], "a later member")
    before = made.state()["program"]
    os.kill(before["pid"], signal.SIGKILL)
    until(lambda: made.state()["program"]["restarts"] == 1, "it is started again", 20)
    until(made.ready, "and serves")
    after = made.state()["program"]
    assert after["pid"] != before["pid"]
    assert "killed" in after["lastExit"]
    outcome = loop.run(Load(made.port, 100).run(1))
    assert outcome.members == {"m2": 100}


def test_only_who_shows_the_token_sees_state_and_metrics(balancer: Balancers, origin: Origins) -> None:
    made = balancer(backend("web", [origin("m1")]))
    assert httpx.get(made.url(), timeout=PATIENCE).status_code == 200
    for path in ("/v1/state", "/metrics"):
        assert made.ask(path, token=None).status_code == 401
        assert made.ask(path, token="wrong").status_code == 401  # noqa: S106
    assert made.ask("/healthz", token=None).status_code == 200
    until(lambda: made.cluster()["requests"] == 1, "it is counted")
    metrics = made.ask("/metrics").text
    assert 'altostratus_balancer_requests_total{backend="web",cluster="web"} 1' in metrics
    assert 'altostratus_balancer_request_duration_seconds_count{backend="web",cluster="web"} 1' in metrics
    assert 'altostratus_balancer_members{backend="web",cluster="web",state="serving"} 1' in metrics


def test_figures_tell_who_failed_and_how_long_it_took(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    made = balancer(backend("web", [origin("m1", delay=0.05, status=500)]))
    loop.run(Load(made.port, 40).run(1))

    def known() -> tuple[dict[str, Any], list[dict[str, Any]]] | None:
        told, logged = made.cluster(), made.lines()
        return (told, logged) if made.counted(40) and told["requests"] == len(logged) else None

    counted, lines = until(known, "all are counted and logged")
    number = len(lines)
    assert counted["errors"] == {"balancer": 0, "member": number, "client": 0, "unanswered": 0}
    assert counted["recent"]["p50"] > 0.04
    assert sum(counted["latency"]["counts"]) == number
    assert counted["members"]["m1"]["requests"] == number
    assert {line["member"] for line in lines} == {"m1"}
    assert {line["host"] for line in lines} == {"127.0.0.1"}
    assert all(line["path"] == "/" and line["method"] == "GET" for line in lines)


def test_a_slow_member_gets_less(balancer: Balancers, origin: Origins, loop: Loop) -> None:
    slow, quick = origin("slow", delay=2.0), origin("quick", delay=0.01)
    made = balancer(backend("web", [slow, quick], algorithm="least-connections"))
    outcome = loop.run(Load(made.port, 40).run(5))
    assert outcome.lost == 0
    assert outcome.members["quick"] > 2 * outcome.members["slow"]


def test_upgraded_connections_are_tunnels(balancer: Balancers, origin: Origins) -> None:
    made = balancer(backend("web", [origin("m1")]))
    with socket.create_connection(("127.0.0.1", made.port), PATIENCE) as tunnel:
        tunnel.sendall(
            b"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        head = b""
        while b"\r\n\r\n" not in head:
            head += tunnel.recv(1000)
        assert head.startswith(b"HTTP/1.1 101")
        for word in (b"one", b"two"):
            tunnel.sendall(word)
            assert tunnel.recv(100) == word
        until(lambda: made.cluster()["inFlight"]["serving"] == 1, "a tunnel is in flight")
    until(lambda: made.cluster()["inFlight"]["serving"] == 0, "until it is closed")

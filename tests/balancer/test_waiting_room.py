"""Nobody serves: requests wait for a bounded time, are counted, and are told why."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.balancer.load import Load
from tests.balancer.origins import Loop, Origin
from tests.balancer.rig import PATIENCE, Balancer, backend
from tests.waiting import until

pytestmark = pytest.mark.engine

Origins = Callable[..., Origin]
Balancers = Callable[..., Balancer]


def test_requests_wait_for_a_first_member_and_wake_its_cluster(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    made = balancer(backend("web"))
    load = Load(made.port, 50)
    running = loop.start(load.run(600))
    until(lambda: made.cluster()["inFlight"]["queued"] > 20, "they wait, and it is told")
    assert made.cluster()["waitingSince"] is not None
    assert not load.outcome.answers
    made.members("web", [origin("first", delay=0.01)])
    until(lambda: load.outcome.answers[200] > 100, "all are served once a member is there")
    until(lambda: made.cluster()["inFlight"]["queued"] == 0, "nobody waits any more")
    assert made.cluster()["waitingSince"] is None
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)


def test_waiting_ends_with_a_reason_when_nobody_comes(balancer: Balancers, driver: str) -> None:
    timeouts = {"connect": 1, "server": 20, "queue": 1, "tunnel": 60}
    made = balancer(backend("web", timeouts=timeouts))
    answer = httpx.get(made.url(), timeout=PATIENCE)
    assert answer.status_code == 503
    assert answer.headers["x-altostratus-reason"] == "no-members"
    assert answer.headers["retry-after"] == "5"
    assert "may be starting" in answer.text
    assert answer.elapsed.total_seconds() >= 1
    counted = until(lambda: made.cluster() if made.cluster()["requests"] else None, "it is counted")
    told_by_haproxy = int(driver == "haproxy")
    assert counted["errors"] == {"balancer": 1, "member": 0, "client": 0, "unanswered": told_by_haproxy}
    line = until(lambda: made.lines(), "it is logged")[-1]
    assert (line["reason"], line["status"], line["backend"]) == ("no-members", 503, "web")


def test_more_than_may_wait_is_refused_at_once(balancer: Balancers, origin: Origins, loop: Loop) -> None:
    made = balancer(backend("web", queue={"memberConnections": 0, "length": 30}))
    load = Load(made.port, 400)
    running = loop.start(load.run(600))
    until(lambda: load.outcome.answers[503] > 200, "most are refused")
    assert made.cluster()["inFlight"]["queued"] <= 35  # two processors may look at the same moment
    refused = httpx.get(made.url(), timeout=PATIENCE)
    assert refused.headers["x-altostratus-reason"] == "queue-full"
    made.members("web", [origin("first")])
    until(lambda: load.outcome.answers[200] > 30, "the others are served")
    load.stop()
    outcome = running.result(240)
    assert set(outcome.answers) == {200, 503}
    assert not outcome.failures
    until(lambda: made.counted(outcome.total + 1), "all are counted")
    assert made.cluster()["refused"]["queue"] == pytest.approx(outcome.answers[503] + 1, rel=0.1)


def test_members_serve_no_more_at_once_than_they_may(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    origins = [origin(f"m{number}", delay=0.1) for number in range(2)]
    made = balancer(backend("web", origins, queue={"memberConnections": 3, "length": 1000}))
    load = Load(made.port, 100)
    running = loop.start(load.run(2))
    peaks = [0, 0]
    queued = 0
    while not running.done():
        told = made.cluster()
        peaks = [max(peak, each.current) for peak, each in zip(peaks, origins, strict=True)]
        queued = max(queued, told["inFlight"]["queued"])
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    assert max(peaks) <= 3
    assert queued > 10


def test_maintenance_is_told_to_people(balancer: Balancers, origin: Origins) -> None:
    made = balancer(backend("web", [origin("m1")]))

    def get() -> httpx.Response:
        return httpx.get(made.url(), timeout=PATIENCE)

    assert get().status_code == 200
    made.control(maintenance={"web": "Back at <six>."})
    answer = until(lambda: found if (found := get()).status_code == 503 else None, "maintenance", 5)
    assert answer.headers["x-altostratus-reason"] == "maintenance"
    assert "Back at &lt;six&gt;." in answer.text
    assert made.cluster()["maintenance"] == "Back at <six>."
    made.control(maintenance={})
    until(lambda: get().status_code == 200, "and its end", 5)


def test_a_flood_is_answered_and_memory_stays_bounded(balancer: Balancers, loop: Loop, driver: str) -> None:
    timeouts = {"connect": 1, "server": 20, "queue": 10, "tunnel": 60}
    made = balancer(backend("web", queue={"memberConnections": 0, "length": 200}, timeouts=timeouts))
    pid = made.state()["program"]["pid"]
    before = _memory(pid)
    load = Load(made.port, 1500)
    outcome = loop.run(load.run(4))
    assert not outcome.failures
    assert outcome.answers[503] == outcome.total
    assert _memory(pid) - before < 96 * 1024 * 1024
    assert made.ready()


def _memory(pid: int) -> int:
    """Resident bytes of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()  # nginx has workers
    pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in [str(pid), *children])
    return pages * os.sysconf("SC_PAGE_SIZE")

"""Members come and go, in the real HAProxy and nginx, without a lost request."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.balancer.load import Load
from tests.balancer.origins import Loop, Origin
from tests.balancer.rig import PATIENCE, Balancer, backend
from tests.ports import free_ports
from tests.waiting import until

pytestmark = pytest.mark.engine

Origins = Callable[..., Origin]
Balancers = Callable[..., Balancer]


def serving(balancer: Balancer, *names: str) -> Callable[[], bool]:
    def look() -> bool:
        members = balancer.cluster()["members"]
        return {name for name, each in members.items() if each["state"] == "serving"} == set(names)

    return look


def test_members_come_and_go_under_load_without_a_lost_request(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    origins = [origin(f"m{number}", delay=0.01) for number in range(10)]
    made = balancer(backend("web", origins[:1]))
    load = Load(made.port, 200)
    running = loop.start(load.run(600))
    for count in (3, 10, 6, 1):
        made.members("web", origins[:count])
        until(serving(made, *(each.name for each in origins[:count])), f"{count} members serve", 20)
        before = [each.served for each in origins]
        until(
            lambda before=before, count=count: all(  # type: ignore[misc]
                each.served > b for each, b in zip(origins[:count], before[:count], strict=True)
            ),
            f"all {count} have requests",
        )
    for each in origins[1:]:
        each.close()  # they were let go: nothing may come to them any more
    seen = sum(load.outcome.answers.values())
    until(lambda: sum(load.outcome.answers.values()) > seen + 200, "a second of requests to the last one")
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    assert outcome.total > 400
    state = made.state()
    assert state["program"]["reloads"] == 0
    until(lambda: made.counted(outcome.total), "every request was counted")


def test_a_member_that_leaves_finishes_what_it_has_and_gets_nothing_new(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    slow, quick = origin("slow", holds=True), origin("quick")
    made = balancer(backend("web", [slow]))
    first = Load(made.port, 1)
    running = loop.start(first.run(0.5))
    until(lambda: slow.current == 1, "a request is being served")
    made.members("web", [quick])
    until(lambda: made.cluster()["members"].get("slow", {}).get("state") == "draining", "it drains")
    after = loop.run(Load(made.port, 100).run(1))
    assert after.members == {"quick": 100}
    slow.holds = False
    assert running.result(240).answers == {200: 1}
    until(lambda: "slow" not in made.cluster()["members"], "it is out once it has finished", 20)
    assert slow.served == 1


def test_a_member_that_is_to_leave_is_spared_at_once(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    origins = [origin("m1"), origin("m2")]
    made = balancer(backend("web", origins))
    made.control(leaving=["m1"])
    until(lambda: made.cluster()["members"]["m1"]["state"] == "leaving", "it is leaving")
    assert loop.run(Load(made.port, 100).run(1)).members == {"m2": 100}
    made.control(leaving=[])
    until(serving(made, "m1", "m2"), "it is back")
    assert set(loop.run(Load(made.port, 100).run(1)).members) == {"m1", "m2"}


def test_a_member_killed_under_load_costs_no_request_that_can_be_repeated(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    ports = free_ports(3)  # the same one again after the kill
    origins = [origin(f"m{number}", delay=0.005, port=port) for number, port in enumerate(ports)]
    made = balancer(backend("web", origins))
    load = Load(made.port, 200)
    running = loop.start(load.run(600))
    until(lambda: load.outcome.answers[200] > 200, "load")
    origins[0].kill()
    seen = load.outcome.answers[200]
    until(lambda: load.outcome.answers[200] > seen + 400, "requests after it")
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    until(lambda: made.cluster()["members"]["m0"]["state"] == "down", "it is seen to be down")
    origins[0].open()
    until(lambda: made.cluster()["members"]["m0"]["state"] == "serving", "and to be back")


def test_what_may_have_been_begun_is_not_tried_again(balancer: Balancers, origin: Origins) -> None:
    bad, good = origin("bad", drops=True), origin("good")
    made = balancer(backend("web", [bad, good], health=None))
    for _ in range(6):
        httpx.post(made.url("/order"), content=b"one", timeout=PATIENCE)
        for _ in range(2):  # one more than members, so that both kinds come to both
            assert httpx.get(made.url("/look"), timeout=PATIENCE).status_code == 200
    orders = bad.paths.count("POST /order") + good.paths.count("POST /order")
    assert orders == 6, "an order was sent twice"
    assert bad.paths.count("GET /look") > 0


def test_requests_in_flight_are_those_of_the_load_generator(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    origins = [origin(f"m{number}", delay=0.4) for number in range(4)]
    made = balancer(backend("web", origins[:2]))
    load = Load(made.port, 60)
    running = loop.start(load.run(600))
    until(lambda: load.outcome.in_flight > 15, "load")
    samples: list[tuple[int, int, int]] = []

    def look() -> tuple[int, int]:
        return sum(each.current for each in origins), load.outcome.in_flight

    def sample(count: int) -> None:
        for _ in range(count):
            before, told, after = look(), made.cluster()["inFlight"], look()
            # What members have, the balancer has too; and that is no more than the generator has.
            low, high = min(before[0], after[0]), max(before[1], after[1])
            samples.append((low, told["serving"] + told["queued"], high))
            time.sleep(0.02)  # samples are spread over the load, nothing is waited for

    sample(25)
    made.members("web", origins)
    sample(25)
    made.members("web", origins[2:])
    sample(25)

    def by_member() -> bool:
        now = made.cluster()
        each_has = [each["inFlight"]["serving"] for each in now["members"].values()]
        return sum(each_has) == now["inFlight"]["serving"] > 0

    until(by_member, "those of the members are those of their cluster")
    load.stop()
    running.result(240)
    at_members, told, counted = (sum(each) for each in zip(*samples, strict=True))
    assert 0.9 * at_members <= told <= 1.1 * counted, (at_members, told, counted)
    until(lambda: made.cluster()["inFlight"] == {"serving": 0, "queued": 0}, "nothing is left in flight")


def test_a_reload_under_load_loses_nothing_and_a_bad_configuration_is_refused(
    balancer: Balancers, origin: Origins, loop: Loop
) -> None:
    origins = [origin(f"m{number}", delay=0.01) for number in range(2)]
    made = balancer(backend("web", origins))
    load = Load(made.port, 200)
    running = loop.start(load.run(600))
    before = made.state()["config"]["hash"]
    good = made.template
    made.template = good + "\nnonsense here;\n"
    made.write()
    refused = until(lambda: made.state()["config"]["refused"], "the bad one is refused")
    assert "nonsense" in refused["reason"]
    assert made.state()["config"]["hash"] == before
    made.template = good + "\n# another one\n"
    made.write()
    until(lambda: made.state()["program"]["reloads"] == 1, "the good one is in force")
    assert made.state()["config"]["refused"] is None
    seen = load.outcome.answers[200]
    until(lambda: load.outcome.answers[200] > seen + 300, "requests after the reload")
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    assert sum(each.served for each in origins) == outcome.total, "members got one twice"
    until(lambda: made.counted(outcome.total), "counts go on over a reload")


def test_affinity_by_cookie_follows_members(balancer: Balancers, origin: Origins, driver: str) -> None:
    origins = [origin(f"m{number}") for number in range(3)]
    affinity: dict[str, Any] = {"by": "cookie", "name": "ALTO", "lifetime": 0}
    made = balancer(backend("web", origins[:2], affinity=affinity), start=False)
    if driver == "haproxy":
        line = "    cookie ALTO insert indirect nocache httponly dynamic\n    dynamic-cookie-key test\n"
        made.template = made.template.replace("backend web\n", "backend web\n" + line)
    made.start()
    made.members("web", origins)
    until(serving(made, "m0", "m1", "m2"), "all serve")
    homes = set()
    for _ in range(6):
        with httpx.Client(timeout=PATIENCE) as client:
            names = {client.get(made.url()).text.split("\n")[0] for _ in range(5)}
        assert len(names) == 1
        homes |= names
    assert "m2" in homes, "the member that came later has clients of its own"
    with httpx.Client(timeout=PATIENCE) as client:
        home = client.get(made.url()).text.split("\n")[0]
        made.members("web", [each for each in origins if each.name != home])
        until(lambda: home not in made.cluster()["members"], "its member is gone")
        assert client.get(made.url()).status_code == 200

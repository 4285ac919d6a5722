"""Measurements: what kubelets and balancers tell, with ages, and never a zero that nobody measured."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx2
import pytest

from autoscaler.decide.policy import IN_FLIGHT, LOAD_AVERAGE, MEMORY, REQUEST_RATE
from autoscaler.observe import balancer, kubelet, prometheus
from autoscaler.observe.board import STALE_SECONDS, YOUNG_SECONDS, Board
from autoscaler.observe.exposition import PodSample, read_cadvisor, read_resource
from autoscaler.observe.gathering import Gathering
from autoscaler.observe.members import SeenMember
from autoscaler.observe.members_amounts import amounts
from autoscaler.observe.registry import make
from autoscaler.observe.source import (
    BACKLOG,
    MISSED_RATE,
    Cloud,
    Measurement,
    Place,
    Report,
    SourceError,
    Target,
)

NOW = 1_700_000_000.0
WEB = Place("local", "app-shop", "home", "web")

RESOURCE = b"""# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="web",namespace="app-shop",pod="web-1"} 3.5 1700000000000
# TYPE pod_cpu_usage_seconds_total counter
pod_cpu_usage_seconds_total{namespace="app-shop",pod="web-1"} 4.25 1700000000500
pod_cpu_usage_seconds_total{namespace="kube-system",pod="dns"} 1e+02 1700000000500
# TYPE pod_memory_working_set_bytes gauge
pod_memory_working_set_bytes{namespace="app-shop",pod="web-1"} 1.2824576e+07 1700000000500
"""

CADVISOR = b"""\
container_cpu_cfs_throttled_seconds_total{container="",id="/a",image="",name="",namespace="app-shop",pod="web-1"} 9 1700000000500
container_cpu_cfs_throttled_seconds_total{container="web",id="/a/b",image="i",name="b",namespace="app-shop",pod="web-1"} 2 1700000000500
container_cpu_cfs_throttled_seconds_total{container="side",id="/a/c",image="i",name="c",namespace="app-shop",pod="web-1"} 1 1700000000500
container_cpu_usage_seconds_total{container="",cpu="total",id="/a",image="",name="",namespace="app-shop",pod="web-1"} 4.25 1700000000500
container_cpu_usage_seconds_total{container="",cpu="total",id="/a/p",image="pause",name="p",namespace="app-shop",pod="web-1"} 0.01 1700000000500
container_cpu_usage_seconds_total{container="web",cpu="total",id="/a/b",image="i",name="b",namespace="app-shop",pod="web-1"} 4.1 1700000000500
container_memory_working_set_bytes{container="",id="/a",image="",name="",namespace="app-shop",pod="web-1"} 500 1700000000500
container_memory_working_set_bytes{container="web",id="/a/b",image="i",name="b",namespace="app-shop",pod="web-1"} 400 1700000000500
"""  # noqa: E501


def seen(name: str = "web-1", host: str = "host1", **more: Any) -> SeenMember:
    given: dict[str, Any] = {"ready": True, "leaving": False, "crashing": False, "state": "Ready"}
    given |= {"created": NOW - 100, "cpu": 0.5, "memory": 1000.0}
    return SeenMember(name, host, **{**given, **more})


def target(*members: SeenMember, **more: Any) -> Target:
    given: dict[str, Any] = {"factors": frozenset({LOAD_AVERAGE, MEMORY})}
    return Target(WEB, "web", "shop", members, **{**given, **more})


def test_the_kubelets_short_answer_is_read_by_pod() -> None:
    assert read_resource(RESOURCE) == {
        ("app-shop", "web-1"): PodSample(4.25, 12824576.0, 0.0, NOW + 0.5),
        ("kube-system", "dns"): PodSample(100.0, None, 0.0, NOW + 0.5),
    }


def test_throttling_is_added_up_over_containers_and_not_counted_twice() -> None:
    assert read_cadvisor(CADVISOR) == {("app-shop", "web-1"): PodSample(4.25, 500.0, 3.0, NOW + 0.5)}


def test_what_a_pod_asks_for_and_may_use() -> None:
    resources = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    sidecar = {"restartPolicy": "Always", "resources": {"requests": {"cpu": "1", "memory": "64Mi"}}}
    first = {"resources": {"requests": {"cpu": "8", "memory": "8Gi"}}}
    found = amounts({"spec": {"containers": [{"resources": resources}], "initContainers": [sidecar, first]}})
    assert found == (pytest.approx(1.1), False, (256 + 64) * 2**20)
    assert amounts({"spec": {"containers": [{}]}}) == (None, False, None)


class Kubelets:
    """Answers as an API server does for kubelets, from a table by node; one that is not there is silent."""

    def __init__(self, answers: dict[str, bytes | Exception | int], date: str = "") -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.date = date

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.path)
        node = request.url.path.split("/")[4]
        answer = self.answers.get(node)
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx2.Response(answer, text="no")
        return httpx2.Response(200, content=answer, headers={"date": self.date} if self.date else {})


def connected(monkeypatch: pytest.MonkeyPatch, module: Any, answer: Any) -> None:
    """Both sources reach the API server through `connect`: the real client, another transport."""

    def connect(kubeconfig: Path, seconds: float) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url="https://server", timeout=seconds, transport=httpx2.MockTransport(answer)
        )

    monkeypatch.setattr(module, "connect", connect)


def usage(cpu: float, at: float, pod: str = "web-1") -> bytes:
    return (
        f'pod_cpu_usage_seconds_total{{namespace="app-shop",pod="{pod}"}} {cpu} {int(at * 1000)}\n'
        f'pod_memory_working_set_bytes{{namespace="app-shop",pod="{pod}"}} 250 {int(at * 1000)}\n'
    ).encode()


def test_load_average_is_the_share_of_asked_processors_between_two_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kubelets = Kubelets({"host1": usage(10.0, NOW)})
    connected(monkeypatch, kubelet, kubelets)
    found: list[Measurement] = []

    async def run() -> None:
        source = kubelet.KubeletSource(Cloud("local", Path()), clock=lambda: NOW + 14)
        await source.collect([target(seen())], found.append)
        assert [(each.factor, each.value) for each in found] == [(MEMORY, 25.0)], "one sample is no rate"
        kubelets.answers["host1"] = usage(13.0, NOW + 12)
        await source.collect([target(seen())], found.append)
        await source.collect([target(seen())], found.append)
        await source.close()

    asyncio.run(run())
    loads = [each for each in found if each.factor == LOAD_AVERAGE]
    # 3 seconds of processor in 12 seconds, half a processor asked for; the same sample again tells nothing.
    assert loads == [Measurement(WEB, LOAD_AVERAGE, "web-1", pytest.approx(50.0), NOW + 12, 12.0)]
    assert set(kubelets.asked) == {"/api/v1/nodes/host1/proxy/metrics/resource"}


def test_limits_bring_throttling_in_by_the_same_single_request(monkeypatch: pytest.MonkeyPatch) -> None:
    kubelets = Kubelets({"host1": CADVISOR})
    connected(monkeypatch, kubelet, kubelets)
    found: list[Measurement] = []

    async def run() -> None:
        source = kubelet.KubeletSource(Cloud("local", Path()), clock=lambda: NOW + 20)
        limited = target(seen(cpu_limited=True))
        await source.collect([limited], found.append)
        later = CADVISOR.replace(b" 1700000000500", b" 1700000010500")
        kubelets.answers["host1"] = later.replace(b'"web-1"} 4.25', b'"web-1"} 7.25').replace(
            b'"web-1"} 2 ', b'"web-1"} 4 '
        )
        await source.collect([limited], found.append)
        await source.close()

    asyncio.run(run())
    (load,) = [each for each in found if each.factor == LOAD_AVERAGE]
    assert load.value == pytest.approx(100.0 * (3.0 + 2.0) / (10.0 * 0.5))
    assert kubelets.asked == ["/api/v1/nodes/host1/proxy/metrics/cadvisor"] * 2


def test_a_silent_node_holds_up_no_other_and_is_asked_less(monkeypatch: pytest.MonkeyPatch) -> None:
    kubelets = Kubelets({"host1": usage(1.0, NOW), "host3": 500})
    connected(monkeypatch, kubelet, kubelets)
    monkeypatch.setattr(kubelet, "ANSWER_SECONDS", 0.2)
    found: list[Measurement] = []

    async def run() -> dict[str, str]:
        source = kubelet.KubeletSource(Cloud("local", Path()), clock=lambda: NOW)
        members = (seen(), seen("web-2", "host2"), seen("web-3", "host3"))
        await source.collect([target(*members)], found.append)
        await source.collect([target(*members)], found.append)
        troubles = dict(source.troubles())
        await source.close()
        return troubles

    troubles = asyncio.run(run())
    assert {each.member for each in found} == {"web-1"}
    assert troubles == {"host3": "answered 500: no"}
    paths = [path.split("/")[4] for path in kubelets.asked]
    assert (paths.count("host1"), paths.count("host2"), paths.count("host3")) == (2, 1, 1)


def test_another_clock_on_the_node_does_not_change_the_age(monkeypatch: pytest.MonkeyPatch) -> None:
    # The node's clock is an hour ahead; its sample is two seconds old by that clock.
    kubelets = Kubelets({"host1": usage(1.0, NOW + 3598)}, date="Tue, 14 Nov 2023 23:13:20 GMT")
    connected(monkeypatch, kubelet, kubelets)
    found: list[Measurement] = []

    async def run() -> None:
        source = kubelet.KubeletSource(Cloud("local", Path()), clock=lambda: NOW)
        await source.collect([target(seen())], found.append)
        await source.close()

    asyncio.run(run())
    assert [each.at for each in found] == [NOW - 2]


def test_nobody_answers_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    connected(monkeypatch, kubelet, Kubelets({"host1": 403}))

    async def run() -> None:
        source = kubelet.KubeletSource(Cloud("local", Path()))
        with pytest.raises(SourceError, match="no kubelet of 1 answers; host1: forbidden"):
            await source.collect([target(seen())], lambda _: None)
        await source.close()

    asyncio.run(run())


def load(member: str, value: float, at: float, window: float = 10.0) -> Measurement:
    return Measurement(WEB, LOAD_AVERAGE, member, value, at, window)


def test_missing_and_stale_are_none_and_never_zero() -> None:
    board, one = Board(), frozenset({"web-1"})
    assert board.read(WEB, LOAD_AVERAGE, one, NOW) is None
    board.take(load("web-1", 0.0, NOW))
    known = board.read(WEB, LOAD_AVERAGE, one, NOW + 5)
    assert known is not None
    assert (known.total, known.age) == (0.0, 5.0)
    assert board.read(WEB, LOAD_AVERAGE, one, NOW + STALE_SECONDS + 1) is None


def test_a_member_that_falls_silent_counts_as_the_others_and_is_named() -> None:
    board, ready = Board(), frozenset({"web-1", "web-2"})
    for second in range(0, 100, 10):
        board.take(load("web-1", 80.0, NOW + second))
        if second < 30:
            board.take(load("web-2", 80.0, NOW + second))
        known = board.read(WEB, LOAD_AVERAGE, ready, NOW + second)
        assert known is not None
        assert known.total == pytest.approx(160.0)
    assert known.unheard == ("web-2",)


def test_members_that_come_do_not_count_the_old_ones_load_twice() -> None:
    board, one, four = Board(), frozenset({"a"}), frozenset("abcd")
    board.take(load("a", 400.0, NOW))
    assert _total(board, one, NOW) == 400.0
    # Three come and take their share at once; the old one's value is from before for ten seconds yet.
    assert _total(board, four, NOW + 5) == 400.0
    for member in "bcd":
        board.take(load(member, 100.0, NOW + 17))
    totals = [_total(board, four, NOW + 17)]
    board.take(load("a", 100.0, NOW + 18))
    totals.append(_total(board, four, NOW + 18))
    assert totals == [400.0, 400.0]


def test_members_that_go_do_not_take_their_load_away() -> None:
    board, four, two = Board(), frozenset("abcd"), frozenset("ab")
    for member in "abcd":
        board.take(load(member, 50.0, NOW))
    assert _total(board, four, NOW) == 200.0
    assert _total(board, two, NOW + 5) == 200.0
    for member in "ab":
        board.take(load(member, 100.0, NOW + 16))
    assert _total(board, two, NOW + 16) == 200.0


def test_growth_is_seen_soon_after_members_came() -> None:
    board, one, two = Board(), frozenset("a"), frozenset("ab")
    board.take(load("a", 200.0, NOW))
    _total(board, one, NOW)
    _total(board, two, NOW + 1)
    for member in "ab":
        board.take(load(member, 300.0, NOW + 12))
    assert _total(board, two, NOW + 12) == 600.0
    assert YOUNG_SECONDS > 12


def _total(board: Board, ready: frozenset[str], now: float) -> float:
    known = board.read(WEB, LOAD_AVERAGE, ready, now)
    assert known is not None
    return known.total


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

    async def run() -> None:
        source = balancer.BalancerSource(Cloud("local", Path()), clock=lambda: NOW)
        asked = [target(factors=REQUEST_FACTORS, latency=0.3)]
        for _ in range(2):
            found: list[Measurement] = []
            await source.collect(asked, found.append)
            rounds.append({each.factor: each.value for each in found if not each.member})
            server.states["r1"] = state(NOW + 5, figures(150, [75, 60, 15], member=2))
            server.states["r2"] = state(NOW + 5, figures(110, [60, 40, 10], member=1, queued=4))
        await source.close()

    asyncio.run(run())
    assert REQUEST_RATE not in rounds[0], "one state is no rate"
    assert rounds[0][IN_FLIGHT] == 6
    assert rounds[1][IN_FLIGHT] == 10
    assert rounds[1][BACKLOG] == 4
    assert rounds[1][REQUEST_RATE] == pytest.approx(12.0)
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


class Fixed:
    """A source that does what it is told."""

    def __init__(self, name: str, collect: Callable[[], Iterable[Measurement]]) -> None:
        self.name = name
        self._collect = collect

    async def collect(self, targets: Any, report: Report) -> None:
        for each in self._collect():
            report(each)

    async def close(self) -> None: ...


def test_a_broken_source_is_told_and_leaves_the_others_alone() -> None:
    def broken() -> Iterable[Measurement]:
        raise ZeroDivisionError("theirs")

    board = Board()

    async def run() -> dict[str, str]:
        gathering = Gathering(board, lambda _: [])
        gathering.add("local", Fixed("good", lambda: [load("web-1", 5.0, NOW)]))
        gathering.add("local", Fixed("bad", broken))
        await gathering.round(5.0)
        problems = {name: health.problem for (_, name), health in gathering.health().items()}
        await gathering.close()
        return problems

    assert asyncio.run(run()) == {"good": "", "bad": "ZeroDivisionError: theirs"}
    assert board.read(WEB, LOAD_AVERAGE, frozenset({"web-1"}), NOW) is not None


def test_a_slow_source_does_not_hold_up_the_round_and_is_not_asked_twice() -> None:
    asked: list[str] = []

    class Slow(Fixed):
        async def collect(self, targets: Any, report: Report) -> None:
            asked.append("slow")
            await asyncio.Event().wait()

    board = Board()

    async def run() -> None:
        gathering = Gathering(board, lambda _: [])
        gathering.add("local", Slow("slow", list))
        gathering.add("local", Fixed("good", lambda: [load("web-1", 5.0, NOW)]))
        for _ in range(3):
            await gathering.round(0.01)
        await gathering.close()

    asyncio.run(run())
    assert asked == ["slow"]
    assert board.read(WEB, LOAD_AVERAGE, frozenset({"web-1"}), NOW) is not None


def test_an_unknown_source_names_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"no source 'kubelets'; known are balancer, kubelet, prometheus"):
        make("kubelets", Cloud("local", Path()))


class Prometheus(BaseHTTPRequestHandler):
    """A server of Prometheus' query API on loopback."""

    answer: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(urllib.parse.parse_qs(body)["query"][0])
        text = json.dumps(self.answer).encode()
        self.send_response(200 if self.answer.get("status") == "success" else 422)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    Prometheus.asked.clear()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()
    thread.join()


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [NOW, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (vector(({}, "12.5")), [("", 12.5)]),
        (vector(({"pod": "web-1"}, "1"), ({"pod": "web-2"}, "3")), [("web-1", 1.0), ("web-2", 3.0)]),
        ({"status": "success", "data": {"resultType": "scalar", "result": [NOW, "7"]}}, [("", 7.0)]),
        (vector(), []),
        (vector(({}, "NaN")), []),
        (vector(({"code": "200"}, "1"), ({"code": "500"}, "3")), []),
    ],
)
def test_prometheus_values_and_their_absence(
    server: str, answer: dict[str, Any], expected: list[tuple[str, float]]
) -> None:
    Prometheus.answer = answer
    found: list[Measurement] = []

    async def run() -> None:
        source = prometheus.PrometheusSource(Cloud("local", Path(), {"url": server}), clock=lambda: NOW)
        query = 'sum(queue{namespace="$namespace",cluster="$cluster"})'
        await source.collect([target(queries={"queue": query})], found.append)
        await source.close()

    asyncio.run(run())
    assert [(each.member, each.value) for each in found] == expected
    assert Prometheus.asked == ['sum(queue{namespace="app-shop",cluster="web"})']


def test_a_query_that_prometheus_refuses_is_told(server: str) -> None:
    Prometheus.answer = {"status": "error", "error": "parse error: unexpected )"}

    async def run() -> None:
        source = prometheus.PrometheusSource(Cloud("local", Path(), {"url": server}))
        with pytest.raises(SourceError, match=r"queue of web: parse error: unexpected \)"):
            await source.collect([target(queries={"queue": ")"})], lambda _: None)
        await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "url is None; write its address"),
        ({"url": "http://p", "tokenFile": "/t"}, "a token is only sent over https"),
        ({"url": "https://p", "ca": "/t"}, "unknown setting 'ca'; allowed are url, tokenFile, caFile"),
        ({"url": "https://p", "caFile": "/nowhere"}, "caFile /nowhere cannot be used"),
    ],
)
def test_prometheus_settings_are_checked(settings: dict[str, object], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        prometheus.PrometheusSource(Cloud("local", Path(), settings))

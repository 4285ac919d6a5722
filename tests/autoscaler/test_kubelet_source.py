"""What kubelets tell of load and memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx2
import pytest

from autoscaler.decide.policy import LOAD_AVERAGE, MEMORY
from autoscaler.observe import kubelet
from autoscaler.observe.exposition import PodSample, read_cadvisor, read_resource
from autoscaler.observe.members_amounts import amounts
from autoscaler.observe.source import Cloud, Measurement, SourceError
from tests.autoscaler.measuring import NOW, WEB, connected, seen, target

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
    monkeypatch.setattr(kubelet, "ANSWER_SECONDS", 2.0)
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

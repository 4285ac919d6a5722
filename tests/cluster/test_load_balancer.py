"""Load balancers on real hosts, with both drivers side by side: nothing is lost, and the figures are true."""

import concurrent.futures
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.cluster.applications import deployed
from tests.cluster.web_socket import WebSocket
from tests.demo import ROOT, Demo
from tests.steady_load import SteadyLoad
from tests.waiting import until
from toolchain.plugins.kubernetes.pods import condition

pytestmark = pytest.mark.cluster

BLUEPRINT = Path(__file__).parent / "balanced"
DRIVERS = {"haproxy": "h.1", "nginx": "n.1"}
"""The group in front of which each driver's balancer stands."""
RATE = 80.0
SAMPLES = 24


@dataclass(frozen=True)
class Balanced:
    """The application as its stack describes it."""

    demo: Demo
    namespace: str
    stack: str
    balancers: dict[str, Any]

    def described(self, driver: str) -> dict[str, Any]:
        return next(each for each in self.balancers.values() if each["driver"] == driver)

    def urls(self, driver: str, path: str = "/", scheme: str = "http") -> list[str]:
        return [url + path for url in self.described(driver)["urls"] if url.startswith(f"{scheme}:")]

    def scale(self, driver: str, alias: str, members: int) -> None:
        name = f"{DRIVERS[driver].replace('.', '-')}--{alias}"
        self.kubectl("scale", "deployment", name, f"--replicas={members}")

    def figures(self, driver: str, backend: str) -> dict[str, Any]:
        """What all replicas of the driver's balancer tell of one backend of its group."""
        told = json.loads(self.demo.alto("lb", self.stack.removeprefix("app-"), "--json").stdout)
        (backends,) = (each["backends"] for each in told if each["driver"] == driver)
        return dict(backends[f"{DRIVERS[driver]}/{backend}"])

    def kubectl(self, *arguments: str) -> str:
        return self.demo.run("kubectl", "-n", self.namespace, *arguments).stdout

    def pods(self, selector: str) -> list[dict[str, Any]]:
        return list(self.demo.kubectl("-n", self.namespace, "get", "pods", "-l", selector)["items"])

    def members(self, driver: str, alias: str) -> list[str]:
        name = f"{DRIVERS[driver].replace('.', '-')}--{alias}"
        return [pod["metadata"]["name"] for pod in self.pods(f"altostratus.dev/cluster={name}")]

    def replicas(self, driver: str) -> list[dict[str, Any]]:
        return self.pods(f"altostratus.dev/balancer={self.described(driver)['name']}")

    def control(self, driver: str, **control: Any) -> None:
        name = f"{self.described(driver)['name']}-control"
        document = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": self.namespace},
            "data": {"control.json": json.dumps(control)},
        }
        subprocess.run(
            ["kubectl", "apply", "--server-side", "-f", "-"],
            input=json.dumps(document),
            text=True,
            check=True,
            capture_output=True,
            env=self.demo.environment,
        )


@pytest.fixture(scope="module")
def balanced(demo: Demo) -> Iterator[Balanced]:
    with deployed(demo, "balanced", BLUEPRINT) as namespace:
        stack = next(
            path.name.removeprefix("Pulumi.").removesuffix(".yaml")
            for path in (ROOT / "stacks" / "config").glob("Pulumi.app-balanced-*.yaml")
            if str(BLUEPRINT) in path.read_text()
        )
        found = demo.run("pulumi", "stack", "output", "balancers", "--json", "--stack", stack).stdout
        yield Balanced(demo, namespace, stack, json.loads(found))


@contextmanager
def load_on_both(balanced: Balanced, rate: float, path: str = "/") -> Iterator[dict[str, SteadyLoad]]:
    """Requests at a rate to each driver; at the end each must have answered every one with success."""
    with ExitStack() as stack:
        loads = {
            driver: stack.enter_context(SteadyLoad(balanced.urls(driver, path), rate)) for driver in DRIVERS
        }
        yield loads
    for driver, load in loads.items():
        assert load.seen.sent > rate, f"the generator hardly ran: {load.seen.sent}"
        assert not load.seen.failed, f"{driver}: of {load.seen.sent} requests: {load.seen.failed}"


def test_two_replicas_on_two_hosts_answer_at_every_host(balanced: Balanced) -> None:
    for driver in DRIVERS:
        replicas = balanced.replicas(driver)
        assert len({pod["spec"]["nodeName"] for pod in replicas}) == len(replicas) == 2
        members = set(balanced.members(driver, "a"))
        for url in balanced.urls(driver):
            with urlopen(url, timeout=60) as answer:  # noqa: S310
                assert answer.headers["X-Member"] in members
        for port in balanced.demo.kubectl("-n", balanced.namespace, "get", "services")["items"]:
            if "altostratus.dev/cluster" in port["metadata"].get("labels", {}):
                assert port["spec"]["type"] == "ClusterIP", "members are reached by their balancer only"


def test_no_request_is_lost_while_members_come_and_go(balanced: Balanced) -> None:
    """1 to 10 to 1 members of each driver's cluster under load, then a member and a replica end."""
    name = balanced.stack.removeprefix("app-")
    with load_on_both(balanced, RATE) as loads:
        balanced.demo.alto("scale", name, "h.1/a=10", "n.1/a=10")
        for driver, load in loads.items():
            until(lambda load=load: len(load.seen.by_member) >= 10, f"all members of {driver} serve", 120)
        balanced.demo.alto("scale", name, "h.1/a=1", "n.1/a=1")
        for driver in DRIVERS:
            until(
                lambda driver=driver: len(balanced.members(driver, "a")) == 1, f"{driver} has one left", 120
            )
        # A replica of each balancer leaves as on the upgrade of a host, and one without any warning.
        for driver, how in itertools.product(DRIVERS, ((), ("--grace-period=0", "--force"))):
            gone = balanced.replicas(driver)[0]["metadata"]["name"]
            balanced.kubectl("delete", "pod", gone, "--wait=false", *how)
            until(lambda driver=driver, gone=gone: _whole(balanced, driver, gone), f"{driver} is whole again")


def _whole(balanced: Balanced, driver: str, without: str) -> bool:
    ready = [
        pod
        for pod in balanced.replicas(driver)
        if pod["metadata"]["name"] != without and condition(pod, "Ready").get("status") == "True"
    ]
    return len(ready) == 2


def test_a_killed_member_costs_no_request(balanced: Balanced) -> None:
    for driver in DRIVERS:
        balanced.scale(driver, "a", 3)
    with load_on_both(balanced, RATE / 2) as loads:
        for driver, load in loads.items():
            until(lambda load=load: len(load.seen.by_member) >= 3, f"three members of {driver} serve")
            balanced.kubectl(
                "delete",
                "pod",
                balanced.members(driver, "a")[0],
                "--grace-period=0",
                "--force",
                "--wait=false",
            )
        for load in loads.values():
            until(lambda load=load: len(load.seen.by_member) >= 4, "the successor serves")


def test_without_members_requests_wait_and_then_are_told_why(balanced: Balanced) -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = {d: pool.submit(_get, balanced.urls(d, "/b")[0]) for d in DRIVERS}
        for driver, answer in waiting.items():
            status, headers, body = answer.result(240)
            assert status == 503, driver
            assert headers["X-Altostratus-Reason"] in ("no-members", "queue-timeout")
            assert headers["Retry-After"]
            assert "<html" in body.lower(), f"{driver}: people see a page that says why"
        waiting = {d: pool.submit(_served, balanced.urls(d, "/b/deep")[0]) for d in DRIVERS}
        for driver in DRIVERS:
            balanced.scale(driver, "b", 1)
        for driver, answer in waiting.items():
            status, headers, _ = answer.result(600)
            assert status == 200, f"{driver}: a request that waited is served by the first member"
            assert headers["X-Path"] == "/deep", "the path is rewritten for the member"


def _served(url: str) -> tuple[int, Any, str]:
    """Asked again where the first member takes longer than requests may wait."""
    return until(lambda: found if (found := _get(url))[0] != 503 else None, f"{url} is served", 120)


def _get(url: str) -> tuple[int, Any, str]:
    try:
        with urlopen(url, timeout=120) as answer:  # noqa: S310
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_weights_change_at_once_and_cost_no_request(balanced: Balanced) -> None:
    """Cluster b got a member in the test before."""
    with load_on_both(balanced, RATE / 2) as loads:
        for driver, load in loads.items():
            group = DRIVERS[driver]
            (split,) = {r["split"] for r in balanced.described(driver)["routes"] if r["path"] == "/"}
            (other,) = until(lambda driver=driver: balanced.members(driver, "b"), "b has its member")
            until(lambda driver=driver, other=other: _known(balanced, driver, other), "both replicas know b")
            balanced.control(driver, weights={split: {f"{group}/a": 0, f"{group}/b": 100}})
            told = time.monotonic()
            until(lambda load=load, other=other: load.seen.by_member[other], f"b serves by {driver}", 5)
            print(f"{driver} took {time.monotonic() - told:.2f} s")
            balanced.control(driver, weights={split: {f"{group}/a": 50, f"{group}/b": 50}})


def _known(balanced: Balanced, driver: str, member: str) -> bool:
    found = balanced.figures(driver, "b")["members"].get(member, {})
    return found.get("state") == "serving" and found.get("known") == 2


def test_requests_in_flight_are_as_many_as_the_generator_has(balanced: Balanced) -> None:
    """Answers of b take 500 ms at 60 a second, so about 30 are in flight; both sides count for seconds."""
    name = balanced.stack.removeprefix("app-")
    with load_on_both(balanced, 60, "/b?ms=500") as loads:
        for load in loads.values():
            until(lambda load=load: load.answered() > 60, "the load is steady")
        told: dict[str, list[float]] = {driver: [] for driver in DRIVERS}
        counted: dict[str, list[float]] = {driver: [] for driver in DRIVERS}
        with subprocess.Popen(
            ["./alto", "lb", name, "--json", "--watch"],
            cwd=ROOT,
            env=balanced.demo.environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as live:
            assert live.stdout is not None
            for _ in range(3):
                live.stdout.readline()  # by then the command's own start weighs no more
            for _ in range(10 * SAMPLES):
                balancers = json.loads(live.stdout.readline())
                if any(each["ready"] != 2 for each in balancers):
                    continue  # one replica could not be asked in time, and what it has is not known
                for each in balancers:
                    backends = each["backends"].values()
                    told[each["driver"]].append(sum(b["serving"] + b["queued"] for b in backends))
                for driver, load in loads.items():
                    counted[driver].append(load.seen.in_flight)
                if all(len(each) == SAMPLES for each in told.values()):
                    break
            live.terminate()
    for driver in DRIVERS:
        assert len(told[driver]) == SAMPLES, f"both replicas of {driver} were there {len(told[driver])} times"
        # Members have 30, or what there is at all; between a request and its answer, the generator has more.
        least, most = 0.9 * min(30.0, fmean(counted[driver])), 1.1 * fmean(counted[driver])
        assert least < fmean(told[driver]) < most, (driver, told[driver], counted[driver])


def test_a_websocket_outlives_others_members_and_ends_with_its_own(balanced: Balanced) -> None:
    """Cluster b has one member; both drivers side by side."""
    held = {driver: WebSocket(balanced.urls(driver, "/b/chat")[0]) for driver in DRIVERS}
    for driver, each in held.items():
        assert each.member in balanced.members(driver, "b")
        balanced.kubectl("annotate", "pod", each.member, "controller.kubernetes.io/pod-deletion-cost=100")
        balanced.scale(driver, "b", 3)
    until(lambda: _sizes(balanced) == {3}, "three serve by each driver")
    for driver in DRIVERS:
        balanced.scale(driver, "b", 1)
    until(lambda: _sizes(balanced) == {1}, "one is left to each")
    for driver, each in held.items():
        assert each.echo("still there?") == "still there?"
        until(lambda driver=driver: balanced.figures(driver, "b")["serving"] == 1, "it is in flight")
    for driver, each in held.items():
        balanced.kubectl("delete", "pod", each.member, "--wait=false")
        until(
            lambda driver=driver, each=each: _state(balanced, driver, each.member) == "draining", "it drains"
        )
        assert each.echo("and now?") == "and now?"
    for driver, each in held.items():
        other = until(lambda driver=driver: _upgraded(balanced, driver), "another member takes new ones")
        assert other.member != each.member
        other.close()
        until(lambda each=each: _is_over(each), "it ends with its member")
    for driver, each in held.items():
        until(lambda driver=driver, each=each: not _state(balanced, driver, each.member), "it is out")


def _sizes(balanced: Balanced) -> set[int]:
    return {len(balanced.figures(driver, "b")["members"]) for driver in DRIVERS}


def _is_over(held: WebSocket) -> bool:
    try:
        return held.echo("still?") != "still?"
    except (OSError, EOFError):
        return True


def _state(balanced: Balanced, driver: str, member: str) -> str | None:
    found = balanced.figures(driver, "b")["members"].get(member, {})
    return found.get("state")


def _upgraded(balanced: Balanced, driver: str) -> WebSocket | None:
    try:
        return WebSocket(balanced.urls(driver, "/b/chat")[0])
    except (OSError, AssertionError, EOFError):
        return None


def test_http2_comes_in_over_tls_and_goes_on_without(balanced: Balanced) -> None:
    for driver in DRIVERS:
        command = ["curl", "-sk", "--http2", "-o", "/dev/null", "-D", "-", "-w", "%{http_version}"]
        (url, *_) = balanced.urls(driver, "/h2", "https")
        said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout.lower()
        assert said.startswith("http/2 200"), f"{driver}: {said}"
        assert said.endswith("2"), f"{driver}: the client speaks HTTP/2"
        assert "x-protocol: 2.0" in said, f"{driver}: so does the member"

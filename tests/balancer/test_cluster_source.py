"""The agent follows a real API server, with no more rights than the balancer's own role has."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.balancer.load import Load
from tests.balancer.origins import Loop, Origin
from tests.balancer.relay import Relay
from tests.balancer.rig import Balancer, backend
from tests.plugins import control_plane
from tests.waiting import until
from toolchain.plugins.kubernetes.client import Client

pytestmark = pytest.mark.engine

Origins = Callable[..., Origin]
Balancers = Callable[..., Balancer]

NAMESPACE = "app-shop"
RULES = [
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["front-control"],
        "verbs": ["get", "list", "watch"],
    },
]


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[control_plane.ControlPlane]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as plane:
        client = plane.client()
        _create_account(client)
        client.close()
        yield plane


def _create_account(client: Client) -> None:
    named = {"name": "front", "namespace": NAMESPACE}
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "front"}
    subject = {"kind": "ServiceAccount", "name": "front", "namespace": NAMESPACE}
    for path, content in (
        ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
        (f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", {"metadata": named}),
        (f"{roles}/roles", {"metadata": named, "rules": RULES}),
        (f"{roles}/rolebindings", {"metadata": named, "roleRef": reference, "subjects": [subject]}),
    ):
        client.create(path, content)


@pytest.fixture
def api(plane: control_plane.ControlPlane) -> Iterator[Client]:
    client = plane.client()
    yield client
    client.close()


SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
CONTROL = f"/api/v1/namespaces/{NAMESPACE}/configmaps"


def own_address() -> str:
    """An address of this machine that slices may hold: loopback is refused there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return str(probe.getsockname()[0])


class Endpoints:
    """The endpoints of the Service `web`: a slice for each member, as each has a port of its own."""

    def __init__(self, api: Client) -> None:
        self._api = api

    def put(self, member: Origin, *, ready: bool = True, terminating: bool = False) -> None:
        name = f"web-{member.name}"
        content = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": member.port, "protocol": "TCP"}],
            "endpoints": [
                {
                    "addresses": [member.host],
                    "targetRef": {"kind": "Pod", "name": member.name},
                    "conditions": {"ready": ready, "serving": True, "terminating": terminating},
                }
            ],
        }
        self._api.apply(f"{SLICES}/{name}", content, fieldManager="test", force="true")

    def remove(self, member: Origin) -> None:
        self._api.delete(f"{SLICES}/web-{member.name}", "Background")


@pytest.fixture
def endpoints(api: Client) -> Iterator[Endpoints]:
    yield Endpoints(api)
    for each in api.get(SLICES)["items"]:
        api.delete(f"{SLICES}/{each['metadata']['name']}", "Background")


@pytest.fixture
def link(plane: control_plane.ControlPlane, loop: Loop) -> Relay:
    """The way to the API server, which can be cut."""
    server = yaml.safe_load(plane.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return Relay(loop, int(server.rpartition(":")[2])).open()


@pytest.fixture
def follower(
    balancer: Balancers, api: Client, plane: control_plane.ControlPlane, link: Relay, tmp_path: Path
) -> Balancer:
    """A balancer that has only its service account."""
    asked = {"spec": {"expirationSeconds": 3600}}
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/front/token"
    token = tmp_path / "api-token"
    token.touch(mode=0o600)
    token.write_text(api.create(path, asked)["status"]["token"])
    followed = backend("web", service={"namespace": NAMESPACE, "name": "web", "port": "http"})
    del followed["addresses"]
    made = balancer(followed, backend("other"), start=False, namespace=NAMESPACE, control="front-control")
    made.model["splits"]["web"][1]["weight"] = 0
    made.environment = {
        "ALTO_KUBE_URL": f"https://127.0.0.1:{link.port}",
        "ALTO_KUBE_TOKEN_FILE": str(token),
        "ALTO_KUBE_CA_FILE": str(plane.folder / "ca.crt"),
    }
    return made


def _states(balancer: Balancer) -> dict[str, str]:
    return {name: each["state"] for name, each in balancer.cluster()["members"].items()}


def test_endpoints_are_followed_and_who_ends_drains_at_once(
    follower: Balancer, endpoints: Endpoints, origin: Origins, loop: Loop
) -> None:
    host = own_address()
    one, two, three = (origin(name, host=host, delay=0.01) for name in ("one", "two", "three"))
    endpoints.put(one)
    follower.start()
    assert follower.state()["source"]["connected"]
    load = Load(follower.port, 100)
    running = loop.start(load.run(600))
    endpoints.put(two)
    endpoints.put(three, ready=False)
    until(
        lambda: _states(follower) == {"one": "serving", "two": "serving"},
        "ready ones serve, others do not",
        10,
    )
    endpoints.put(one, ready=False, terminating=True)
    until(lambda: "one" not in _states(follower), "who ends drains, and is out", 30)
    served = one.served
    endpoints.put(three)
    until(lambda: _states(follower) == {"two": "serving", "three": "serving"}, "who is ready now serves", 10)
    endpoints.remove(two)
    until(lambda: _states(follower) == {"three": "serving"}, "who is gone is out", 15)
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)
    assert one.served == served


def test_without_the_api_server_the_last_known_members_stay(
    follower: Balancer, endpoints: Endpoints, origin: Origins, loop: Loop, link: Relay
) -> None:
    host = own_address()
    one, two = (origin(name, host=host) for name in ("one", "two"))
    endpoints.put(one)
    follower.start()
    link.cut()
    until(lambda: not follower.state()["source"]["connected"], "the loss is told", 30)
    assert loop.run(Load(follower.port, 100).run(1)).lost == 0
    assert follower.ready()
    follower.close()  # the container is killed, and starts again while the API server is away
    follower.start()
    assert loop.run(Load(follower.port, 100).run(1)).answers == {200: 100}
    endpoints.put(two)
    link.open()
    until(lambda: set(_states(follower)) == {"one", "two"}, "what happened meanwhile is seen", 60)


def test_further_members_share_with_those_of_the_service_and_drain_when_they_are_told_no_more(
    follower: Balancer, endpoints: Endpoints, origin: Origins, loop: Loop
) -> None:
    here, there = origin("one", host=own_address(), delay=0.01), origin("link", delay=0.01)
    endpoints.put(here)
    follower.start()
    load = Load(follower.port, 100)
    running = loop.start(load.run(600))
    told = [{"name": f"away.{number}", "host": "127.0.0.1", "port": there.port} for number in (1, 2, 3)]
    follower.control(further={"web": told})
    serving = dict.fromkeys(("one", "away.1", "away.2", "away.3"), "serving")
    until(lambda: _states(follower) == serving, "all serve", 10)
    before = here.served, there.served
    until(lambda: here.served + there.served > sum(before) + 400, "four seconds of requests")
    share = (there.served - before[1]) / (here.served + there.served - sum(before))
    assert 0.65 < share < 0.85, "three of four members' worth"
    follower.control(further={})
    until(lambda: _states(follower) == {"one": "serving"}, "they are out", 20)
    load.stop()
    outcome = running.result(240)
    assert outcome.lost == 0, (outcome.answers, outcome.failures)


def test_control_data_is_in_force_at_once(
    follower: Balancer, endpoints: Endpoints, origin: Origins, api: Client
) -> None:
    endpoints.put(origin("one", host=own_address()))
    follower.start()
    control = {"weights": {"web": {"web": 1, "other": 3}}, "nonsense": 1}
    content = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"control.json": json.dumps(control)}}
    api.create(CONTROL, {**content, "metadata": {"name": "front-control"}})
    until(lambda: "nonsense" in follower.state()["control"]["problem"], "what is wrong is told", 10)
    del control["nonsense"]
    content["data"] = {"control.json": json.dumps(control)}
    begun = time.monotonic()
    api.apply(f"{CONTROL}/front-control", content, fieldManager="test", force="true")
    until(lambda: follower.state()["splits"]["web"]["other"]["weight"] == 3, "the weight is in force", 5)
    print(f"the weight was in force after {time.monotonic() - begun:.2f} s")
    assert follower.state()["splits"]["web"]["web"]["share"] == 1, "the other one has no members"
    api.delete(f"{CONTROL}/front-control", "Background")
    until(
        lambda: follower.state()["splits"]["web"]["other"]["weight"] == 0, "without it, the model holds", 10
    )

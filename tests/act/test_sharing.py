"""Leases and marks in a real API server, with no more rights than they need."""

import base64
import json
import secrets
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from autoscaler.act import deletion_cost, kubernetes_lease
from autoscaler.act.deletion_cost import COST, mark
from autoscaler.act.edits import Removal
from autoscaler.act.kubernetes_lease import KubernetesLeases, Times
from autoscaler.act.refusals import NotOurs
from autoscaler.act.sharding import Sharding, owner
from tests.plugins import control_plane
from tests.plugins.control_plane import ControlPlane
from tests.waiting import until
from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import ApiError, Client

FAST = Times(duration=6.0, renew_within=4.5)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with control_plane.running(tmp_path_factory.mktemp("control-plane")) as plane:
        yield plane


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    name = f"sharing-{secrets.token_hex(4)}"
    client = plane.client()
    client.create("/api/v1/namespaces", {"metadata": {"name": name}})
    until(lambda: client.find(f"/api/v1/namespaces/{name}/serviceaccounts/default"), "the service account")
    return name


@pytest.fixture
def autoscaler(plane: ControlPlane, namespace: str) -> Client:
    """A client with the rights that the modules name, and no others."""
    admin = plane.client()
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}"
    rules = [*deletion_cost.RULES, *kubernetes_lease.RULES]
    admin.create(f"{base}/roles", {"metadata": {"name": "autoscaler"}, "rules": rules})
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "autoscaler"}
    binding = {"metadata": {"name": "autoscaler"}, "subjects": [subject], "roleRef": reference}
    admin.create(f"{base}/rolebindings", binding)
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    token = admin.create(path, {"spec": {"expirationSeconds": 3600}})["status"]["token"]
    document = yaml.safe_load(plane.kubeconfig.read_text())
    document["users"][0]["user"] = {"token": token}
    assert namespace in base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()
    return Client(kubeconfig.resolve(kubeconfig.parse(json.dumps(document))))


pytestmark = pytest.mark.engine


class Instance:
    """An autoscaler's share, renewed in the background until it is killed."""

    def __init__(self, client: Client, namespace: str, name: str) -> None:
        presence = KubernetesLeases(client, namespace, name, prefix="presence-", kind="presence", times=FAST)
        self.stacks = KubernetesLeases(client, namespace, name, times=FAST)
        self.sharding = Sharding(presence, self.stacks, idle=lambda stack: True)
        self._killed = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def _live(self) -> None:
        while not self._killed.wait(0.3):
            self.sharding.beat()

    def kill(self) -> None:
        """It renews no more and says nothing."""
        self._killed.set()
        self._thread.join()


def test_a_lease_has_one_holder_and_passes_on_when_that_one_is_silent(
    autoscaler: Client, namespace: str
) -> None:
    first = KubernetesLeases(autoscaler, namespace, "first", times=FAST)
    second = KubernetesLeases(autoscaler, namespace, "second", times=FAST)
    lease = first.hold("app-shop")
    assert lease.held()
    with pytest.raises(NotOurs, match="first has its lease"):
        second.hold("app-shop")
    assert not until(lambda: _taken(second) and [lease.held()], "the second takes over")[0], (
        "the first still believed to hold what the second has"
    )
    first.beat()
    with pytest.raises(NotOurs, match="second has its lease"):
        first.hold("app-shop")


def _taken(leases: KubernetesLeases) -> bool:
    try:
        return leases.hold("app-shop").held()
    except NotOurs:
        return False


def test_many_leases_are_renewed_in_time_by_two_that_beat_and_none_is_lost(
    autoscaler: Client, namespace: str
) -> None:
    leases = KubernetesLeases(autoscaler, namespace, "first", times=FAST)
    held = [leases.hold(f"app-{number}") for number in range(100)]
    written = {lease.content["metadata"]["resourceVersion"] for lease in held}
    # A person's label is another version of a lease, and still ours.
    autoscaler.replace(
        f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/altostratus-app-7",
        held[7].content | {"metadata": held[7].content["metadata"] | {"annotations": {"note": "mine"}}},
    )

    def renewed() -> bool:
        beats = [threading.Thread(target=leases.beat) for _ in range(2)]
        for beat in beats:
            beat.start()
        for beat in beats:
            beat.join()
        return not written & {lease.content["metadata"]["resourceVersion"] for lease in held}

    until(renewed, "each has been renewed")
    assert all(leases.hold(f"app-{number}") is lease for number, lease in enumerate(held))


def test_a_lease_that_is_given_up_is_free_at_once(autoscaler: Client, namespace: str) -> None:
    first = KubernetesLeases(autoscaler, namespace, "first")
    lease = first.hold("app-shop")
    first.close()
    assert not lease.held()
    assert KubernetesLeases(autoscaler, namespace, "second").hold("app-shop").held()


def test_two_that_reach_for_one_lease_do_not_both_get_it(autoscaler: Client, namespace: str) -> None:
    many = [KubernetesLeases(autoscaler, namespace, f"one-{n}") for n in range(8)]
    got: list[int] = []

    def reach(number: int) -> None:
        if _taken(many[number]):
            got.append(number)

    threads = [threading.Thread(target=reach, args=(n,)) for n in range(len(many))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_shares_are_whole_and_a_dead_ones_go_to_the_living(autoscaler: Client, namespace: str) -> None:
    stacks = [f"app-{n}" for n in range(12)]
    instances = [Instance(autoscaler, namespace, name) for name in ("red", "green", "blue")]

    def shares() -> list[frozenset[str]]:
        return [instance.sharding.share(stacks) for instance in instances]

    def settled() -> bool:
        found = shares()
        return sorted(stack for share in found for stack in share) == sorted(stacks)

    try:
        until(settled, "every stack has one owner")
        red = instances.pop(0)
        red.kill()
        assert not settled()
        until(settled, "the others have taken over")
    finally:
        for instance in instances:
            instance.kill()


def test_a_dead_ones_stacks_are_free_when_its_presence_has_run_out_and_no_later(
    autoscaler: Client, namespace: str
) -> None:
    now = [100.0]

    def leases(identity: str, kind: str) -> KubernetesLeases:
        return KubernetesLeases(
            autoscaler, namespace, identity, prefix=f"{kind}-", kind=kind, monotonic=lambda: now[0]
        )

    stack = next(s for s in map("app-{}".format, range(100)) if owner(s, ["living", "dead"]) == "dead")
    dead, living = (
        Sharding(leases(name, "presence"), leases(name, "stack"), idle=lambda stack: True)
        for name in ("dead", "living")
    )
    assert stack in dead.share([stack])
    living.share([stack])
    assert stack not in living.share([stack])
    now[0] += Times().duration - 1.0
    assert living.soonest() == pytest.approx(1.0), "when to look again, so that nobody waits for a turn"
    now[0] += 1.1
    assert living.share([stack]) == {stack}
    assert living.soonest() == float("inf")


def test_the_owner_is_the_same_for_all_and_few_move() -> None:
    stacks = [f"app-{n}" for n in range(1000)]
    three = {stack: owner(stack, {"a", "b", "c"}) for stack in stacks}
    two = {stack: owner(stack, {"b", "a"}) for stack in stacks}
    assert all(two[stack] == three[stack] for stack in stacks if three[stack] != "c")
    counts = [list(three.values()).count(name) for name in "abc"]
    assert min(counts) > 250
    assert owner("app-1", set()) is None


def pod(client: Client, namespace: str, name: str, ready: bool = True, node: str = "") -> None:
    spec: dict[str, Any] = {"containers": [{"name": "main", "image": "example.test/web:1"}]}
    if node:
        spec["nodeName"] = node
    about = {"name": name, "labels": {"cluster": "web"}}
    client.create(f"/api/v1/namespaces/{namespace}/pods", {"metadata": about, "spec": spec})
    status = {"type": "Ready", "status": "True" if ready else "False"}
    operations = [{"op": "add", "path": "/status/conditions", "value": [status]}]
    client.patch(f"/api/v1/namespaces/{namespace}/pods/{name}/status", operations)


def marks(client: Client, namespace: str) -> Mapping[str, str | None]:
    pods = client.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    return {p["metadata"]["name"]: (p["metadata"].get("annotations") or {}).get(COST) for p in pods}


def test_the_members_to_go_are_marked_and_old_marks_are_taken_away(
    plane: ControlPlane, namespace: str, autoscaler: Client
) -> None:
    admin = plane.client()
    for name in ("a", "b", "c"):
        pod(admin, namespace, name)
    pod(admin, namespace, "starting", ready=False)
    loads = {"a": 5.0, "b": 0.5, "c": 3.0}
    removal = Removal("local", namespace, {"cluster": "web"}, 2, loads)
    assert mark(autoscaler, removal) == {"starting": -2, "b": -1}
    assert marks(admin, namespace) == {"a": None, "b": "-1", "c": None, "starting": "-2"}
    before = admin.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    mark(autoscaler, removal)
    after = admin.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
    versions = [[p["metadata"]["resourceVersion"] for p in pods] for pods in (before, after)]
    assert versions[0] == versions[1], "the same marks were written again"
    mark(autoscaler, Removal("local", namespace, {"cluster": "web"}, 1, {"starting": 1.0, **loads}))
    assert marks(admin, namespace) == {"a": None, "b": None, "c": None, "starting": "-1"}


def test_the_account_may_do_no_more_than_that(autoscaler: Client, namespace: str) -> None:
    with pytest.raises(ApiError, match="forbidden"):
        autoscaler.get(f"/api/v1/namespaces/{namespace}/secrets")
    with pytest.raises(ApiError, match="forbidden"):
        autoscaler.delete(f"/api/v1/namespaces/{namespace}/pods/a", "Background")
    with pytest.raises(ApiError, match="forbidden"):
        autoscaler.get("/api/v1/namespaces/kube-system/pods")

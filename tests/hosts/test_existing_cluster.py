"""Registering a cluster that others made: what is asked of it, and how it is judged."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pulumi
import pytest
import yaml

from components.hosts.cluster_check import WANTED, judge
from components.hosts.cluster_facts import Access, ClusterFacts, ClusterUnreachable, NodeFacts, gather
from components.hosts.config import ExistingCluster as Settings
from components.hosts.existing_cluster import ClusterUnfit, ExistingCluster

GOOD = ClusterFacts(
    server="https://10.1.1.1:6443",
    version=(1, 33),
    nodes=[NodeFacts("n1", "10.1.1.1", ready=True, flannel=True)],
    storage_classes=["fast"],
    default_storage_class="fast",
)


def test_a_sound_cluster_has_no_problems() -> None:
    verdict = judge(GOOD)
    assert (verdict.problems, verdict.remarks, verdict.network) == ([], [], "flannel")


def test_every_problem_is_told_at_once() -> None:
    facts = replace(
        GOOD,
        version=(1, 21),
        denied=[Access("create", "namespaces"), Access("get", "nodes", subresource="proxy")],
        storage_classes=[],
        default_storage_class=None,
    )
    told = "\n".join(judge(facts, storage_class="gold").problems)
    assert "it runs Kubernetes 1.21; at least 1.28 is needed" in told
    assert "this user may not create namespaces, get nodes/proxy" in told
    assert "no storage class 'gold'; there are: none" in told


def test_nodes_that_wait_for_a_network_get_a_hint() -> None:
    waiting = NodeFacts("n1", "", ready=False, complaint="Network plugin returns error: cni not initialized")
    told = judge(replace(GOOD, nodes=[waiting])).problems
    assert len(told) == 1
    assert "none of its 1 nodes is ready" in told[0]
    assert "install one, flannel for instance" in told[0]


def test_one_ready_node_is_enough_and_none_is_not() -> None:
    waiting = NodeFacts("n2", "", ready=False)
    assert judge(replace(GOOD, nodes=[*GOOD.nodes, waiting])).problems == []
    assert judge(replace(GOOD, nodes=[])).problems == ["it has no nodes, so nothing can run on it"]


def test_a_missing_default_storage_class_is_a_remark() -> None:
    verdict = judge(replace(GOOD, default_storage_class=None))
    assert verdict.problems == []
    assert "no default storage class (there are: fast)" in verdict.remarks[0]


def test_the_network_is_recognised_by_its_agents() -> None:
    plain = [NodeFacts("n1", "10.1.1.1", ready=True)]
    assert judge(replace(GOOD, nodes=plain, networks=["cilium"])).network == "cilium"
    assert judge(replace(GOOD, nodes=plain)).network == "unknown"


class FakeApi(ThreadingHTTPServer):
    """An API server that knows one node and one storage class, and denies what it is told to."""

    denied: set[tuple[str, str]]
    status: int

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.denied = set()
        self.status = 200

    @property
    def kubeconfig(self) -> str:
        return yaml.safe_dump(
            {
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server_port}"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )


class _Answers(BaseHTTPRequestHandler):
    server: FakeApi

    LISTS: dict[str, list[dict[str, Any]]] = {  # noqa: RUF012
        "/api/v1/nodes": [
            {
                "metadata": {"name": "n1", "labels": {"node-role.kubernetes.io/worker": ""}},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "addresses": [{"type": "InternalIP", "address": "10.1.1.1"}],
                },
            }
        ],
        "/apis/apps/v1/daemonsets": [{"metadata": {"name": "calico-node"}}],
        "/apis/storage.k8s.io/v1/storageclasses": [
            {
                "metadata": {
                    "name": "fast",
                    "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
                }
            }
        ],
    }

    def do_GET(self) -> None:
        self._answer(
            {"major": "1", "minor": "33+"} if self.path == "/version" else {"items": self.LISTS[self.path]}
        )

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wish = review["spec"]["resourceAttributes"]
        self._answer({"status": {"allowed": (wish["verb"], wish["resource"]) not in self.server.denied}})

    def _answer(self, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def api() -> Iterator[FakeApi]:
    server = FakeApi()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_facts_are_gathered_from_the_api_server(api: FakeApi) -> None:
    facts = gather(api.kubeconfig, None, WANTED)
    assert facts.version == (1, 33)
    assert facts.nodes == [NodeFacts("n1", "10.1.1.1", ready=True, roles=("worker",))]
    assert (facts.networks, facts.default_storage_class, facts.denied) == (["calico"], "fast", [])


def test_what_may_not_be_listed_is_not_asked_for(api: FakeApi) -> None:
    api.denied = {("list", "nodes"), ("create", "secrets")}
    facts = gather(api.kubeconfig, None, WANTED)
    assert facts.nodes == []
    assert {str(access) for access in facts.denied} == {"list nodes", "create secrets"}
    assert len(judge(facts).problems) == 1


def test_old_credentials_are_told_apart_from_silence(api: FakeApi) -> None:
    api.status = 401
    with pytest.raises(ClusterUnreachable, match="does not let this user in"):
        gather(api.kubeconfig, None, WANTED)
    kubeconfig = api.kubeconfig.replace(str(api.server_port), "1")
    with pytest.raises(ClusterUnreachable, match="does not answer"):
        gather(kubeconfig, None, WANTED)


@pytest.mark.parametrize(
    ("kubeconfig", "told"),
    [
        ("just text", "not a YAML object"),
        ("a: [", "cannot be used"),
        ("clusters: []\ncontexts: []\nusers: []\ncurrent-context: x\n", "cannot be used"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_is_refused(kubeconfig: str, told: str) -> None:
    with pytest.raises(ClusterUnreachable, match=told):
        gather(kubeconfig, None, WANTED)


class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        return f"{args.name}-id", dict(args.inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[Any, Any]:
        return {}


def test_an_existing_cluster_has_a_host_clusters_outputs(api: FakeApi) -> None:
    pulumi.runtime.set_mocks(Mocks(), "altostratus", "hosts-far")
    found: dict[str, Any] = {}

    @pulumi.runtime.test
    def register() -> pulumi.Output[None]:
        cluster = ExistingCluster("far", Settings(driver="existing"), pulumi.Output.secret(api.kubeconfig))

        def keep(values: list[Any]) -> None:
            found["nodes"], found["address"], found["kubeconfig"] = values

        return pulumi.Output.all(cluster.nodes, cluster.address, cluster.kubeconfig).apply(keep)

    register()
    assert found["nodes"] == [{"name": "n1", "address": "10.1.1.1", "roles": ["worker"]}]
    assert found["address"] == f"http://127.0.0.1:{api.server_port}"
    assert found["kubeconfig"] == api.kubeconfig


def test_a_kubeconfig_that_is_missing_is_asked_for() -> None:
    pulumi.runtime.set_mocks(Mocks(), "altostratus", "hosts-far")
    with pytest.raises(ClusterUnfit, match="no kubeconfig is given"):
        ExistingCluster("far", Settings(driver="existing"))
    with pytest.raises(ClusterUnfit, match="/nowhere/config cannot be read: No such file"):
        ExistingCluster("far", Settings(driver="existing", kubeconfig="/nowhere/config"))

"""Workloads on real nodes: the update returns when Pods are ready, and names the cause when they are not.

Images are those that the nodes hold already, so nothing has to be fetched.
"""

import pytest

from tests.conformance.engine import Project
from toolchain.plugins.kubernetes.client import Client

pytestmark = pytest.mark.cluster

SHORT = {"pulumi.com/timeoutSeconds": "90"}


@pytest.fixture(scope="session")
def image(cluster: Client, has_nodes: bool) -> str:
    """A small image that every node holds and whose command keeps running: the nodes' own pause image."""
    if not has_nodes:
        pytest.skip("the cluster has no Ready node; set ALTO_TEST_KUBECONFIG to one that has")
    held = [
        {name for entry in node["status"].get("images", []) for name in entry.get("names", [])}
        for node in cluster.get("/api/v1/nodes")["items"]
    ]
    common = sorted(name for name in set.intersection(*held) if "pause" in name)
    assert common, f"no pause image is on every node; they hold {held}"
    return common[0]


def test_a_deployment_with_its_service_is_ready_when_the_update_returns(
    project: Project, cluster: Client, image: str
) -> None:
    project.program(f"""
        labels = {{"app": "web"}}
        web = k8s.apps.v1.Deployment("web", metadata=meta("web"), spec={{"replicas": 2,
            "selector": {{"match_labels": labels}}, "template": {{"metadata": {{"labels": labels}},
                "spec": {{"termination_grace_period_seconds": 1, "containers": [{{"name": "main",
                    "image": "{image}", "image_pull_policy": "IfNotPresent"}}]}}}}}}, opts=opts)
        k8s.core.v1.Service("web", metadata=meta("web"),
            spec={{"selector": labels, "ports": [{{"port": 80}}]}},
            opts=ResourceOptions.merge(opts, ResourceOptions(depends_on=[web])))
    """)
    project.up().succeeded()
    live = cluster.get(f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web")
    assert live["status"]["availableReplicas"] == 2
    recorded = next(each for each in project.resources() if each["type"] == "kubernetes:apps/v1:Deployment")
    assert recorded["outputs"]["status"]["readyReplicas"] == 2
    project.up("--refresh", "--expect-no-changes").succeeded()


def test_a_stateful_set_is_ready_when_the_update_returns_and_rolls_in_place(
    project: Project, cluster: Client, image: str
) -> None:
    program = """
        labels = {{"app": "db"}}
        k8s.apps.v1.StatefulSet("db", metadata=meta("db"), spec={{"replicas": 2, "service_name": "db",
            "selector": {{"match_labels": labels}}, "template": {{"metadata": {{"labels": labels,
                "annotations": {{"turn": "{turn}"}}}}, "spec": {{"termination_grace_period_seconds": 1,
                "containers": [{{"name": "main", "image": "{image}",
                    "image_pull_policy": "IfNotPresent"}}]}}}}}}, opts=opts)
    """
    path = f"/apis/apps/v1/namespaces/{project.namespace}/statefulsets/db"
    project.program(program.format(turn="first", image=image))
    project.up().succeeded()
    assert cluster.get(path)["status"]["readyReplicas"] == 2

    project.program(program.format(turn="second", image=image))
    project.up().succeeded()
    status = cluster.get(path)["status"]
    assert status["currentRevision"] == status["updateRevision"]


def test_an_image_that_cannot_be_pulled_is_named_in_the_failure(project: Project, image: str) -> None:
    project.program(f"""
        labels = {{"app": "web"}}
        k8s.apps.v1.Deployment("web", metadata=meta("web", annotations={SHORT}), spec={{"replicas": 1,
            "selector": {{"match_labels": labels}}, "template": {{"metadata": {{"labels": labels}},
                "spec": {{"containers": [{{"name": "main", "image": "registry.invalid/none:1"}}]}}}}}},
            opts=opts)
    """)
    output = project.up().failed().output
    assert "registry.invalid/none:1" in output
    assert "ImagePull" in output
    assert project.resource("web")["initErrors"]


def test_a_container_that_cannot_start_is_named_in_the_failure(project: Project, image: str) -> None:
    project.program(f"""
        k8s.core.v1.Pod("broken", metadata=meta("broken", annotations={SHORT}), spec={{
            "termination_grace_period_seconds": 1, "containers": [{{"name": "main", "image": "{image}",
                "image_pull_policy": "IfNotPresent", "command": ["/does/not/exist"]}}]}}, opts=opts)
    """)
    output = project.up().failed().output
    assert "main" in output
    assert "/does/not/exist" in output or "CrashLoopBackOff" in output


def test_a_job_that_fails_for_good_fails_the_update(project: Project, image: str) -> None:
    project.program(f"""
        k8s.batch.v1.Job("work", metadata=meta("work"), spec={{"backoff_limit": 0, "template": {{"spec": {{
            "restart_policy": "Never", "containers": [{{"name": "main", "image": "{image}",
                "image_pull_policy": "IfNotPresent", "command": ["/does/not/exist"]}}]}}}}}}, opts=opts)
    """)
    project.up().failed()
    assert project.resource("work")["initErrors"]


def test_a_deployment_is_gone_with_its_pods_when_its_deletion_is_reported(
    project: Project, cluster: Client, image: str
) -> None:
    project.program(f"""
        labels = {{"app": "web"}}
        k8s.apps.v1.Deployment("web", metadata=meta("web"), spec={{"replicas": 1,
            "selector": {{"match_labels": labels}}, "template": {{"metadata": {{"labels": labels}},
                "spec": {{"termination_grace_period_seconds": 1, "containers": [{{"name": "main",
                    "image": "{image}", "image_pull_policy": "IfNotPresent"}}]}}}}}}, opts=opts)
    """)
    project.up().succeeded()
    project.destroy().succeeded()
    pods = cluster.get(f"/api/v1/namespaces/{project.namespace}/pods", labelSelector="app=web")["items"]
    assert not pods

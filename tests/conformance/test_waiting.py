"""An update waits until what it made is ready, and says why when it is not."""

import re
import signal

import pytest

from tests.conformance.engine import COMMAND_LIMIT, Project
from tests.waiting import until
from toolchain.plugins.kubernetes.client import Client

pytestmark = pytest.mark.engine

# No node has this label, so its Pods are never scheduled, with nodes or without.
NOWHERE = """
    k8s.apps.v1.Deployment("web", metadata=meta("web", annotations={annotations}),
        spec={{"replicas": {replicas}, "selector": {{"match_labels": {{"app": "web"}}}},
            "template": {{"metadata": {{"labels": {{"app": "web"}}}}, "spec": {{
                "node_selector": {{"conformance.test/nowhere": "true"}},
                "containers": [{{"name": "main", "image": "example.test/web:1"}}]}}}}}}, opts=opts)
"""
SHORT = {"pulumi.com/timeoutSeconds": "20"}


def test_a_deployment_that_cannot_be_scheduled_fails_with_the_scheduler_s_reason(
    project: Project, cluster: Client
) -> None:
    project.program(NOWHERE.format(annotations=SHORT, replicas=1))
    outcome = project.up().failed()
    assert re.search(r"nodes? (are )?available", outcome.output), outcome.output
    assert cluster.find(f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web") is not None


def test_what_was_made_but_is_not_ready_stays_in_the_state_and_the_next_update_tries_again(
    project: Project, cluster: Client
) -> None:
    project.program(NOWHERE.format(annotations=SHORT, replicas=1))
    project.up().failed()
    recorded = project.resource("web")
    assert recorded["id"] == f"{project.namespace}/web"
    assert recorded["initErrors"]
    live = cluster.get(f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web")
    assert recorded["outputs"]["metadata"]["uid"] == live["metadata"]["uid"]
    project.up().failed()

    project.program(NOWHERE.format(annotations=SHORT, replicas=0))
    project.up().succeeded()
    mended = project.resource("web")
    assert not mended.get("initErrors")
    assert mended["outputs"]["metadata"]["uid"] == live["metadata"]["uid"]


def test_an_annotation_skips_the_waiting(project: Project) -> None:
    project.program(NOWHERE.format(annotations={"pulumi.com/skipAwait": "true"}, replicas=1))
    project.up().succeeded()
    assert not project.resource("web").get("initErrors")


def test_a_custom_timeout_of_the_resource_ends_the_waiting(project: Project) -> None:
    program = NOWHERE.format(annotations={}, replicas=1)
    limited = (
        "ResourceOptions.merge(opts, ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='20s')))"
    )
    project.program(program.replace("opts=opts", f"opts={limited}"))
    project.up().failed()
    assert project.resource("web")["initErrors"]


def test_a_service_waits_for_ready_pods_of_its_selector(project: Project) -> None:
    project.program("""
        k8s.core.v1.Service("web", metadata=meta("web", annotations={"pulumi.com/timeoutSeconds": "10"}),
            spec={"selector": {"app": "nobody"}, "ports": [{"port": 80}]}, opts=opts)
    """)
    outcome = project.up().failed()
    assert "spec.selector" in outcome.output
    assert project.resource("web")["initErrors"]


def test_of_two_updates_at_once_one_is_told_who_holds_the_lock_and_a_cancelled_one_loses_nothing(
    project: Project, cluster: Client
) -> None:
    project.program(NOWHERE.format(annotations={}, replicas=1))
    first = project.start_up()
    path = f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web"
    until(lambda: cluster.find(path), "the first update has made its object")

    assert "locked" in project.up().failed().output

    first.send_signal(signal.SIGINT)
    printed, _ = first.communicate(timeout=COMMAND_LIMIT)
    assert first.returncode != 0, printed
    assert project.resource("web")["id"] == f"{project.namespace}/web", (
        "a cancelled update keeps what it made"
    )
    assert not project.state().get("pending_operations"), "and knows how each operation ended"

    project.program(NOWHERE.format(annotations={}, replicas=0))
    project.up().succeeded()
    assert not project.resource("web").get("initErrors")

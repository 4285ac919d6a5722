"""When objects count as ready, and what is said when they do not. Pure rules over reported objects."""

from typing import Any

import pytest

from toolchain.plugins.kubernetes import pods, readiness
from toolchain.plugins.kubernetes.readiness import RULES, View


def workload(generation: int = 1, observed: int = 1, spec: Any = None, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "namespace": "prod", "uid": "w", "generation": generation},
        "spec": {"replicas": 2, **(spec or {})},
        "status": {"observedGeneration": observed, **status},
    }


def a_pod(name: str = "web-1", created: str = "1", labels: Any = None, **status: Any) -> dict[str, Any]:
    about = {
        "name": name,
        "namespace": "prod",
        "uid": name,
        "creationTimestamp": created,
        "labels": labels or {},
    }
    return {"metadata": about, "status": {"phase": "Pending", **status}}


def waiting_pod(reason: str, message: str, **more: Any) -> dict[str, Any]:
    state = {"waiting": {"reason": reason, "message": message}}
    return a_pod(containerStatuses=[{"name": "main", "ready": False, "state": state, **more}])


def event(uid: str, reason: str, message: str, kind: str = "Warning") -> dict[str, Any]:
    return {"involvedObject": {"uid": uid}, "reason": reason, "message": message, "type": kind}


ROLLED_OUT = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2}


@pytest.mark.parametrize(
    ("content", "ready"),
    [
        (workload(**ROLLED_OUT), True),
        (workload(generation=2, observed=1, **ROLLED_OUT), False),
        (workload(**{**ROLLED_OUT, "updatedReplicas": 1}), False),
        (workload(**{**ROLLED_OUT, "availableReplicas": 1}), False),
        (workload(**{**ROLLED_OUT, "replicas": 3}), False),
        (workload(spec={"replicas": 0}), True),
        (workload(spec={"paused": True}), True),
    ],
)
def test_a_deployment_is_ready_when_all_replicas_are_of_the_newest_template_and_available(
    content: dict[str, Any], ready: bool
) -> None:
    assert readiness.deployment(View(content)).ready is ready


def test_a_deployment_over_its_quota_says_so() -> None:
    failure = {
        "type": "ReplicaFailure",
        "status": "True",
        "reason": "FailedCreate",
        "message": 'pods "web-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1',
    }
    reasons = readiness.deployment(View(workload(conditions=[failure]))).reasons
    assert "exceeded quota: small" in reasons[0]


def test_a_deployment_names_what_is_wrong_with_its_newest_pods_only() -> None:
    old = waiting_pod("CrashLoopBackOff", "old trouble")
    old["metadata"]["labels"] = {"pod-template-hash": "1"}
    new = a_pod("web-2", "2", {"pod-template-hash": "2"})
    new["status"]["containerStatuses"] = [
        {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'image "none:1"'}}}
    ]
    reasons = readiness.deployment(View(workload(), pods=(old, new))).reasons
    assert reasons == ('Pod web-2: container main: [ImagePullBackOff] image "none:1"',)


@pytest.mark.parametrize(
    ("content", "ready"),
    [
        (
            workload(replicas=2, readyReplicas=2, updatedReplicas=2, currentRevision="b", updateRevision="b"),
            True,
        ),
        (
            workload(replicas=2, readyReplicas=2, updatedReplicas=1, currentRevision="a", updateRevision="b"),
            False,
        ),
        (
            workload(replicas=2, readyReplicas=1, updatedReplicas=2, currentRevision="b", updateRevision="b"),
            False,
        ),
        (
            workload(
                spec={"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}},
                **{"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1},
                currentRevision="a",
                updateRevision="b",
            ),
            True,
        ),
        (
            workload(
                spec={"updateStrategy": {"type": "OnDelete"}}, replicas=2, readyReplicas=2, updateRevision="b"
            ),
            True,
        ),
    ],
)
def test_a_stateful_set_is_ready_when_its_strategy_has_run_its_course(content: Any, ready: bool) -> None:
    assert readiness.stateful_set(View(content)).ready is ready


def test_nobody_waits_for_data_that_is_lost() -> None:
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    pod = a_pod("db-0", conditions=[unscheduled])
    events = (event("db-0", "FailedScheduling", "no node"), event("db-0", "DataLost", "host2 has left"))
    verdict = readiness.stateful_set(View(workload(), (pod,), (), events))
    assert verdict.hopeless
    assert verdict.reasons == ("Pod db-0: host2 has left",)
    others = (event("db-0", "FailedScheduling", "no node"), event("db-1", "DataLost", "host2 has left"))
    assert not readiness.stateful_set(View(workload(), (pod,), (), others)).hopeless


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({"desiredNumberScheduled": 3, "numberAvailable": 3, "updatedNumberScheduled": 3}, True),
        ({"desiredNumberScheduled": 3, "numberAvailable": 2, "updatedNumberScheduled": 3}, False),
        ({"desiredNumberScheduled": 3, "numberAvailable": 3, "updatedNumberScheduled": 1}, False),
        ({"desiredNumberScheduled": 0}, True),
    ],
)
def test_a_daemon_set_is_ready_on_every_node_that_should_have_it(status: Any, ready: bool) -> None:
    assert readiness.daemon_set(View(workload(**status))).ready is ready


def test_a_job_is_ready_when_complete_and_hopeless_when_failed() -> None:
    complete = {"type": "Complete", "status": "True"}
    failed = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "message": "limit reached",
    }
    assert readiness.job(View(workload(conditions=[complete]))).ready
    verdict = readiness.job(View(workload(conditions=[failed])))
    assert verdict.hopeless
    assert "BackoffLimitExceeded" in verdict.reasons[0]
    assert not readiness.job(View(workload(active=1))).ready


def a_service(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web"},
        "spec": {"clusterIP": "10.0.0.1", **spec},
        "status": {"loadBalancer": {}},
    }


def a_slice(ready: bool | None) -> dict[str, Any]:
    return {"endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": ready}}]}


@pytest.mark.parametrize(
    ("content", "slices", "ready"),
    [
        (a_service(selector={"app": "web"}), (), False),
        (a_service(selector={"app": "web"}), (a_slice(False),), False),
        (a_service(selector={"app": "web"}), (a_slice(False), a_slice(True)), True),
        (a_service(selector={"app": "web"}), (a_slice(None),), True),
        (a_service(selector={"app": "web"}, clusterIP="None"), (), True),
        (a_service(), (), True),
        (a_service(type="ExternalName", externalName="example.test"), (), True),
        (a_service(type="LoadBalancer", selector={"app": "web"}), (a_slice(True),), False),
    ],
)
def test_a_service_is_ready_when_its_selector_finds_a_ready_pod(
    content: Any, slices: Any, ready: bool
) -> None:
    assert readiness.service(View(content, slices=slices)).ready is ready


def test_a_load_balancer_is_ready_with_an_address() -> None:
    content = a_service(type="LoadBalancer")
    assert "IP address" in readiness.service(View(content)).reasons[0]
    content["status"]["loadBalancer"] = {"ingress": [{"ip": "192.0.2.7"}]}
    assert readiness.service(View(content)).ready


def test_a_claim_is_ready_when_bound_or_when_it_waits_for_its_first_consumer() -> None:
    def claim(phase: str) -> dict[str, Any]:
        return {"metadata": {"uid": "c"}, "status": {"phase": phase}}

    assert readiness.volume_claim(View(claim("Bound"))).ready
    assert not readiness.volume_claim(View(claim("Pending"))).ready
    late = event("c", "WaitForFirstConsumer", "waiting", "Normal")
    assert readiness.volume_claim(View(claim("Pending"), events=(late,))).ready
    stuck = event("c", "ProvisioningFailed", 'storageclass "fast" not found')
    reasons = readiness.volume_claim(View(claim("Pending"), events=(stuck,))).reasons
    assert reasons == ('[ProvisioningFailed] storageclass "fast" not found',)


def test_other_kinds_are_ready_by_their_phase_or_condition() -> None:
    established = {"conditions": [{"type": "Established", "status": "True"}]}
    addressed = {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}
    quota = {"spec": {"hard": {"cpu": "1"}}, "status": {"hard": {"cpu": "1000m"}}}
    assert readiness.namespace(View({"status": {"phase": "Active"}})).ready
    assert not readiness.namespace(View({"status": {"phase": "Terminating"}})).ready
    assert readiness.volume(View({"status": {"phase": "Available"}})).ready
    assert readiness.custom_resource_definition(View({"status": established})).ready
    assert not readiness.custom_resource_definition(View({"status": {}})).ready
    assert readiness.ingress(View({"status": addressed})).ready
    assert not readiness.ingress(View({"status": {"loadBalancer": {}}})).ready
    assert readiness.resource_quota(View(quota)).ready
    assert not readiness.resource_quota(View({**quota, "status": {}})).ready


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (
            a_pod(
                conditions=[
                    {
                        "type": "PodScheduled",
                        "status": "False",
                        "reason": "Unschedulable",
                        "message": "0/3 nodes are available: 3 Insufficient cpu.",
                    }
                ]
            ),
            "[Unschedulable] 0/3 nodes are available: 3 Insufficient cpu.",
        ),
        (waiting_pod("ErrImagePull", "not found"), "container main: [ErrImagePull] not found"),
        (
            waiting_pod(
                "CrashLoopBackOff",
                "back-off 20s",
                lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
            ),
            "container main: [CrashLoopBackOff] back-off 20s (exit code 137, OOMKilled)",
        ),
        (
            a_pod(
                containerStatuses=[
                    {"name": "main", "state": {"terminated": {"exitCode": 3, "reason": "Error"}}}
                ]
            ),
            "container main: exit code 3",
        ),
        (
            a_pod(
                initContainerStatuses=[
                    {"name": "prepare", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
                ]
            ),
            "container prepare: [CrashLoopBackOff] waiting",
        ),
        (
            a_pod(
                containerStatuses=[{"name": "main", "ready": False, "state": {"running": {"startedAt": "1"}}}]
            ),
            "container main runs, but is not ready",
        ),
        (
            a_pod(phase="Failed", reason="Evicted", message="node ran out of disk"),
            "[Evicted] node ran out of disk",
        ),
    ],
)
def test_a_pod_s_trouble_is_said_in_words(pod: dict[str, Any], expected: str) -> None:
    assert pods.explain(pod) == (f"Pod web-1: {expected}",)


def test_a_pod_that_only_waits_is_explained_by_its_events() -> None:
    starting = waiting_pod("ContainerCreating", "")
    mount = event("web-1", "FailedMount", 'secret "login" not found')
    others = event("somebody else", "FailedMount", "not ours")
    assert pods.explain(starting, [others, mount]) == ('Pod web-1: [FailedMount] secret "login" not found',)
    assert pods.explain(starting) == ()


def test_ready_finished_and_leaving_pods_need_no_explanation() -> None:
    ready = a_pod(conditions=[{"type": "Ready", "status": "True"}])
    leaving = waiting_pod("ErrImagePull", "x")
    leaving["metadata"]["deletionTimestamp"] = "now"
    for pod in (ready, a_pod(phase="Succeeded"), leaving):
        assert pods.explain(pod) == ()


def test_the_last_words_of_a_restarted_container_are_in_its_previous_log() -> None:
    ended = {"terminated": {"exitCode": 1}}
    running = a_pod(
        containerStatuses=[{"name": "main", "ready": False, "state": {"running": {}}, "lastState": ended}]
    )
    waiting = waiting_pod("CrashLoopBackOff", "", lastState=ended)
    assert pods.crashes(running)[0].previous is True
    assert pods.crashes(waiting)[0].previous is False
    assert pods.crashes(waiting_pod("ErrImagePull", "")) == ()


def test_label_selectors_are_written_as_the_api_reads_them() -> None:
    spec = {
        "selector": {
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        }
    }
    assert readiness.selector("Deployment", {"spec": spec}) == "app=web,tier in (a,b),!old"
    assert readiness.selector("Service", {"metadata": {"name": "web"}}) == "kubernetes.io/service-name=web"


def test_every_rule_copes_with_an_object_that_has_no_status_yet() -> None:
    for kind, rule in RULES.items():
        verdict = rule.judge(View({"metadata": {"name": "x", "uid": "x", "generation": 1}, "spec": {}}))
        assert verdict.ready or verdict.reasons, kind

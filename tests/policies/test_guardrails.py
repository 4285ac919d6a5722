"""The guard rails' rules, each by what it refuses and what it lets pass."""

from typing import Any

import pytest

from policies.guardrails.engine_containers import reaching_for_the_machine
from policies.guardrails.images import logged_in, registry_of, wrong_images
from policies.guardrails.pods import reaching_for_the_host, without_limits
from policies.guardrails.replicas import concerned, second_owners
from policies.guardrails.resource import UNKNOWN, Resource, containers, objects
from policies.guardrails.unseen import unseen
from tests.policies.guarded import DIGEST, container, engine_container, workload


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"])
def test_pods_are_found_in_every_kind_that_makes_them(kind: str) -> None:
    made = workload(kind, containers=[container()], initContainers=[{"name": "first"}])
    assert [each.name for each in containers(made)] == ["first", "main"]


CUSTOM = {
    "kubernetes:apps/v1:DeploymentPatch": lambda spec: {"spec": {"template": {"spec": spec}}},
    "kubernetes:argoproj.io/v1alpha1:Rollout": lambda spec: {"spec": {"template": {"spec": spec}}},
    "kubernetes:leaderworkerset.x-k8s.io/v1:LeaderWorkerSet": lambda spec: {
        "spec": {"leaderWorkerTemplate": {"workerTemplate": {"spec": spec}}}
    },
    "kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": lambda spec: {
        "spec": {"replicatedJobs": [{"template": {"spec": {"template": {"spec": spec}}}}]}
    },
    "kubernetes:core/v1:PodTemplate": lambda spec: {"template": {"spec": spec}},
}


@pytest.mark.parametrize("type_", CUSTOM)
def test_pods_are_found_whatever_the_kind_that_makes_them(type_: str) -> None:
    made = Resource(type_, "x", inputs=CUSTOM[type_]({"containers": [container()]}))
    assert [each.name for each in containers(made)] == ["main"]


def test_lists_are_judged_by_what_is_in_them() -> None:
    pod = {"spec": {"containers": [container(securityContext={"privileged": True})]}}
    made = Resource("kubernetes:core/v1:PodList", "l", "urn:l", {"items": [pod, pod]})
    assert [(each.kind, each.name) for each in objects(made)] == [("Pod", "l[0]"), ("Pod", "l[1]")]
    assert all(list(reaching_for_the_host(each, "app")) for each in objects(made))
    mixed = {"items": [{"apiVersion": "apps/v1", "kind": "Deployment", **workload().inputs}]}
    assert [each.type for each in objects(Resource("kubernetes:core/v1:List", "l", "", mixed))] == [
        "kubernetes:apps/v1:Deployment"
    ]
    # Kinds that are only called so, and everything else.
    for each in (Resource("kubernetes:x/v1:IPAllowList", "l", "", {"spec": {}}), workload()):
        assert list(objects(each)) == [each]


def test_what_no_rule_can_look_into_is_refused() -> None:
    release = Resource("kubernetes:helm.sh/v3:Release", "h", inputs={"chart": "redis"})
    assert "the helm Release redis makes objects that no rule sees" in next(iter(unseen(release)))
    assert not list(unseen(workload()))


def test_containers_must_say_what_they_need_and_the_most_they_take() -> None:
    said = list(without_limits(workload(containers=[container(resources={}), container()])))
    assert len(said) == 1
    assert "main has no limits.memory, requests.cpu, requests.memory" in said[0]
    only_limits = {"limits": {"cpu": "1", "memory": "64Mi"}}
    assert not list(without_limits(workload(containers=[container(resources=only_limits)])))
    assert not list(without_limits(workload(containers=[container(resources=UNKNOWN)])))


@pytest.mark.parametrize("nothing", ["0", 0, "0Mi", "0.0", "", None])
def test_an_amount_of_nothing_is_no_amount(nothing: Any) -> None:
    def said(requests: Any, limits: Any) -> bool:
        resources = {"requests": requests, "limits": limits}
        return bool(list(without_limits(workload(containers=[container(resources=resources)]))))

    some = {"cpu": "10m", "memory": "16Mi"}
    assert said(some, {"memory": nothing})
    # What is not asked for is asked for as far as it is limited; an asked-for zero is not.
    assert said({**some, "cpu": nothing}, {"memory": "64Mi"})
    assert not said({}, {"cpu": "10m", "memory": "100Mi"})


def test_a_change_to_an_object_need_not_say_again_what_its_containers_take() -> None:
    def patched(**spec: Any) -> bool:
        inputs = {"spec": {"template": {"spec": {"containers": [{"name": "main", **spec}]}}}}
        return bool(list(without_limits(Resource("kubernetes:apps/v1:DeploymentPatch", "p", "", inputs))))

    assert not patched(env=[])
    assert patched(resources={"limits": {"memory": "0"}})
    # With an image it may be a container more.
    assert patched(image=f"r/x{DIGEST}")


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"volumes": [{"name": "v", "hostPath": {"path": "/etc"}}]}, "host's /etc"),
        ({"hostNetwork": True}, "network"),
        ({"hostPID": True}, "processes"),
        ({"containers": [container(securityContext={"privileged": True})]}, "privileged"),
        (
            {"containers": [container(securityContext={"capabilities": {"add": ["CAP_SYS_ADMIN"]}})]},
            "SYS_ADMIN",
        ),
        ({"containers": [container(ports=[{"hostPort": 80.0}])]}, "port 80 of its host"),
        ({"containers": [container(securityContext={"privileged": "true"})]}, "privileged"),
        ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "process of its host"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "Unconfined"),
    ],
)
def test_no_pod_reaches_for_its_host(spec: dict[str, Any], word: str) -> None:
    for kind in ("app", "platform"):
        said = list(reaching_for_the_host(workload(**spec), kind))
        assert len(said) == 1
        assert word in said[0]
    assert not list(reaching_for_the_host(workload(**spec), "hosts"))


@pytest.mark.parametrize(
    "capability",
    [
        "sys_admin",
        "all",
        "cap_sys_admin",
        "DAC_READ_SEARCH",
        "NET_ADMIN",
        "SYS_RAWIO",
        "BPF",
        "SYS_BOOT",
        "X",
    ],
)
def test_only_the_usual_capabilities_may_be_added(capability: str) -> None:
    def said(*added: str) -> list[str]:
        pod = workload(containers=[container(securityContext={"capabilities": {"add": list(added)}})])
        return list(reaching_for_the_host(pod, "platform"))

    assert f"keeps {capability.upper().removeprefix('CAP_')}:" in said("CHOWN", capability)[0]
    assert not said("CHOWN", "cap_net_bind_service", "DAC_OVERRIDE", "FOWNER")


@pytest.mark.parametrize("kind", ["hostPath", "local"])
def test_volumes_of_the_whole_cluster_are_no_way_to_hosts_files(kind: str) -> None:
    def said(path: str, stack: str) -> list[str]:
        type_ = "kubernetes:core/v1:PersistentVolume"
        return list(reaching_for_the_host(Resource(type_, "v", "", {"spec": {kind: {"path": path}}}), stack))

    assert "the volume is the host's /" in said("/", "app")[0]
    assert said("/etc", "platform")
    assert not said("/var/lib/altostratus/volumes/one", "platform")
    assert said("/var/lib/altostratus/volumes/one", "app")


def test_platforms_see_the_folders_of_volumes_and_logs_only() -> None:
    def mounted(path: str, kind: str, *allowed: str) -> bool:
        pods = workload(volumes=[{"name": "v", "hostPath": {"path": path}}])
        return not list(reaching_for_the_host(pods, kind, allowed))

    assert mounted("/var/lib/altostratus/volumes", "platform")
    assert not mounted("/var/lib/altostratus/volumes", "app")
    assert not mounted("/var/lib/altostratus-other", "platform")
    assert not mounted("/var/log/../../etc", "platform")
    assert mounted("/opt/agent", "platform", "/opt/agent")
    assert not mounted("/opt/agent", "app", "/opt/agent")


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"privileged": True}, "privileged"),
        ({"capabilities": {"adds": ["net_admin"]}}, "NET_ADMIN"),
        ({"networkMode": "host"}, "network"),
        ({"pidMode": "host"}, "processes"),
        ({"ipcMode": "host"}, "shared memory"),
        ({"volumes": [{"hostPath": "/", "containerPath": "/h", "readOnly": True}]}, "machine's /"),
        ({"mounts": [{"type": "bind", "source": "/srv/../etc", "readOnly": True}]}, "/srv/../etc"),
        ({"volumes": [{"hostPath": "/srv/x", "containerPath": "/h"}]}, "read-only"),
        ({"devices": [{"hostPath": "/dev/sda"}]}, "/dev/sda"),
        ({"securityOpts": ["seccomp=unconfined"]}, "seccomp=unconfined"),
    ],
)
def test_containers_of_the_engine_keep_out_of_their_machine(inputs: dict[str, Any], word: str) -> None:
    made = engine_container(**inputs)
    for kind in ("app", "platform"):
        said = list(reaching_for_the_machine(made, kind, ["/srv"]))
        assert len(said) == 1
        assert word in said[0]
    assert not list(reaching_for_the_machine(made, "hosts"))


def test_front_doors_are_in_the_network_and_folders_that_are_shown_are_seen() -> None:
    shown = {"hostPath": "/home/me/front/shop", "containerPath": "/f", "readOnly": True}
    door = engine_container(networkMode="host", capabilities={"drops": ["ALL"]}, volumes=[shown])
    assert not list(reaching_for_the_machine(door, "front", ["/home/me/front/shop"]))
    assert list(reaching_for_the_machine(door, "front", ["/home/me/front/blog"]))
    named = {"volumeName": "data", "containerPath": "/data"}
    assert not list(reaching_for_the_machine(engine_container(volumes=[named]), "platform"))


def test_images_are_named_by_digest_and_come_from_allowed_registries() -> None:
    def said(image: Any, *registries: str) -> list[str]:
        return list(wrong_images(workload(containers=[container(image=image)]), registries))

    ours = f"10.88.0.3:5000/cartridges/php{DIGEST}"
    assert not said(ours, "10.88.0.3:5000")
    assert not said(UNKNOWN, "10.88.0.3:5000")
    assert "another image tomorrow" in said("10.88.0.3:5000/php:1", "10.88.0.3:5000")[0]
    assert "allowed are 10.88.0.3:5000" in said(f"php{DIGEST}", "10.88.0.3:5000")[0]
    assert said(f"10.88.0.3:50001/php{DIGEST}", "10.88.0.3:5000")
    assert not said(f"library/php{DIGEST}", "docker.io/library")
    for image in (f"php{DIGEST}", f"index.docker.io/library/php{DIGEST}", f"docker.io/library/php{DIGEST}"):
        assert not said(image, "docker.io/library")
        assert not said(image, "docker.io")
    assert said(f"someone/php{DIGEST}", "docker.io/library")
    assert said(f"registry.example.org/shop/../evil{DIGEST}", "registry.example.org/shop")
    # Where nothing says which are allowed, none is; where it is not known yet, nothing is said.
    assert "no registry is known" in said(f"anywhere.example.org/x{DIGEST}")[0]
    pod = workload(containers=[container(image=f"anywhere.example.org/x{DIGEST}")])
    assert not list(wrong_images(pod, None))
    assert [registry_of(i) for i in ("php", "a/b:1", "localhost/x", "h:5/x")] == [
        "docker.io", "docker.io", "localhost", "h:5",
    ]  # fmt: skip


def test_images_that_are_volumes_are_judged_as_well() -> None:
    pod = workload(volumes=[{"name": "v", "image": {"reference": "evil.example.org/x:1"}}])
    assert len(list(wrong_images(pod, ["registry.example.org"]))) == 2


def test_the_registries_of_the_stacks_own_pull_secrets_are_known() -> None:
    kind = "kubernetes:core/v1:Secret"
    login = {"type": "kubernetes.io/dockerconfigjson"}
    text = '{"auths": {"10.88.0.3:5000": {}, "r.example.org": {}}}'
    known = [
        Resource(kind, "a", inputs={**login, "stringData": {".dockerconfigjson": text}}),
        Resource(kind, "b", inputs={**login, "stringData": {".dockerconfigjson": UNKNOWN}}),
        Resource(kind, "c", inputs={**login, "stringData": {".dockerconfigjson": "{"}}),
        Resource(kind, "d", inputs={"type": "Opaque"}),
    ]
    assert logged_in(known) == ("10.88.0.3:5000", "r.example.org")


def hpa(
    name: str, namespace: Any = "app-shop", kind: str = "Deployment", type_: str = "HorizontalPodAutoscaler"
) -> Resource:
    spec = {"scaleTargetRef": {"kind": kind, "name": name}}
    metadata = {"name": "hpa", "namespace": namespace}
    return Resource(
        f"kubernetes:autoscaling/v2:{type_}", "hpa", "urn:hpa", {"metadata": metadata, "spec": spec}
    )


def elsewhere(**more: Any) -> Resource:
    return workload(namespace="elsewhere", **more)


def test_nobody_else_scales_our_members() -> None:
    ours = elsewhere(labels={"altostratus.dev/cluster": "web"})
    assert [urn for urn, _ in second_owners([ours, hpa("web", "elsewhere")])] == ["urn:hpa"]
    assert list(second_owners([ours, hpa("web", UNKNOWN)]))
    assert not list(second_owners([ours, hpa("web", "third")]))
    assert not list(second_owners([ours, hpa("other", "elsewhere")]))
    assert not list(second_owners([elsewhere(), hpa("web", "elsewhere")]))
    keda = Resource(
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "so",
        "urn:so",
        {"metadata": {"namespace": "elsewhere"}, "spec": {"scaleTargetRef": {"name": "web"}}},
    )
    assert [urn for urn, _ in second_owners([ours, keda])] == ["urn:so"]


@pytest.mark.parametrize("type_", ["HorizontalPodAutoscaler", "HorizontalPodAutoscalerPatch", "ScaledObject"])
def test_in_an_applications_namespace_no_other_stack_scales_either(type_: str) -> None:
    """Its workloads are in the application's own stack, which the other one does not see."""
    scaler = hpa("web", type_=type_)
    assert concerned(scaler)
    assert [urn for urn, _ in second_owners([scaler])] == ["urn:hpa"]
    assert list(second_owners([hpa(UNKNOWN, type_=type_)]))


def test_an_autoscaler_of_sizes_that_is_off_only_advises() -> None:
    spec = {"targetRef": {"kind": "Deployment", "name": "web"}, "updatePolicy": {"updateMode": "Off"}}
    type_ = "kubernetes:autoscaling.k8s.io/v1:VerticalPodAutoscaler"
    inputs = {"metadata": {"name": "v", "namespace": "app-shop"}, "spec": spec}
    assert not list(second_owners([Resource(type_, "v", "urn:v", inputs)]))
    inputs = {**inputs, "spec": {**spec, "updatePolicy": {"updateMode": "Auto"}}}
    assert list(second_owners([Resource(type_, "v", "urn:v", inputs)]))

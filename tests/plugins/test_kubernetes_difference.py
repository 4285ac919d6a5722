"""Which changes of an object's inputs are changes, and which of them need a new object."""

from typing import Any

import pytest

from toolchain.plugins.kubernetes.difference import compare
from toolchain.plugins.kubernetes.kinds import BY_TOKEN, KINDS, Kind, named
from toolchain.plugins.protocol import UNKNOWN, Diff

DEPLOYMENT = named("Deployment", "apps")
CONFIG_MAP = named("ConfigMap")
SECRET = named("Secret")


def object_of(kind: Kind, name: str = "web", **content: Any) -> dict[str, Any]:
    about = {"name": name, **({"namespace": "prod"} if kind.namespaced else {})}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": about, **content}


def difference(
    kind: Kind, old: dict[str, Any], new: dict[str, Any], live: dict[str, Any] | None = None
) -> Diff:
    return compare(kind, old, live or old, new)


def test_what_the_server_added_is_no_change() -> None:
    inputs = object_of(DEPLOYMENT, spec={"replicas": 2})
    live = object_of(
        DEPLOYMENT, spec={"replicas": 2, "strategy": {"type": "RollingUpdate"}}, status={"replicas": 2}
    )
    live["metadata"] = {**live["metadata"], "uid": "1", "generation": 3}
    assert not difference(DEPLOYMENT, inputs, inputs, live).changes


def test_what_somebody_changed_in_the_cluster_is_a_change() -> None:
    inputs = object_of(DEPLOYMENT, spec={"replicas": 2})
    found = difference(DEPLOYMENT, inputs, inputs, object_of(DEPLOYMENT, spec={"replicas": 5}))
    assert dict(found.changed) == {"spec.replicas": "update"}
    assert not found.replaces


def test_equal_amounts_in_different_spelling_are_no_change() -> None:
    def limits(cpu: Any, memory: str) -> dict[str, Any]:
        return object_of(DEPLOYMENT, spec={"resources": {"limits": {"cpu": cpu, "memory": memory}}})

    assert not difference(DEPLOYMENT, limits("0.5", "1Gi"), limits("500m", "1024Mi")).changes
    assert difference(DEPLOYMENT, limits("0.5", "1Gi"), limits("501m", "1Gi")).changes


def test_an_empty_value_that_the_server_leaves_out_is_no_change() -> None:
    inputs = object_of(
        DEPLOYMENT, spec={"paused": False, "env": [{"name": "A", "value": ""}], "emptyDir": {}}
    )
    live = object_of(DEPLOYMENT, spec={"env": [{"name": "A"}]})
    assert not difference(DEPLOYMENT, inputs, inputs, live).changes


def test_a_newly_asked_for_empty_value_is_a_change() -> None:
    old = object_of(DEPLOYMENT, spec={})
    new = object_of(DEPLOYMENT, spec={"automountServiceAccountToken": False})
    assert dict(difference(DEPLOYMENT, old, new).changed) == {"spec.automountServiceAccountToken": "add"}


def test_a_field_left_out_is_a_deletion() -> None:
    old = object_of(DEPLOYMENT, spec={"replicas": 2, "minReadySeconds": 5})
    new = object_of(DEPLOYMENT, spec={"replicas": 2})
    assert dict(difference(DEPLOYMENT, old, new).changed) == {"spec.minReadySeconds": "delete"}


@pytest.mark.parametrize(
    ("token", "path", "replaced"),
    [
        ("kubernetes:apps/v1:Deployment", "spec.selector.matchLabels.app", True),
        ("kubernetes:apps/v1:Deployment", "spec.replicas", False),
        ("kubernetes:apps/v1:DaemonSet", "spec.selector.matchLabels.app", True),
        ("kubernetes:apps/v1:StatefulSet", "spec.serviceName", True),
        ("kubernetes:apps/v1:StatefulSet", "spec.volumeClaimTemplates", True),
        ("kubernetes:apps/v1:StatefulSet", "spec.template.spec.hostname", False),
        ("kubernetes:batch/v1:Job", "spec.template.spec.hostname", True),
        ("kubernetes:batch/v1:Job", "spec.suspend", False),
        ("kubernetes:core/v1:Service", "spec.clusterIP", True),
        ("kubernetes:core/v1:Service", "spec.selector.app", False),
        ("kubernetes:core/v1:ConfigMap", "data.key", True),
        ("kubernetes:core/v1:ConfigMap", "metadata.labels.app", False),
        ("kubernetes:core/v1:Secret", "type", True),
        ("kubernetes:core/v1:PersistentVolumeClaim", "spec.storageClassName", True),
        ("kubernetes:core/v1:PersistentVolumeClaim", "spec.resources.requests.storage", False),
        ("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "roleRef.name", True),
        ("kubernetes:storage.k8s.io/v1:StorageClass", "provisioner", True),
        ("kubernetes:core/v1:Namespace", "metadata.name", True),
    ],
)
def test_fields_that_cannot_change_need_a_new_object(token: str, path: str, replaced: bool) -> None:
    kind = BY_TOKEN[token]
    old, new = (_with(object_of(kind), path, value) for value in ("before", "after"))
    live = old
    found = compare(kind, old, live, new)
    if path != "metadata.name":  # a changed name is seen against the live one
        assert list(found.changed) == [path]
    assert bool(found.replaces) is replaced


def _with(content: dict[str, Any], path: str, value: str) -> dict[str, Any]:
    inner = content
    steps = path.split(".")
    for step in steps[:-1]:
        inner[step] = dict(inner.get(step, {}))
        inner = inner[step]
    inner[steps[-1]] = value
    return content


def test_a_changed_container_of_a_pod_needs_a_new_pod() -> None:
    pod = named("Pod")
    old, new = (
        object_of(pod, spec={"containers": [{"name": "a", "image": image}]}) for image in ("x:1", "x:2")
    )
    assert difference(pod, old, new).replaces == ("spec.containers[0].image",)


def test_config_may_change_in_place_where_the_provider_allows_it_unless_it_is_immutable() -> None:
    old, new = (object_of(CONFIG_MAP, data={"key": value}) for value in "ab")
    assert not compare(CONFIG_MAP, old, old, new, mutable=("ConfigMap",)).replaces
    assert compare(CONFIG_MAP, old, old, {**new, "immutable": True}, mutable=("ConfigMap",)).replaces


def test_a_secret_s_texts_are_compared_with_its_live_data() -> None:
    inputs = object_of(SECRET, stringData={"word": "x"})
    live = object_of(SECRET, data={"word": "eA=="}, type="Opaque")
    assert not difference(SECRET, inputs, inputs, live).changes
    changed = object_of(SECRET, stringData={"word": "y"})
    assert difference(SECRET, inputs, changed, live).replaces == ("stringData.word",)


@pytest.mark.parametrize(
    ("name", "annotations", "needs_gap"),
    [("web", {}, True), ("web", {"pulumi.com/autonamed": "true"}, False), ("other", {}, False)],
)
def test_only_a_named_object_of_the_same_name_must_go_before_its_replacement_comes(
    name: str, annotations: dict[str, str], needs_gap: bool
) -> None:
    old = object_of(DEPLOYMENT, spec={"selector": {"matchLabels": {"app": "a"}}})
    new = object_of(DEPLOYMENT, name, spec={"selector": {"matchLabels": {"app": "b"}}})
    new["metadata"]["annotations"] = annotations
    found = difference(DEPLOYMENT, old, new)
    assert found.replaces
    assert found.delete_before_replace is needs_gap


def test_a_value_that_is_not_known_yet_may_be_a_change() -> None:
    old = object_of(DEPLOYMENT, spec={"selector": {"matchLabels": {"app": "a"}}, "replicas": 1})
    new = object_of(DEPLOYMENT, spec={"selector": UNKNOWN, "replicas": UNKNOWN})
    found = difference(DEPLOYMENT, old, new)
    assert found.replaces == ("spec.selector",)
    assert found.changed["spec.replicas"] == "update"


def test_a_namespace_left_out_means_the_default_one() -> None:
    old, new = object_of(CONFIG_MAP), object_of(CONFIG_MAP)
    old["metadata"]["namespace"] = "default"
    del new["metadata"]["namespace"]
    assert not difference(CONFIG_MAP, old, new).changes


def test_every_supported_type_has_a_token_of_the_vendor_s_form_and_a_place_in_the_api() -> None:
    assert len(BY_TOKEN) == len(KINDS)
    assert "kubernetes:core/v1:Namespace" in BY_TOKEN
    assert (
        named("Ingress", "networking.k8s.io").path("a", "b")
        == "/apis/networking.k8s.io/v1/namespaces/a/ingresses/b"
    )
    assert named("Node").path("ignored", "n") == "/api/v1/nodes/n"

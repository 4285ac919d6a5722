"""How objects are named, recorded, owned and measured."""

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolchain.plugins.kubernetes import naming, objects, ownership, quantity
from toolchain.plugins.kubernetes.kinds import named
from toolchain.plugins.protocol import UNKNOWN, Autonaming, Failure, Secret


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1000m"), ("0.5", "500m"), ("1Gi", "1024Mi"), ("1k", 1000), ("2e3", "2k"), ("1.5Gi", "1536Mi")],
)
def test_amounts_are_equal_however_they_are_spelled(one: Any, other: Any) -> None:
    assert quantity.parse(one) == quantity.parse(other)
    assert quantity.same_amount(("resources", "limits", "cpu"), one, other)


@pytest.mark.parametrize("text", ["", "abc", "1Xi", "1 Gi", True, None, "--1", "Gi"])
def test_what_is_no_amount_is_told_apart(text: Any) -> None:
    assert quantity.parse(text) is None


def test_only_places_of_amounts_are_compared_as_amounts() -> None:
    assert not quantity.same_amount(("metadata", "labels", "version"), "1.0", "1")


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6))
def test_milli_amounts_agree_with_whole_ones(whole: int) -> None:
    assert quantity.parse(f"{whole}000m") == quantity.parse(str(whole))


def test_an_automatic_name_repeats_for_one_seed_and_is_marked() -> None:
    first: dict[str, Any] = {"metadata": {"annotations": {"a": "b"}}}
    second: dict[str, Any] = {}
    naming.assign_name(first, "web", b"seed", None)
    naming.assign_name(second, "web", b"seed", None)
    assert first["metadata"]["name"] == second["metadata"]["name"]
    assert first["metadata"]["name"].startswith("web-")
    assert first["metadata"]["annotations"] == {"a": "b", "pulumi.com/autonamed": "true"}
    assert naming.unique_suffix(b"") != naming.unique_suffix(b"")


def test_the_user_s_settings_for_automatic_names_hold() -> None:
    content: dict[str, Any] = {}
    naming.assign_name(content, "web", b"seed", Autonaming("wanted", "enforce"))
    assert content["metadata"]["name"] == "wanted"
    with pytest.raises(Failure, match=r"metadata\.name"):
        naming.assign_name({}, "web", b"seed", Autonaming("", "disable"))


def test_only_automatic_names_are_adopted_from_an_earlier_object() -> None:
    named_by_hand, autonamed = {"metadata": {"name": "hand"}}, {"metadata": {}}
    naming.mark_autonamed(autonamed, "web-1")
    fresh: dict[str, Any] = {}
    naming.adopt_name(fresh, named_by_hand)
    assert not naming.is_named(fresh)
    naming.adopt_name(fresh, autonamed)
    assert fresh["metadata"]["name"] == "web-1"


@pytest.mark.parametrize("content", [{"metadata": {"name": UNKNOWN}}, {"metadata": UNKNOWN}])
def test_a_name_that_is_not_known_yet_is_a_name(content: dict[str, Any]) -> None:
    assert naming.is_named(content)


@pytest.mark.parametrize(("id", "parts"), [("a/b", ("a", "b")), ("b", ("", "b"))])
def test_ids_are_namespace_and_name(id: str, parts: tuple[str, str]) -> None:
    assert naming.split_identifier(id) == parts


@pytest.mark.parametrize("id", ["", "a/", "a/b/c"])
def test_a_wrong_id_is_refused_with_the_right_form(id: str) -> None:
    with pytest.raises(Failure, match="NAMESPACE/NAME"):
        naming.split_identifier(id)


def test_a_recorded_object_comes_back_as_its_inputs_and_its_live_form() -> None:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}}
    live = {**inputs, "metadata": {"name": "a", "uid": "1"}}
    state = objects.to_state(inputs, live, "v1", "pulumi-kubernetes-1")
    assert state["__initialApiVersion"] == "v1"
    assert state["__fieldManager"] == "pulumi-kubernetes-1"
    assert objects.from_state(state) == (inputs, live)


def test_schema_extensions_change_their_dashes_on_the_way_in_and_out() -> None:
    kind = named("CustomResourceDefinition", "apiextensions.k8s.io")
    given_by_program = {"spec": {"schema": {"x_kubernetes_preserve_unknown_fields": True}}}
    content = objects.from_properties(given_by_program, kind)
    assert content["spec"]["schema"] == {"x-kubernetes-preserve-unknown-fields": True}
    assert objects.to_state(content, content, "v1", "m")["spec"] == given_by_program["spec"]


def test_nulls_and_what_only_the_server_sets_are_not_sent() -> None:
    about = {"name": "a", "uid": "1", "resourceVersion": "2", "labels": None}
    content = objects.from_properties({"metadata": about, "data": None}, named("ConfigMap"))
    assert content == {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}


def test_all_content_of_a_secret_is_concealed_in_inputs_and_state() -> None:
    inputs = {"kind": "Secret", "stringData": {"word": "x"}, "metadata": {"name": "a"}}
    state = objects.to_state(inputs, {**inputs, "data": {"word": "eA=="}}, "v1", "m")
    assert state["data"] == Secret({"word": "eA=="})
    assert state["stringData"] == Secret({"word": "x"})
    assert state["__inputs"]["stringData"] == Secret({"word": "x"})


def test_refreshed_inputs_keep_their_shape_and_spelling_but_show_live_values() -> None:
    inputs = {
        "spec": {"cpu": {"limits": {"cpu": "0.5"}}, "hostNetwork": False, "replicas": 1, "list": [{"a": 1}]}
    }
    live = {
        "spec": {"cpu": {"limits": {"cpu": "500m"}}, "replicas": 3, "list": [{"a": 2, "b": 1}], "added": 1},
        "status": {},
    }
    assert objects.refreshed_inputs(live, inputs) == {
        "spec": {"cpu": {"limits": {"cpu": "0.5"}}, "hostNetwork": False, "replicas": 3, "list": [{"a": 2}]}
    }


def test_a_refreshed_secret_shows_its_live_texts() -> None:
    live = {"kind": "Secret", "data": {"word": base64.b64encode(b"changed").decode()}}
    inputs = {"kind": "Secret", "stringData": {"word": "x", "removed": "y"}}
    assert objects.refreshed_inputs(live, inputs)["stringData"] == {"word": "changed"}


def test_imported_inputs_leave_out_what_is_the_server_s() -> None:
    live = {
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "uid": "1",
            "generation": 2,
            "managedFields": [],
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {"replicas": 1},
        "status": {"replicas": 1},
    }
    assert objects.imported_inputs(live) == {
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"replicas": 1},
    }


def entry(manager: str, operation: str, *fields: str, subresource: str = "") -> dict[str, Any]:
    owned = {f"f:{field}": {} for field in fields}
    found = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": owned}, "time": "2026"}
    return {**found, **({"subresource": subresource} if subresource else {})}


def live_with(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "metadata": {"resourceVersion": "7", "managedFields": list(entries)},
        "spec": {"replicas": 5, "paused": True},
    }


def test_fields_of_the_create_and_of_kubectl_become_applied_fields_and_others_stay() -> None:
    live = live_with(
        entry("ours", "Update", "replicas"),
        entry("kubectl-edit", "Update", "paused"),
        entry("kube-controller-manager", "Update", "x", subresource="status"),
        entry("another", "Apply", "strategy"),
    )
    operations = ownership.takeover(live, "ours")
    entries = operations[0]["value"]
    assert [(each["manager"], each["operation"]) for each in entries] == [
        ("kube-controller-manager", "Update"),
        ("another", "Apply"),
        ("ours", "Apply"),
    ]
    assert entries[-1]["fieldsV1"] == {"f:spec": {"f:replicas": {}, "f:paused": {}}}
    assert operations[1]["value"] == "7", "a concurrent change makes the patch fail"


def test_nothing_is_taken_over_twice() -> None:
    assert ownership.takeover(live_with(entry("ours", "Apply", "replicas")), "ours") == []
    assert ownership.takeover({"metadata": {}}, "ours") == []


def test_an_ignored_field_of_others_is_left_out_and_one_of_ours_keeps_its_live_value() -> None:
    wanted = {"spec": {"replicas": 1, "paused": False}}
    theirs = live_with(entry("hpa", "Update", "replicas"), entry("ours", "Apply", "paused"))
    kept = ownership.keep_ignored(wanted, theirs, "ours", ["spec.replicas", "spec.paused"])
    assert kept == {"spec": {"paused": True}}
    assert wanted["spec"]["replicas"] == 1, "the program's own object is not touched"


def test_force_is_asked_for_by_annotation_or_needed_by_a_preview() -> None:
    live = live_with(entry("ours", "Update", "replicas"))
    asked = {"metadata": {"annotations": {"pulumi.com/patchForce": "true"}}}
    assert ownership.force(asked, live, "ours", always=False, preview=False)
    assert ownership.force({}, live, "ours", always=True, preview=False)
    assert ownership.force({}, live, "ours", always=False, preview=True)
    assert not ownership.force({}, live, "ours", always=False, preview=False)

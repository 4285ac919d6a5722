"""KEDA's objects out of its module's files."""

from pathlib import Path

import pytest
import yaml

from bench.step.keda_manifests import collection, definitions, patched


def test_a_patch_adds_to_lists_and_mappings_and_removes() -> None:
    content = {"spec": {"versions": [{"required": ["name"], "old": 1}]}}
    changed = patched(
        content,
        [
            {"op": "add", "path": "/spec/versions/0/required/-", "value": "protocol"},
            {"op": "add", "path": "/spec/versions/0/new", "value": True},
            {"op": "remove", "path": "/spec/versions/0/old"},
        ],
    )
    assert changed == {"spec": {"versions": [{"required": ["name", "protocol"], "new": True}]}}
    assert content == {"spec": {"versions": [{"required": ["name"], "old": 1}]}}


@pytest.mark.parametrize("operation", ["replace", "move", "test"])
def test_a_patch_that_is_not_known_is_refused(operation: str) -> None:
    with pytest.raises(ValueError, match=operation):
        patched({"a": {}}, [{"op": operation, "path": "/a/b", "value": 1}])


def test_definitions_are_patched_as_their_kustomization_says(tmp_path: Path) -> None:
    crd = {"kind": "CustomResourceDefinition", "metadata": {"name": "things.example.org"}, "spec": {}}
    other = {**crd, "metadata": {"name": "others.example.org"}}
    files = {
        "kustomization.yaml": {
            "resources": ["things.yaml", "others.yaml"],
            "patches": [{"path": "patch.yaml", "target": {"name": "things.example.org"}}],
        },
        "things.yaml": crd,
        "others.yaml": other,
        "patch.yaml": [{"op": "add", "path": "/spec/scope", "value": "Namespaced"}],
    }
    for name, content in files.items():
        (tmp_path / name).write_text(yaml.safe_dump(content))
    assert definitions(tmp_path) == [{**crd, "spec": {"scope": "Namespaced"}}, other]


def test_objects_go_where_their_kind_belongs() -> None:
    account = {"kind": "ServiceAccount", "metadata": {"name": "x", "namespace": "keda"}}
    assert collection(account) == "/api/v1/namespaces/keda/serviceaccounts"
    assert collection({"kind": "ClusterRole", "metadata": {"name": "x"}}).endswith("/v1/clusterroles")

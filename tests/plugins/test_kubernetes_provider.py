"""The provider's settings: which cluster, which switches, and what a change of them means."""

import base64
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from toolchain.plugins.kubernetes import kubeconfig
from toolchain.plugins.kubernetes.client import Client, Unreachable
from toolchain.plugins.kubernetes.provider import KubernetesProvider
from toolchain.plugins.kubernetes.session import Session, Settings
from toolchain.plugins.protocol import UNKNOWN, Failure, Request


def config(server: str = "https://192.0.2.1:6443", token: str = "one", **more: Any) -> str:  # noqa: S107
    document = {
        "current-context": "main",
        "contexts": [
            {"name": "main", "context": {"cluster": "prod", "user": "me", "namespace": "team"}},
            {"name": "side", "context": {"cluster": "test", "user": "me"}},
        ],
        "clusters": [
            {"name": "prod", "cluster": {"server": server, **more}},
            {"name": "test", "cluster": {"server": "https://192.0.2.2:6443"}},
        ],
        "users": [{"name": "me", "user": {"token": token}}],
    }
    return json.dumps(document, indent=1)


def test_a_kubeconfig_names_the_server_the_identity_and_the_namespace() -> None:
    found = kubeconfig.resolve(kubeconfig.parse(config()))
    assert (found.server, found.token, found.namespace) == ("https://192.0.2.1:6443", "one", "team")
    other = kubeconfig.resolve(kubeconfig.parse(config()), context="side", namespace="mine")
    assert (other.server, other.namespace) == ("https://192.0.2.2:6443", "mine")
    assert "one" not in repr(found), "a token does not show in text"


def test_a_kubeconfig_may_be_yaml_or_a_path_with_files_beside_it(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("PEM")
    file = tmp_path / "config"
    file.write_text(
        f"""
current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters: [{{name: a, cluster: {{server: "https://192.0.2.1", certificate-authority: {authority}}}}}]
users: [{{name: a, user: {{client-certificate-data: {base64.b64encode(b"CERT").decode()}}}}}]
"""
    )
    found = kubeconfig.resolve(kubeconfig.parse(str(file)))
    assert found.certificate_authority == "PEM"
    assert found.client_certificate == "CERT"
    assert found.namespace == "default"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("/does/not/exist", "/does/not/exist"),
        ("a: [\n", "neither YAML nor JSON"),
        ("just\ntext", "clusters"),
        (config().replace('"current-context": "main"', '"current-context": "gone"'), "main, side"),
        (config().replace('"cluster": "prod"', '"cluster": "gone"'), "gone"),
        (config(**{"proxy-url": "http://proxy"}), "proxy-url"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused_with_what_is_wrong(text: str, hint: str) -> None:
    with pytest.raises(Failure, match=hint):
        kubeconfig.resolve(kubeconfig.parse(text))


def test_a_credential_helper_gives_the_token(tmp_path: Path) -> None:
    helper = tmp_path / "helper"
    helper.write_text('#!/bin/sh\necho "{\\"status\\": {\\"token\\": \\"$SAID-by-helper\\"}}"\n')
    helper.chmod(0o700)
    document = json.loads(config())
    document["users"][0]["user"] = {
        "exec": {"command": str(helper), "env": [{"name": "SAID", "value": "told"}], "apiVersion": "v1"}
    }
    expected = replace(kubeconfig.resolve(json.loads(config())), token="told-by-helper")  # noqa: S106
    assert kubeconfig.resolve(document) == expected
    helper.write_text("#!/bin/sh\necho no luck >&2; exit 1\n")
    with pytest.raises(Failure, match="no luck"):
        kubeconfig.resolve(document)


def test_a_server_that_does_not_answer_is_unreachable_in_one_sentence() -> None:
    session = Session({"kubeconfig": config("https://127.0.0.1:1")}, Settings())
    problem = session.unreachable()
    assert isinstance(problem, Unreachable)
    assert "127.0.0.1:1" in str(problem)
    assert session.namespace == "team"


def test_a_bad_kubeconfig_is_a_problem_only_where_a_cluster_is_needed() -> None:
    session = Session({"kubeconfig": "/does/not/exist"}, Settings())
    assert session.namespace == "default"
    with pytest.raises(Unreachable, match="/does/not/exist"):
        _ = session.client


def test_a_server_must_be_a_url() -> None:
    with pytest.raises(Failure, match="https URL"):
        Client(kubeconfig.Cluster("192.0.2.1:6443"))


def test_switches_come_from_the_program_before_the_environment() -> None:
    environment = {"PULUMI_K8S_DELETE_UNREACHABLE": "true", "PULUMI_K8S_ENABLE_SECRET_MUTABLE": "true"}
    found = Settings.read({"deleteUnreachable": "false", "enableConfigMapMutable": True}, environment)
    assert not found.delete_unreachable
    assert found.mutable == ("ConfigMap", "Secret")


@pytest.mark.parametrize(
    ("settings", "hint"),
    [({"enableServerSideApply": "false"}, "server-side apply"), ({"renderYamlToDirectory": "out"}, "YAML")],
)
def test_what_the_bundled_plugin_cannot_do_is_refused_at_once(settings: dict[str, Any], hint: str) -> None:
    with pytest.raises(Failure, match=hint):
        Settings.read(settings, {})


@pytest.mark.parametrize(
    ("olds", "news", "changes", "replaces"),
    [
        ({"kubeconfig": config()}, {"kubeconfig": config()}, False, ()),
        ({"kubeconfig": config()}, {"kubeconfig": config(token="two")}, True, ()),  # noqa: S106
        ({"kubeconfig": config()}, {"kubeconfig": config("https://192.0.2.9")}, True, ("kubeconfig",)),
        ({"kubeconfig": config()}, {"kubeconfig": config(), "context": "side"}, True, ("context",)),
        ({"kubeconfig": config()}, {"kubeconfig": UNKNOWN}, True, ("kubeconfig",)),
        (
            {"kubeconfig": config(), "clusterIdentifier": "a"},
            {"kubeconfig": config("https://192.0.2.9"), "clusterIdentifier": "a"},
            True,
            (),
        ),
        (
            {"kubeconfig": config(), "clusterIdentifier": "a"},
            {"kubeconfig": config(), "clusterIdentifier": "b"},
            True,
            ("clusterIdentifier",),
        ),
        ({"kubeconfig": config()}, {"kubeconfig": config(), "deleteUnreachable": "true"}, True, ()),
    ],
)
def test_another_cluster_means_new_objects_and_other_settings_do_not(
    olds: dict[str, Any], news: dict[str, Any], changes: bool, replaces: tuple[str, ...]
) -> None:
    found = KubernetesProvider().diff_config(Request(), olds, news)
    assert found.changes is changes
    assert found.replaces == replaces


def test_strict_mode_wants_a_provider_of_the_program_s_own() -> None:
    request = Request(type="pulumi:providers:kubernetes", name="default_4_34_2")
    _, failures = KubernetesProvider().check_config(request, {}, {"strictMode": "true"})
    assert [failure.property for failure in failures] == ["", "kubeconfig", "context"]


def test_without_a_kubeconfig_the_user_s_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(config())
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join((str(tmp_path / "absent"), str(file))))
    assert Session({}, Settings()).namespace == "team"
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(Failure, match="KUBECONFIG"):
        kubeconfig.ambient()


def test_a_preview_of_an_unreachable_cluster_shows_the_inputs() -> None:
    provider = KubernetesProvider()
    provider.configure(Request(), {"kubeconfig": config("https://127.0.0.1:1")})
    handler = provider.handler("kubernetes:core/v1:ConfigMap")
    request = Request(type="kubernetes:core/v1:ConfigMap", name="settings", preview=True)
    inputs, failures = handler.check(request, {}, {"data": {"a": "b"}})
    assert not failures
    assert inputs["metadata"]["namespace"] == "team"
    assert handler.create(request, inputs) == ("", inputs)
    with pytest.raises(Unreachable):
        handler.create(Request(), inputs)
    with pytest.raises(Failure, match="PULUMI_K8S_DELETE_UNREACHABLE"):
        handler.delete(Request(), "team/settings", inputs, {})
    provider.configure(Request(), {"kubeconfig": config("https://127.0.0.1:1"), "deleteUnreachable": "true"})
    assert handler.read(Request(), "team/settings", inputs, {}) is None

"""Objects come, change and go as the program says, in the cluster and in Pulumi's state alike."""

import base64
import json

import pytest

from tests.conformance.engine import Project
from toolchain.plugins.kubernetes.client import Client

pytestmark = pytest.mark.engine

EVERY_KIND = """
    labels = {"app": "all"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{
        "name": "main", "image": "example.test/none:1", "env": [{"name": "EMPTY", "value": ""}],
        "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": "0.25"}},
        "ports": [{"container_port": 80}]}], "host_network": False}}
    k8s.core.v1.ConfigMap("config", metadata=meta(), data={"key": "value", "empty": ""}, opts=opts)
    k8s.core.v1.Secret("secret", metadata=meta(), string_data={"key": "value"}, opts=opts)
    k8s.core.v1.Secret("data", metadata=meta(), data={"key": "dmFsdWU="}, type="Opaque", opts=opts)
    k8s.core.v1.ServiceAccount("account", metadata=meta(), automount_service_account_token=False, opts=opts)
    k8s.core.v1.LimitRange("limits", metadata=meta(),
        spec={"limits": [{"type": "Container", "max": {"cpu": "2000m"}}]}, opts=opts)
    k8s.core.v1.ResourceQuota("quota", metadata=meta(), spec={"hard": {"pods": "10", "limits.cpu": "4000m"}},
        opts=opts)
    k8s.core.v1.Service("headless", metadata=meta(), spec={"cluster_ip": "None", "selector": labels,
        "ports": [{"port": 80, "target_port": "http", "name": "http"}]}, opts=opts)
    k8s.apps.v1.Deployment("deployment", metadata=meta(), spec={"replicas": 0,
        "selector": {"match_labels": labels}, "template": pod}, opts=opts)
    k8s.apps.v1.StatefulSet("set", metadata=meta(), spec={"replicas": 0, "service_name": "headless",
        "selector": {"match_labels": labels}, "template": pod, "volume_claim_templates": [{
            "metadata": {"name": "data"}, "spec": {"access_modes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1024Mi"}}}}]}, opts=opts)
    k8s.batch.v1.CronJob("cron", metadata=meta(), spec={"schedule": "0 0 1 1 *", "suspend": False,
        "job_template": {"spec": {"template": {"spec": {"restart_policy": "Never",
            "containers": [{"name": "main", "image": "example.test/none:1"}]}}}}}, opts=opts)
    k8s.networking.v1.NetworkPolicy("policy", metadata=meta(), spec={"pod_selector": {},
        "policy_types": ["Ingress"]}, opts=opts)
    k8s.rbac.v1.Role("role", metadata=meta(name="role"), rules=[{"api_groups": [""], "resources": ["pods"],
        "verbs": ["get"]}], opts=opts)
    k8s.rbac.v1.RoleBinding("binding", metadata=meta(), role_ref={"api_group": "rbac.authorization.k8s.io",
        "kind": "Role", "name": "role"}, subjects=[{"kind": "ServiceAccount", "name": "default",
        "namespace": namespace}], opts=opts)
    k8s.policy.v1.PodDisruptionBudget("budget", metadata=meta(), spec={"min_available": "50%",
        "selector": {"match_labels": labels}}, opts=opts)
    k8s.autoscaling.v2.HorizontalPodAutoscaler("scaler", metadata=meta(), spec={"max_replicas": 3,
        "scale_target_ref": {"api_version": "apps/v1", "kind": "Deployment", "name": "absent"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "average_utilization": 70}}}]}, opts=opts)
    k8s.coordination.v1.Lease("lease", metadata=meta(), spec={"holder_identity": "nobody",
        "lease_duration_seconds": 15}, opts=opts)
    k8s.core.v1.Namespace("space", metadata={"labels": {"kind": "extra"}}, opts=opts)
    k8s.scheduling.v1.PriorityClass("priority", value=7, global_default=False, opts=opts)
    k8s.storage.v1.StorageClass("storage", provisioner="example.test/none",
        volume_binding_mode="WaitForFirstConsumer", opts=opts)
    k8s.networking.v1.IngressClass("ingresses", spec={"controller": "example.test/none"}, opts=opts)
"""


def test_what_a_program_creates_is_in_the_cluster_and_in_the_state(project: Project, cluster: Client) -> None:
    project.program("""
        made = k8s.core.v1.ConfigMap("settings", metadata=meta(labels={"tier": "web"}),
            data={"colour": "blue"}, opts=opts)
        pulumi.export("name", made.metadata.name)
    """)
    outcome = project.up().succeeded()
    recorded = project.resource("settings")
    namespace, name = recorded["id"].split("/")
    live = cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")

    assert namespace == project.namespace
    assert name.startswith("settings-"), "an object without a name gets one from its resource's name"
    assert name in outcome.output
    assert live["data"] == {"colour": "blue"}
    assert live["metadata"]["labels"] == {"tier": "web"}
    assert live["metadata"]["annotations"]["pulumi.com/autonamed"] == "true"
    assert recorded["inputs"]["metadata"]["name"] == name
    assert recorded["outputs"]["metadata"]["uid"] == live["metadata"]["uid"]
    assert recorded["outputs"]["__initialApiVersion"] == "v1"
    managers = [entry["manager"] for entry in live["metadata"]["managedFields"]]
    assert managers == [recorded["outputs"]["__fieldManager"]]
    assert managers[0].startswith("pulumi-kubernetes")


def test_a_second_update_of_every_kind_changes_nothing_even_after_a_refresh(project: Project) -> None:
    project.program(EVERY_KIND)
    project.preview().succeeded()
    project.up().succeeded()
    project.up("--expect-no-changes").succeeded()
    project.up("--refresh", "--expect-no-changes").succeeded()


def test_a_preview_makes_nothing_and_copes_with_values_that_are_not_known_yet(
    project: Project, cluster: Client
) -> None:
    project.program("""
        first = k8s.core.v1.Namespace("space", opts=opts)
        k8s.core.v1.ConfigMap("inside", metadata={"namespace": first.metadata.name},
            data={"uid": first.metadata.uid}, opts=opts)
    """)
    outcome = project.preview().succeeded()
    assert "inside" in outcome.output
    names = [found["metadata"]["name"] for found in cluster.get("/api/v1/namespaces")["items"]]
    assert not [name for name in names if name.startswith("space-")]


def test_a_change_is_made_in_place_and_a_field_left_out_is_removed(project: Project, cluster: Client) -> None:
    program = """
        k8s.apps.v1.Deployment("web", metadata=meta("web", labels={labels}),
            spec={{"replicas": 0, "selector": {{"match_labels": {{"app": "web"}}}},
                "template": {{"metadata": {{"labels": {{"app": "web"}}}},
                    "spec": {{"containers": [{{"name": "main", "image": "{image}"}}]}}}}}}, opts=opts)
    """
    path = f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web"
    project.program(program.format(labels={"keep": "1", "drop": "1"}, image="example.test/web:1"))
    project.up().succeeded()
    before = cluster.get(path)

    project.program(program.format(labels={"keep": "2"}, image="example.test/web:2"))
    project.up().succeeded()
    after = cluster.get(path)

    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["metadata"]["labels"] == {"keep": "2"}
    assert after["spec"]["template"]["spec"]["containers"][0]["image"] == "example.test/web:2"
    assert project.resource("web")["outputs"]["metadata"]["generation"] == after["metadata"]["generation"]


def test_an_unchangeable_field_of_a_named_object_means_delete_then_create(
    project: Project, cluster: Client
) -> None:
    program = """
        k8s.apps.v1.Deployment("web", metadata=meta("web"),
            spec={{"replicas": 0, "selector": {{"match_labels": {{"app": "{app}"}}}},
                "template": {{"metadata": {{"labels": {{"app": "{app}"}}}},
                    "spec": {{"containers": [{{"name": "main", "image": "example.test/web:1"}}]}}}}}},
            opts=opts)
    """
    path = f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web"
    project.program(program.format(app="one"))
    project.up().succeeded()
    before = cluster.get(path)

    project.program(program.format(app="two"))
    assert "replace" in project.preview().succeeded().output
    project.up().succeeded()
    after = cluster.get(path)

    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["selector"] == {"matchLabels": {"app": "two"}}
    assert project.resource("web")["outputs"]["metadata"]["uid"] == after["metadata"]["uid"]


def test_changed_content_of_an_unnamed_config_map_means_a_new_one_with_a_new_name(
    project: Project, cluster: Client
) -> None:
    program = (
        """k8s.core.v1.ConfigMap("settings", metadata=meta(), data={{"colour": "{colour}"}}, opts=opts)"""
    )
    project.program(program.format(colour="blue"))
    project.up().succeeded()
    before = project.resource("settings")["id"]

    project.program(program.format(colour="green"))
    project.up().succeeded()
    after = project.resource("settings")["id"]

    assert after != before
    path = f"/api/v1/namespaces/{project.namespace}/configmaps"
    assert cluster.find(f"{path}/{before.split('/')[1]}") is None
    assert cluster.get(f"{path}/{after.split('/')[1]}")["data"] == {"colour": "green"}


def test_what_leaves_the_program_leaves_the_cluster_and_destroy_leaves_nothing(
    project: Project, cluster: Client
) -> None:
    kept = """k8s.core.v1.ConfigMap("kept", metadata=meta("kept"), opts=opts)\n"""
    gone = """k8s.core.v1.ConfigMap("gone", metadata=meta("gone"), opts=opts)\n"""
    path = f"/api/v1/namespaces/{project.namespace}/configmaps"
    project.program(kept + gone)
    project.up().succeeded()
    project.program(kept)
    project.up().succeeded()
    assert cluster.find(f"{path}/gone") is None
    assert cluster.find(f"{path}/kept") is not None

    project.destroy().succeeded()
    assert cluster.find(f"{path}/kept") is None
    assert not project.resources()


def test_drift_shows_in_a_refresh_and_the_next_update_heals_it(project: Project, cluster: Client) -> None:
    project.program("""
        k8s.core.v1.Service("web", metadata=meta("web", labels={"tier": "web"}), spec={"cluster_ip": "None",
            "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]}, opts=opts)
        k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"colour": "blue"}, opts=opts)
    """)
    project.up().succeeded()
    base = f"/api/v1/namespaces/{project.namespace}"
    cluster.patch(
        f"{base}/services/web", [{"op": "replace", "path": "/metadata/labels/tier", "value": "tampered"}]
    )
    cluster.delete(f"{base}/configmaps/settings", "Background")

    project.refresh().succeeded()
    assert project.resource("web")["inputs"]["metadata"]["labels"] == {"tier": "tampered"}
    assert [each["id"] for each in project.resources()] == [f"{project.namespace}/web"]

    # The field now belongs to whoever changed it by hand; the program takes it back on purpose.
    project.program("""
        force = {"pulumi.com/patchForce": "true"}
        k8s.core.v1.Service("web", metadata=meta("web", labels={"tier": "web"}, annotations=force),
            spec={"cluster_ip": "None", "selector": {"app": "web"}, "ports": [{"name": "http", "port": 80}]},
            opts=opts)
        k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"colour": "blue"}, opts=opts)
    """)
    project.up().succeeded()
    assert cluster.get(f"{base}/services/web")["metadata"]["labels"] == {"tier": "web"}
    assert cluster.get(f"{base}/configmaps/settings")["data"] == {"colour": "blue"}
    project.up("--refresh", "--expect-no-changes").succeeded()


def test_an_object_that_exists_already_is_not_taken_over(project: Project, cluster: Client) -> None:
    path = f"/api/v1/namespaces/{project.namespace}/configmaps"
    cluster.create(path, {"metadata": {"name": "settings"}, "data": {"colour": "theirs"}})
    project.program("""
        k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"colour": "ours"}, opts=opts)
    """)
    assert "already exists" in project.up().failed().output
    assert cluster.get(f"{path}/settings")["data"] == {"colour": "theirs"}
    assert not project.resources()


def test_an_import_adopts_an_object_without_touching_it(project: Project, cluster: Client) -> None:
    path = f"/api/v1/namespaces/{project.namespace}/configmaps"
    cluster.create(path, {"metadata": {"name": "settings"}, "data": {"colour": "blue"}})
    before = cluster.get(f"{path}/settings")
    project.pulumi(
        *("import", "--stack", project.stack, "--yes", "--generate-code=false", "--protect=false"),
        *("kubernetes:core/v1:ConfigMap", "settings", f"{project.namespace}/settings"),
        *("--provider", f"cluster={_provider_urn(project)}"),
    ).succeeded()
    after = cluster.get(f"{path}/settings")
    recorded = project.resource("settings")
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert recorded["id"] == f"{project.namespace}/settings"
    assert recorded["inputs"]["data"] == {"colour": "blue"}
    assert "uid" not in recorded["inputs"]["metadata"]

    project.program("""
        k8s.core.v1.ConfigMap("settings", metadata=meta("settings"), data={"colour": "blue"}, opts=opts)
    """)
    project.up().succeeded()
    assert cluster.get(f"{path}/settings")["metadata"]["uid"] == before["metadata"]["uid"]


def _provider_urn(project: Project) -> str:
    """The URN of the program's provider, which an update has recorded."""
    project.program('k8s.core.v1.ConfigMap("any", metadata=meta("any"), opts=opts)')
    project.up().succeeded()
    urns = [each["urn"] for each in project.state()["resources"] if "pulumi:providers" in each["type"]]
    return str(urns[0])


def test_a_refused_object_leaves_no_trace_and_a_corrected_program_goes_on(
    project: Project, cluster: Client
) -> None:
    program = """
        k8s.core.v1.ConfigMap("fine", metadata=meta("fine"), opts=opts)
        k8s.core.v1.Service("web", metadata=meta("web"), spec={{"cluster_ip": "None",
            "selector": {{"app": "web"}}, "ports": [{{"name": "http", "port": {port}}}]}}, opts=opts)
    """
    project.program(program.format(port=99999))
    outcome = project.up().failed()
    assert "99999" in outcome.output
    assert [each["id"] for each in project.resources()] == [f"{project.namespace}/fine"]
    assert cluster.find(f"/api/v1/namespaces/{project.namespace}/services/web") is None

    project.program(program.format(port=80))
    project.up().succeeded()
    assert cluster.find(f"/api/v1/namespaces/{project.namespace}/services/web") is not None


def test_secrets_reach_the_cluster_but_neither_the_screen_nor_the_state(
    project: Project, cluster: Client
) -> None:
    word = "correct-horse-battery"
    coded = base64.b64encode(word.encode()).decode()
    project.configure_secret("word", word)
    project.program("""
        word = config.require_secret("word")
        made = k8s.core.v1.Secret("login", metadata=meta("login"), string_data={"password": word}, opts=opts)
        k8s.apps.v1.Deployment("web", metadata=meta("web"),
            spec={"replicas": 0, "selector": {"match_labels": {"app": "web"}},
                "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main",
                    "image": "example.test/web:1", "env": [{"name": "WORD", "value": word}]}]}}}, opts=opts)
        pulumi.export("data", made.data)
    """)
    shown = project.preview("--diff").succeeded().output + project.up("--diff").succeeded().output
    project.refresh().succeeded()
    exported = json.dumps(project.state())
    live = cluster.get(f"/api/v1/namespaces/{project.namespace}/secrets/login")
    deployed = cluster.get(f"/apis/apps/v1/namespaces/{project.namespace}/deployments/web")

    assert live["data"] == {"password": coded}
    environment = deployed["spec"]["template"]["spec"]["containers"][0]["env"]
    assert environment == [{"name": "WORD", "value": word}]
    for text in (word, coded):
        assert text not in shown
        assert text not in exported


def test_an_ignored_field_is_left_to_whoever_changes_it(project: Project, cluster: Client) -> None:
    program = """
        k8s.apps.v1.StatefulSet("db", metadata=meta("db"),
            spec={{"replicas": 0, "service_name": "db", "selector": {{"match_labels": {{"app": "db"}}}},
                "template": {{"metadata": {{"labels": {{"app": "db"}}, "annotations": {{"turn": "{turn}"}}}},
                    "spec": {{"containers": [{{"name": "main", "image": "example.test/db:1"}}],
                        "termination_grace_period_seconds": 5}}}}}},
            opts=ResourceOptions.merge(opts, ResourceOptions(ignore_changes=["metadata.labels"])))
    """
    path = f"/apis/apps/v1/namespaces/{project.namespace}/statefulsets/db"
    project.program(program.format(turn="first"))
    project.up().succeeded()
    cluster.patch(path, [{"op": "add", "path": "/metadata/labels", "value": {"by": "hand"}}])
    project.program(program.format(turn="second"))
    project.up("--refresh").succeeded()
    after = cluster.get(path)
    assert after["metadata"]["labels"] == {"by": "hand"}
    assert after["spec"]["template"]["metadata"]["annotations"] == {"turn": "second"}


def test_a_field_that_another_tool_owns_is_taken_only_by_force(project: Project, cluster: Client) -> None:
    program = """
        k8s.core.v1.ServiceAccount("bot", metadata=meta("bot", labels={{"owner": "{owner}"}},
            annotations={force}), opts=opts)
    """
    path = f"/api/v1/namespaces/{project.namespace}/serviceaccounts/bot"
    project.program(program.format(owner="program", force={}))
    project.up().succeeded()
    theirs = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"labels": {"owner": "tool"}}}
    cluster.apply(path, theirs, fieldManager="another-tool", force=True)

    project.program(program.format(owner="changed", force={}))
    assert "conflict" in project.up().failed().output
    assert cluster.get(path)["metadata"]["labels"] == {"owner": "tool"}

    project.program(program.format(owner="changed", force={"pulumi.com/patchForce": "true"}))
    project.up().succeeded()
    assert cluster.get(path)["metadata"]["labels"] == {"owner": "changed"}


def test_a_namespace_is_gone_when_its_deletion_is_reported(project: Project, cluster: Client) -> None:
    project.program("""
        space = k8s.core.v1.Namespace("space", opts=opts)
        k8s.core.v1.ConfigMap("inside", metadata={"namespace": space.metadata.name}, opts=opts)
    """)
    project.up().succeeded()
    name = project.resource("space")["id"]
    project.destroy().succeeded()
    assert cluster.find(f"/api/v1/namespaces/{name}") is None


def test_a_type_the_bundled_plugin_lacks_is_refused_by_its_name(
    project: Project, plugin_is_bundled: bool
) -> None:
    if not plugin_is_bundled:
        pytest.skip("the vendor's plugin supports every type")
    project.program('k8s.node.v1.RuntimeClass("sandbox", handler="none", opts=opts)')
    output = project.preview().failed().output
    assert "kubernetes:node.k8s.io/v1:RuntimeClass" in output
    assert "pulumi plugin install resource kubernetes" in output
    assert "Traceback" not in output

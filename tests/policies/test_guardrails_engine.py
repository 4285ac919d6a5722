"""The policy pack under the real engine, as a person and CI run it: `pulumi preview --policy-pack`."""

import json
from pathlib import Path

import pytest

from tests.plugins.conftest import engine_environment  # noqa: F401
from tests.plugins.test_language_engine import Program
from toolchain import paths

pytestmark = pytest.mark.engine

PACK = "policies/guardrails"
STACK = "app-shop"

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Tenant
name: acme
quota: {members: 9}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: a, cost: 0.5}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: small
networkPartitions: [{name: home, partitions: [{name: a, max: 3}]}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
tenant: acme
deployment: small
cartridges: [{alias: web, cartridge: php, members: {min: 2, max: 9}}]
"""

PROGRAM = """
import json, pathlib, pulumi

class Made(pulumi.ComponentResource):
    # Its inputs are all that the pack sees: no plugin and no cluster are needed.
    def __init__(self, type_, name, inputs):
        super().__init__(type_, name, inputs)
        self.register_outputs({})

for type_, name, inputs in json.loads(pathlib.Path(__file__).with_name("resources.json").read_text()):
    Made(type_, name, inputs)
"""

GOOD = {
    "name": "web",
    "image": "10.88.0.3:5000/cartridges/php@sha256:" + "a" * 64,
    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
}
LOGIN = {
    "type": "kubernetes.io/dockerconfigjson",
    "metadata": {"name": "login"},
    "stringData": {".dockerconfigjson": '{"auths": {"docker.io": {}}}'},
}
"""A login that the program brings along allows nothing: the platform's registry is the one."""
PLATFORM = {"type": "pulumi:pulumi:Stack", "outputs": {"registry": {"address": "10.88.0.3:5000"}}}


def deployment(container: dict[str, object], replicas: int = 2, **spec: object) -> list[object]:
    labels = {"altostratus.dev/cluster": "web", "altostratus.dev/application": "shop"}
    return [
        "kubernetes:apps/v1:Deployment",
        "web",
        {
            "metadata": {"name": "web", "namespace": "app-shop", "labels": labels},
            "spec": {"replicas": replicas, "template": {"spec": {"containers": [container], **spec}}},
        },
    ]


class Guarded:
    """A stack app-shop whose resources are told by a file, and the pack around it."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.program = Program(project, environment)
        self.program.write(PROGRAM)
        assert self.program.run("stack", "init", STACK).returncode == 0
        (project / "documents.yaml").write_text(DOCUMENTS)
        stacks = Path(environment["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi" / "stacks"
        state = stacks / "altostratus" / "platform-local.json"
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [PLATFORM]}}}))
        for key, value in (("blueprint", str(project / "documents.yaml")), ("cloud", "local")):
            done = self.program.run("config", "set", "--stack", STACK, f"altostratus:{key}", value)
            assert done.returncode == 0, done.stdout

    def preview(self, resources: list[object], *words: str) -> tuple[int, str]:
        login = ["kubernetes:core/v1:Secret", "login", LOGIN]
        (self.program.folder / "code" / "resources.json").write_text(json.dumps([login, *resources]))
        pack = str(paths.root() / PACK)
        done = self.program.run("preview", "--stack", STACK, "--policy-pack", pack, *words)
        return done.returncode, done.stdout


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, engine_environment: dict[str, str]) -> Guarded:  # noqa: F811
    return Guarded(tmp_path_factory.mktemp("guarded"), engine_environment)


def expect(guarded: Guarded, resources: list[object], faults: dict[str, str]) -> None:
    code, said = guarded.preview(resources)
    assert code != 0
    for rule, words in faults.items():
        assert rule in said
        assert words in said
    assert "hunter22" not in said
    assert "Traceback" not in said


def test_a_good_program_passes(guarded: Guarded) -> None:
    code, said = guarded.preview([deployment(GOOD)])
    assert code == 0, said
    assert "altostratus-guardrails" in said


def test_every_fault_of_a_resource_is_told_at_once(guarded: Guarded) -> None:
    bad = {
        "name": "web",
        "env": [{"name": "DB_PASSWORD", "value": "hunter22"}],
        "securityContext": {"privileged": True},
    }
    faults = {
        "resource-limits": "web has no limits.memory",
        "host-access": "volume v is the host's /etc",
        "plain-secrets": "variable DB_PASSWORD of web holds a secret in plain text",
    }
    expect(guarded, [deployment(bad, volumes=[{"name": "v", "hostPath": {"path": "/etc"}}])], faults)


def test_every_fault_of_the_whole_stack_is_told_at_once(guarded: Guarded) -> None:
    target = {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}
    metadata = {"name": "hpa", "namespace": "app-shop"}
    scaler = "kubernetes:autoscaling/v2:HorizontalPodAutoscaler"
    hpa = [scaler, "hpa", {"metadata": metadata, "spec": target}]
    faults = {
        "images": "allowed are 10.88.0.3:5000",
        "one-owner-of-replicas": "HorizontalPodAutoscaler hpa scales Deployment web",
        "deployment-policy": "web asks for 10 members, and the deployment policy small has place for 3",
        "tenant-quota": "tenant acme may have 9 members",
    }
    expect(guarded, [deployment({**GOOD, "image": "docker.io/library/php:8"}, 10), hpa], faults)


def test_what_is_in_lists_and_under_custom_kinds_is_judged(guarded: Guarded) -> None:
    pod = {"spec": {"containers": [{**GOOD, "securityContext": {"capabilities": {"add": ["sys_admin"]}}}]}}
    rollout = {"metadata": {"name": "r", "namespace": "app-shop"}, "spec": {"replicas": 99, "template": pod}}
    faults = {
        "host-access": "container web keeps SYS_ADMIN",
        "tenant-quota": "with this update it would have",
    }
    expect(guarded, [["kubernetes:core/v1:PodList", "pods", {"items": [pod] * 10}]], faults)
    expect(guarded, [["kubernetes:argoproj.io/v1alpha1:Rollout", "r", rollout]], faults)


def test_a_configuration_sets_the_cost_ceiling_and_turns_rules_into_advice(guarded: Guarded) -> None:
    file = guarded.program.folder / "guardrails.json"
    file.write_text(json.dumps({"cost": {"perHour": 0.9}}))
    code, said = guarded.preview([deployment(GOOD)], "--policy-pack-config", str(file))
    assert code != 0
    assert "an hour of this stack would cost 1, over its ceiling of 0.9" in said
    code, said = guarded.preview(
        [deployment(GOOD), ["kubernetes:core/v1:Pod", "extra", {"spec": {"containers": [GOOD]}}]],
        "--policy-pack-config",
        str(file),
    )
    assert "there is no price for a member of extra" in said
    file.write_text(json.dumps({"cost": {"enforcementLevel": "advisory", "perHour": 0.9}}))
    code, said = guarded.preview([deployment(GOOD)], "--policy-pack-config", str(file))
    assert code == 0, said
    assert "over its ceiling of 0.9" in said

"""The guard rails' rules, each by what it refuses and what it lets pass."""

from pathlib import Path
from typing import Any

import pytest

from policies.guardrails.facts import gather, read_settings, settings_file
from policies.guardrails.images import logged_in, registry_of, wrong_images
from policies.guardrails.plain_text import plain_secrets, plain_settings
from policies.guardrails.pods import reaching_for_the_host, without_limits
from policies.guardrails.replicas import second_owners
from policies.guardrails.resource import UNKNOWN, Resource, containers
from policies.guardrails.totals import (
    Amounts,
    ClusterFacts,
    StackFacts,
    cost_per_hour,
    members_of,
    over_ceiling,
    over_policy,
    over_quota,
)

DIGEST = "@sha256:" + "0" * 64
LIMITED = {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}}


def workload(kind: str = "Deployment", replicas: Any = 1, labels: Any = None, **spec: Any) -> Resource:
    pods = {"template": {"spec": spec}}
    wrapped = {"jobTemplate": {"spec": pods}} if kind == "CronJob" else {**pods, "replicas": replicas}
    if kind == "Pod":
        wrapped = spec
    group = "batch/v1" if kind.endswith("Job") else "core/v1" if kind == "Pod" else "apps/v1"
    metadata = {"name": "web", "namespace": "app-shop", "labels": labels or {}}
    return Resource(
        f"kubernetes:{group}:{kind}", "web", f"urn:{kind}", {"metadata": metadata, "spec": wrapped}
    )


def container(**more: Any) -> dict[str, Any]:
    return {"name": "main", "image": f"registry.example.org/web{DIGEST}", "resources": LIMITED, **more}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod"])
def test_pods_are_found_in_every_kind_that_makes_them(kind: str) -> None:
    made = workload(kind, containers=[container()], initContainers=[{"name": "first"}])
    assert [each.name for each in containers(made)] == ["first", "main"]


def test_containers_must_say_what_they_need_and_the_most_they_take() -> None:
    said = list(without_limits(workload(containers=[container(resources={}), container()])))
    assert len(said) == 1
    assert "main has no limits.memory, requests.cpu, requests.memory" in said[0]
    only_limits = {"limits": {"cpu": "1", "memory": "64Mi"}}
    assert not list(without_limits(workload(containers=[container(resources=only_limits)])))
    assert not list(without_limits(workload(containers=[container(resources=UNKNOWN)])))


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
    ],
)
def test_no_pod_reaches_for_its_host(spec: dict[str, Any], word: str) -> None:
    for kind in ("app", "platform"):
        said = list(reaching_for_the_host(workload(**spec), kind))
        assert len(said) == 1
        assert word in said[0]
    assert not list(reaching_for_the_host(workload(**spec), "hosts"))


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


def test_privileged_containers_of_the_engine_are_hosts_only() -> None:
    made = Resource("docker:index/container:Container", "c", inputs={"privileged": True})
    assert list(reaching_for_the_host(made, "platform"))
    assert not list(reaching_for_the_host(made, "hosts"))


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
    assert not said(f"anywhere.example.org/x{DIGEST}")
    assert [registry_of(i) for i in ("php", "a/b:1", "localhost/x", "h:5/x")] == [
        "docker.io", "docker.io", "localhost", "h:5",
    ]  # fmt: skip


def test_the_registries_of_the_stacks_own_pull_secrets_are_allowed() -> None:
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


KEY = "-----BEGIN RSA PRIVATE KEY-----\nMII\n"  # gitleaks:allow


@pytest.mark.parametrize(
    ("name", "value", "refused"),
    [
        ("DB_PASSWORD", "hunter22", True),
        ("GITHUB_TOKEN", "abc", True),
        ("AWS_SECRET_ACCESS_KEY", "abc", True),
        ("apiKey", "abc", True),
        ("DATABASE_URL", "mysql://app:hunter22@db:3306/app", True),
        ("TLS", KEY, True),
        ("DB_PASSWORD", "", False),
        ("ALLOW_EMPTY_PASSWORD", "yes", False),
        ("DB_PASSWORD_FILE", "/run/secrets/db", False),
        ("DATABASE_URL", "mysql://app:$(DB_PASSWORD)@db:3306/app", False),
        ("DATABASE_URL", "mysql://app@db:3306/app", False),
        ("TOKENIZER", "fast", False),
        ("MAX_TOKENS", "100", False),
        ("SECRET_NAME", "web-secrets", False),
        ("CERTIFICATE", "-----BEGIN CERTIFICATE-----\nMII\n", False),
    ],
)
def test_no_secret_stands_in_plain_text(name: str, value: str, refused: bool) -> None:
    places = [
        workload(containers=[container(env=[{"name": name, "value": value}])]),
        Resource("kubernetes:core/v1:ConfigMap", "c", inputs={"data": {name: value}}),
        Resource("docker:index/container:Container", "c", inputs={"envs": [f"{name}={value}"]}),
    ]
    for each in places:
        said = list(plain_secrets(each))
        assert bool(said) is refused, each.type
        assert all("hunter22" not in message for message in said)


def test_references_to_secrets_and_unknown_values_pass() -> None:
    variables = [
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "DB_TOKEN", "value": UNKNOWN},
    ]
    assert not list(plain_secrets(workload(containers=[container(env=variables)])))
    assert list(plain_secrets(workload(containers=[container(args=["--dsn=pg://a:b@c/d"])])))


def test_settings_that_should_be_encrypted_are_named() -> None:
    said = list(
        plain_settings(
            {
                "altostratus:secrets": {"payment": "abc", "mail": {"secure": "v1:x"}},
                "altostratus:registryPassword": "abc",
                "aws:secretKey": {"secure": "v1:y"},
                "altostratus:cloud": "local",
            }
        )
    )
    assert len(said) == 2
    assert "altostratus:secrets.payment" in said[0]
    assert "pulumi config set --secret --path 'altostratus:registryPassword'" in said[1]
    assert not list(plain_settings({"altostratus:secrets": {"secure": "v1:x"}}))


def hpa(name: str, namespace: Any = "app-shop", kind: str = "Deployment") -> Resource:
    spec = {"scaleTargetRef": {"kind": kind, "name": name}}
    metadata = {"name": "hpa", "namespace": namespace}
    return Resource(
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
        "hpa",
        "urn:hpa",
        {"metadata": metadata, "spec": spec},
    )


def test_nobody_else_scales_our_members() -> None:
    ours = workload(labels={"altostratus.dev/cluster": "web"})
    foreign = workload()
    assert [urn for urn, _ in second_owners([ours, hpa("web")])] == ["urn:hpa"]
    assert list(second_owners([ours, hpa("web", UNKNOWN)]))
    assert not list(second_owners([ours, hpa("web", "elsewhere")]))
    assert not list(second_owners([ours, hpa("other")]))
    assert not list(second_owners([foreign, hpa("web")]))
    keda = Resource(
        "kubernetes:keda.sh/v1alpha1:ScaledObject",
        "so",
        "urn:so",
        {"metadata": {"namespace": "app-shop"}, "spec": {"scaleTargetRef": {"name": "web"}}},
    )
    assert [urn for urn, _ in second_owners([ours, keda])] == ["urn:so"]


FACTS = StackFacts(
    "shop",
    {"web": ClusterFacts(Amounts(0, 1, 500, 2**30), "home-first", 4, 0.05)},
    quotas={"home-first": 6},
    used={"home-first": 3},
    tenant="acme",
    tenant_quota={"applications": 2, "members": 10, "cpu": 2000, "memory": 8 * 2**30},
    tenant_used=Amounts(1, 5, 1000, 2**30),
)


def members(replicas: Any) -> Any:
    labels = {"altostratus.dev/cluster": "web", "altostratus.dev/application": "shop"}
    return members_of([workload(replicas=replicas, labels=labels), workload(replicas=50)], "shop")


def test_members_stay_within_the_deployment_policys_places_and_quota() -> None:
    assert not list(over_policy(members(3), FACTS))
    assert [text for _, text in over_policy(members(5.0), FACTS)] == [
        "web asks for 5 members, and the deployment policy home-first has place for 4",
        "the deployment policy home-first allows 6 members over all applications; "
        "this stack asks for 5, others have 3",
    ]
    assert members(UNKNOWN) == []


def test_a_tenants_applications_stay_within_its_quota() -> None:
    assert not list(over_quota(members(2), FACTS))
    assert list(over_quota(members(3), FACTS)) == [
        "tenant acme may have 2 processors in all its applications; with this update it would have 2.5"
    ]
    assert not list(over_quota(members(99), StackFacts()))


def test_an_hour_costs_what_its_members_cost_where_they_are() -> None:
    assert cost_per_hour(members(3), FACTS) == pytest.approx(0.15)
    assert cost_per_hour(members(3), StackFacts(), default=1.0) == 3.0
    assert not list(over_ceiling(0.15, 0.15))
    assert not list(over_ceiling(99, None))
    assert list(over_ceiling(0.2, 0.15)) == ["an hour of this stack would cost 0.2, over its ceiling of 0.15"]


def test_facts_come_from_the_stacks_documents_and_those_of_other_stacks(tmp_path: Path) -> None:
    (tmp_path / "docs.yaml").write_text(
        """
apiVersion: altostratus/v1
kind: Tenant
name: acme
quota: {members: 9, cpu: 2}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: a, cost: 0.02}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: small
networkPartitions: [{name: home, partitions: [{name: a, max: 5}]}]
quota: {members: 8}
---
apiVersion: altostratus/v1
kind: Application
name: shop
tenant: acme
deployment: small
cartridges: [{alias: web, cartridge: php, members: {min: 2, max: 9}}]
---
apiVersion: altostratus/v1
kind: Application
name: blog
tenant: acme
deployment: small
cartridges: [{alias: site, cartridge: static, members: {min: 1, max: 9}}]
"""
    )
    for stack, text in {
        "app-shop": "blueprint: docs.yaml",
        "app-shop--away": "blueprint: docs.yaml\n  altostratus:application: shop",
        "app-blog": "blueprint: docs.yaml\n  altostratus:scale: {clusters: {site: 4}}",
        "app-broken": "blueprint: nowhere.yaml",
        "hosts-local": "hosts: {}",
    }.items():
        path = settings_file(tmp_path, stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"config:\n  altostratus:{text}\n")
    facts = gather(tmp_path, "app-shop", read_settings(settings_file(tmp_path, "app-shop")))
    assert facts.clusters["web"] == ClusterFacts(Amounts(0, 1, 100, 64 * 2**20), "small", 5, 0.02)
    assert (facts.quotas, facts.used) == ({"small": 8}, {"small": 6})
    assert (facts.tenant, facts.tenant_quota) == ("acme", {"members": 9, "cpu": 2000})
    # The copy of the application itself is no further application; blog is.
    assert facts.tenant_used == Amounts(1, 6, 2 * 100 + 4 * 50, (2 * 64 + 4 * 16) * 2**20)
    assert gather(tmp_path, "hosts-local", {}) == StackFacts()

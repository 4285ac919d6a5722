"""How much an update may have: deployment policies, quotas and cost, and where that is known from."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blueprints.deployed import Deployed
from blueprints.findings import DocumentError
from blueprints.revision import Revision, documents_of
from blueprints.workspace import Workspace
from policies.guardrails.amounts import Amounts, size_of
from policies.guardrails.facts import gather, machine_folders, read_settings, registries, settings_file
from policies.guardrails.resource import UNKNOWN, Resource
from policies.guardrails.totals import (
    ClusterFacts,
    Members,
    StackFacts,
    members_of,
    over_ceiling,
    over_policy,
    over_quota,
)
from tests.policies.guarded import container, workload

FACTS = StackFacts(
    "shop",
    {"web": ClusterFacts(Amounts(0, 1, 500, 2**30), "home-first", 4, 0.05)},
    quotas={"home-first": 6},
    used={"home-first": 3},
    tenant="acme",
    tenant_quota={"applications": 2, "members": 10, "cpu": 2000, "memory": 8 * 2**30},
    tenant_used=Amounts(1, 5, 1000, 2**30),
)


OURS = {"altostratus.dev/cluster": "web", "altostratus.dev/application": "shop"}


def members(replicas: Any) -> list[Members]:
    return members_of([workload(replicas=replicas, labels=OURS, containers=[container()])], FACTS)


def test_members_stay_within_the_deployment_policys_places_and_quota() -> None:
    assert not list(over_policy(members(3), FACTS))
    assert [text for _, text in over_policy(members(5.0), FACTS)] == [
        "web asks for 5 members, and the deployment policy home-first has place for 4",
        "the deployment policy home-first allows 6 members over all applications, and over that only their "
        "minimums; this stack asks for 5 (at least 0), others have 3",
    ]
    assert members(UNKNOWN) == []


def test_minimums_are_given_over_a_deployment_policys_quota_and_nothing_else_is() -> None:
    web = ClusterFacts(policy="home-first", least=2)
    full = replace(FACTS, clusters={"web": web}, used={"home-first": 6})
    assert not list(over_policy(members(2), full))
    (told,) = over_policy(members(3), full)
    assert "this stack asks for 3 (at least 2), others have 6" in told[1]


def test_a_tenants_applications_stay_within_its_quota() -> None:
    assert not list(over_quota(members(2), FACTS))
    assert list(over_quota(members(3), FACTS)) == [
        "tenant acme may have 2 processors in all its applications; with this update it would have 2.5"
    ]
    assert not list(over_quota(members(99), StackFacts()))


def asking(replicas: Any, **more: Any) -> Resource:
    """A workload of nobody's, each Pod of a quarter of a processor and 1 GiB."""
    size = {"resources": {"requests": {"cpu": "250m", "memory": "1Gi"}}}
    return workload(**{"name": "extra", "replicas": replicas, "containers": [container(**size)], **more})


@pytest.mark.parametrize(
    ("extra", "pods"),
    [
        (asking(4), 4),
        (asking(4, labels={"altostratus.dev/cluster": "nobody's"}), 4),
        (asking(1, kind="DaemonSet"), 3),
        (asking(1, kind="Pod"), 1),
        (asking(1, kind="CronJob"), 1),
        (
            Resource(
                "kubernetes:batch/v1:Job",
                "extra",
                "",
                {"spec": {**asking(1).inputs["spec"], "parallelism": 4}},
            ),
            4,
        ),
        (Resource("kubernetes:argoproj.io/v1alpha1:Rollout", "extra", "", asking(4).inputs), 4),
        (Resource("kubernetes:apps/v1:DeploymentPatch", "extra", "", {"spec": {"replicas": 4}}), 4),
        (Resource("kubernetes:apps/v1:DeploymentPatch", "extra", "", {"spec": {"paused": True}}), 0),
    ],
)
def test_whatever_runs_pods_counts_in_the_tenants_quota(extra: Resource, pods: int) -> None:
    facts = StackFacts("shop", tenant="acme", tenant_quota={"members": 0}, hosts=3)
    said = list(over_quota(members_of([extra], facts), facts))
    assert said == (
        [f"tenant acme may have 0 members in all its applications; with this update it would have {pods}"]
        if pods
        else []
    )


def test_what_documents_do_not_know_is_as_large_as_it_says() -> None:
    claims = [{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}]
    first = {"name": "first", "resources": {"limits": {"cpu": "0.3", "memory": 2**20}}}
    pod = asking(1, initContainers=[first]).inputs["spec"]
    made = Resource(
        "kubernetes:apps/v1:StatefulSet", "x", "", {"spec": {**pod, "volumeClaimTemplates": claims}}
    )
    assert size_of(made) == Amounts(0, 1, 300, 2**30, 2 * 2**30)
    facts = StackFacts("shop", tenant="acme", tenant_quota={"memory": 3 * 2**30})
    assert not list(over_quota(members_of([asking(3)], facts), facts))
    assert "GiB of memory" in next(iter(over_quota(members_of([asking(4)], facts), facts)))


def test_what_altostratus_runs_beside_members_counts_in_no_quota() -> None:
    facts = StackFacts("shop", helpers=frozenset({"front"}))
    assert not members_of([asking(9, name="front")], facts)
    assert members_of([asking(9)], facts)


def test_who_has_a_clusters_name_counts_as_that_cluster() -> None:
    patched = Resource("kubernetes:apps/v1:DeploymentPatch", "web", "u", {"spec": {"replicas": 5}})
    _, said = next(over_policy(members_of([patched], FACTS), FACTS))
    assert "web asks for 5 members" in said


def test_a_quota_that_cannot_be_judged_is_said_to_be_so() -> None:
    unknown = {"app-blog": "docs.yaml: there is no such file"}
    facts = StackFacts(
        "shop", FACTS.clusters, {"home-first": 6}, {}, "acme", {"members": 9}, unjudged=unknown
    )
    (said,) = over_quota(members(1), facts)
    assert "the quota of tenant acme cannot be judged: what app-blog takes of it is not known" in said
    assert "docs.yaml: there is no such file" in said
    ((_, said),) = over_policy(members(1), facts)
    assert "deployment policy home-first cannot be judged" in said
    # Where nothing is bounded, nothing has to be judged.
    assert not list(over_quota(members(1), StackFacts(tenant="acme", unjudged=unknown)))
    assert not list(over_policy(members(1), StackFacts("shop", FACTS.clusters, unjudged=unknown)))


def test_an_hour_costs_what_its_members_cost_where_they_are() -> None:
    assert not list(over_ceiling(members(3), FACTS, 0.15))
    assert not list(over_ceiling(members(99), FACTS, None))
    (said,) = over_ceiling(members(4), FACTS, 0.15)
    assert said == "an hour of this stack would cost 0.2, over its ceiling of 0.15"
    # Without a price of their place, by the configuration's; without any, nobody knows.
    assert not list(over_ceiling(members(3), StackFacts(), 3.0, 1.0))
    assert list(over_ceiling(members(3), StackFacts(), 2.0, 1.0))
    assert not list(over_ceiling(members(3), StackFacts(), 1.0, 0.0))
    (said,) = over_ceiling(members(3), StackFacts(), 1.0)
    assert "there is no price for a member of web, so the ceiling of 1 an hour cannot be kept" in said


DOCUMENTS = """
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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Documents of one tenant's two applications, and stacks of them."""
    (tmp_path / "docs.yaml").write_text(DOCUMENTS)
    for stack, text in {
        "app-shop": "blueprint: docs.yaml",
        "app-shop--away": "blueprint: docs.yaml\n  altostratus:application: shop",
        "app-blog": "blueprint: docs.yaml\n  altostratus:scale: {clusters: {site: 4}}",
        "hosts-local": "hosts: {}",
    }.items():
        path = settings_file(tmp_path, stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"config:\n  altostratus:{text}\n")
    return tmp_path


def facts_of(project: Path, stack: str = "app-shop", backend: str = "") -> StackFacts:
    return gather(project, stack, read_settings(settings_file(project, stack)), backend)


def deployed(project: Path, stack: str, outputs: Mapping[str, object]) -> str:
    """A state in which a stack has been updated; the backend's address."""
    path = project / ".pulumi" / "stacks" / "altostratus" / f"{stack}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    resource = {"type": "pulumi:pulumi:Stack", "outputs": dict(outputs)}
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource]}}}))
    return project.as_uri()


def broken(project: Path, stack: str) -> None:
    """Somebody is editing the stack's documents."""
    (project / "other.yaml").write_text("kind: Appl")
    path = settings_file(project, stack)
    path.write_text(path.read_text().replace("docs.yaml", "other.yaml"))


def test_facts_come_from_the_stacks_documents_and_those_of_other_stacks(project: Path) -> None:
    facts = facts_of(project)
    assert facts.clusters["web"] == ClusterFacts(Amounts(0, 1, 100, 64 * 2**20), "small", 5, 0.02, 2)
    assert (facts.quotas, facts.used) == ({"small": 8}, {"small": 6})
    settings = {**read_settings(settings_file(project, "app-shop--away")), "altostratus:clusters": ["web"]}
    settings["altostratus:scale"] = {"clusters": {"web": 1}, "overflow": True}
    beside = gather(project, "app-shop--away", settings)
    assert beside.clusters["web"].least == 0, "the documents' minimums are the home's"
    assert (facts.tenant, facts.tenant_quota) == ("acme", {"members": 9, "cpu": 2000})
    # The copy of the application itself is no further application; blog is.
    assert facts.tenant_used == Amounts(1, 6, 2 * 100 + 4 * 50, (2 * 64 + 4 * 16) * 2**20)
    assert (facts.unjudged, facts.hosts) == ({}, 1)
    assert gather(project, "hosts-local", {}) == StackFacts()
    backend = deployed(project, "hosts-local", {"nodes": [{}, {}, {}]})
    assert facts_of(project, backend=backend).hosts == 3


def test_an_application_whose_documents_do_not_load_is_not_taken_for_nothing(project: Path) -> None:
    blog = Revision("blog", documents_of(Workspace.load([project / "docs.yaml"])), {}, {})
    before = facts_of(project)
    broken(project, "app-blog")
    for backend in ("", "s3://somewhere", (project / "nowhere").as_uri()):
        assert list(facts_of(project, backend=backend).unjudged) == ["app-blog"]
    # What it was last updated to is on record, with the scale of now.
    backend = deployed(project, "app-blog", {"revision": Deployed(blog).to_output()})
    after = facts_of(project, backend=backend)
    assert (after.tenant_used, after.used, after.unjudged) == (before.tenant_used, before.used, {})
    # What has never been deployed takes nothing; what was by an older version is not known.
    (project / ".pulumi" / "stacks" / "altostratus" / "app-blog.json").unlink()
    assert facts_of(project, backend=backend).tenant_used.members == 2
    assert facts_of(project, backend=backend).unjudged == {}
    backend = deployed(project, "app-blog", {"urls": []})
    assert list(facts_of(project, backend=backend).unjudged) == ["app-blog"]


def test_updates_that_nobody_asks_for_are_judged_while_somebody_edits(project: Path) -> None:
    shop = Revision("shop", documents_of(Workspace.load([project / "docs.yaml"])), {}, {})
    before = facts_of(project)
    broken(project, "app-shop")
    with pytest.raises(DocumentError):
        facts_of(project)
    backend = deployed(project, "app-shop", {"revision": Deployed(shop).to_output()})
    after = facts_of(project, backend=backend)
    assert (after.clusters, after.tenant_quota) == (before.clusters, before.tenant_quota)


def test_prices_are_known_where_every_place_tells_its_own(project: Path) -> None:
    (project / "docs.yaml").write_text(
        DOCUMENTS.replace("[{name: a, cost: 0.02}]", "[{name: a, cost: 0.02}, {name: b}]").replace(
            "[{name: a, max: 5}]", "[{name: a, max: 1}, {name: b, max: 4}]"
        )
    )
    assert facts_of(project).clusters["web"].cost is None


def test_images_come_from_the_registry_of_the_platform(project: Path) -> None:
    def known(stack: str, backend: str = "") -> tuple[str, ...]:
        return registries(project, stack, {"altostratus:cloud": "local"}, backend)

    backend = deployed(project, "platform-local", {"registry": {"address": "10.88.0.3:5000", "password": {}}})
    assert known("app-shop", backend) == ("10.88.0.3:5000",)
    assert known("app-shop") == known("app-shop", "s3://somewhere") == ()
    # What leads from the home to members beside it is the home's; nothing else knows of another cloud.
    assert registries(project, "app-shop--away", {}, backend) == ("10.88.0.3:5000",)
    assert registries(project, "app-shop", {"altostratus:cloud": "away"}, backend) == ()
    # A platform that makes one says where it is in the update that makes it.
    assert known("platform-local", backend) == ()
    external = "config:\n  altostratus:platform:\n    registry: {address: r.example.org, username: u}\n"
    settings_file(project, "platform-local").write_text(external)
    assert known("app-shop", backend) == known("platform-local") == ("r.example.org",)


def test_engine_containers_see_the_folders_that_they_are_there_to_show() -> None:
    platform = {"altostratus:platform": {"gitRepositories": {"shop": "/srv/shop.git"}}}
    home = Path("/home/me/.alto")
    assert machine_folders("platform-local", platform, home) == ("/srv/shop.git",)
    assert machine_folders("front-shop", {}, home) == ("/home/me/.alto/front/shop",)
    assert machine_folders("app-shop", platform, home) == ()

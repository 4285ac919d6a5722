"""Every sample of the library passes the guard rails, as its stack's own program makes it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from blueprints.kinds.application import Application
from blueprints.workspace import LIBRARY, Workspace
from components.load_balancer.images import PROGRAMS
from components.pods.template import image_keys
from policies.guardrails import images, plain_text, pods, replicas, totals, unseen
from policies.guardrails.facts import gather
from policies.guardrails.resource import Resource
from stacks import __main__ as program
from stacks import settings
from tests.components.conftest import DIGEST, Engine, plain

REGISTRY = "10.88.0.3:5000"
SAMPLES = [
    (application.name, folder)
    for folder in sorted((LIBRARY / "samples").iterdir())
    for application in Workspace.load([folder]).all(Application)
]


def made(name: str, folder: Path) -> Engine:
    """What the stack of a sample registers, on a platform that has built every image."""
    plan = Workspace.load([folder]).plan(name)
    keys = {key for cluster in plan.clusters.values() for key in image_keys(cluster)}
    login = {"address": REGISTRY, "username": "u", "password": "p", "caCertificate": "CA"}
    node = {"name": "host1", "address": "10.88.0.10", "roles": ["control-plane"]}
    outputs = {
        "hosts-local": {"kubeconfig": "K", "nodes": [node]},
        "platform-local": {
            "registry": login,
            "images": {key: f"{REGISTRY}/cartridges/{key}@{DIGEST}" for key in keys},
            "artifactImage": f"{REGISTRY}/altostratus/artifact@{DIGEST}",
            "balancers": {
                each.document.name: {"name": each.document.name, "urls": []} for each in plan.shared
            },
            "balancerImages": {each: f"{REGISTRY}/altostratus/{each}@{DIGEST}" for each in PROGRAMS},
        },
    }
    engine = Engine(stacks={f"organization/altostratus/{stack}": known for stack, known in outputs.items()})
    texts = "".join(path.read_text() for path in sorted(folder.glob("*.yaml")))
    config = {
        "altostratus:cloud": "local",
        "altostratus:blueprint": str(folder),
        "altostratus:secrets": json.dumps(dict.fromkeys(re.findall(r"secret: *([\w-]+)", texts), "hidden")),
    }
    pulumi.runtime.set_all_config(config, ["altostratus:secrets"])
    try:
        return engine.run(lambda: program.main(f"app-{name}"), f"app-{name}")
    finally:
        pulumi.runtime.set_all_config({})


@pytest.fixture(autouse=True)
def settings_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(settings, "config_path", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")
    return


def judged(engine: Engine) -> list[Resource]:
    return [Resource(r.type, r.name, r.urn, plain(r.inputs)) for r in engine.registered]


@pytest.mark.parametrize(("name", "folder"), SAMPLES, ids=[name for name, _ in SAMPLES])
def test_a_sample_passes_every_rule(name: str, folder: Path, tmp_path: Path) -> None:
    resources = judged(made(name, folder))
    assert any(each.kind in ("Deployment", "StatefulSet") for each in resources)
    for each in resources:
        assert not list(pods.without_limits(each)), each.name
        assert not list(pods.reaching_for_the_host(each, "app")), each.name
        assert not list(plain_text.plain_secrets(each)), each.name
        assert not list(images.wrong_images(each, [REGISTRY])), each.name
        assert not list(unseen.unseen(each)), each.name
    assert not list(replicas.second_owners(resources))
    facts = gather(tmp_path, f"app-{name}", {"altostratus:blueprint": str(folder)})
    members = totals.members_of(resources, facts)
    assert {each.cluster for each in members} <= set(facts.clusters), (
        "every workload is one of the documents'"
    )
    assert not list(totals.over_policy(members, facts))
    assert not list(totals.over_quota(members, facts))

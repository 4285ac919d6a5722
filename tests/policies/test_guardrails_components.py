"""What the stacks of clouds, copies and front doors make passes the guard rails, too."""

import json
from pathlib import Path

import pytest

from components.maintenance_page import Maintenance
from policies.guardrails import engine_containers, images, plain_text, pods, replicas, totals, unseen
from policies.guardrails.facts import gather, machine_folders
from policies.guardrails.resource import Resource, objects
from tests.components.conftest import Engine, plain
from tests.components.test_maintenance_page import SHOP, deploy
from tests.front_door import test_drivers as front_doors
from tests.policies.guarded import DIGEST, LIMITED
from tests.stacks import test_balancers, test_links, test_programs
from tests.stacks.test_programs import run

engine, shop, surroundings = test_programs.engine, test_links.shop, front_doors.surroundings
edge = test_balancers.blueprint
REGISTRY = "10.88.0.3:5000"


def judged(made: Engine, kind: str, folders: tuple[str, ...] = ()) -> list[Resource]:
    """What was registered, when no rule about a resource or its images refuses any of it."""
    resources = [Resource(each.type, each.name, each.urn, plain(each.inputs)) for each in made.registered]
    assert [each for one in resources for each in objects(one)] == resources
    for each in resources:
        said = [
            *pods.without_limits(each),
            *pods.reaching_for_the_host(each, kind),
            *engine_containers.reaching_for_the_machine(each, kind, folders),
            *plain_text.plain_secrets(each),
            *images.wrong_images(each, [REGISTRY]),
            *unseen.unseen(each),
        ]
        assert not said, f"{each.type} {each.name}: {said}"
    assert not list(replicas.second_owners(resources))
    return resources


def test_a_platform_passes_with_all_that_it_can_have(engine: Engine, tmp_path: Path, edge: str) -> None:
    bare = tmp_path / "shop.git"
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    shared = {"document": "edge", "blueprint": edge, "applications": ["shop", "news"]}
    platform = {"gitRepositories": {"shop": str(bare)}, "loadBalancers": [shared], "cartridges": ["php"]}
    folders = machine_folders("platform-local", {"altostratus:platform": platform}, tmp_path)
    resources = judged(run(engine, "platform-local", {"platform": platform}), "platform", folders)
    assert {"DaemonSet", "Deployment", "Container"} <= {each.kind for each in resources}
    assert images.logged_in(resources) == (REGISTRY,)


@pytest.mark.parametrize("part", ["home", "copy", "beside"])
def test_an_application_over_several_clouds_passes(part: str, shop: Engine, tmp_path: Path) -> None:
    resources = judged(
        {"home": test_links.home, "copy": test_links.copy, "beside": test_links.beside}[part](shop, tmp_path),
        "app",
    )
    stack = "app-shop" if part == "home" else "app-shop--away"
    facts = gather(tmp_path, stack, {"altostratus:blueprint": str(tmp_path / "shop.yaml")})
    members = totals.members_of(resources, facts)
    assert members
    assert {each.cluster for each in members} <= set(facts.clusters), "nothing but members counts as such"


def test_a_maintenance_page_passes() -> None:
    documents = SHOP.replace("registry.example.org/site:1", f"{REGISTRY}/site{DIGEST}")
    documents = documents.replace("security:", f"resources: {json.dumps(LIMITED)}\nsecurity:")
    made = deploy(Maintenance(None, 90), image=f"{REGISTRY}/page{DIGEST}", documents=documents)
    assert "altostratus-maintenance" in {
        each.name for each in judged(made, "app") if each.kind == "Deployment"
    }


def test_a_front_door_passes(surroundings: None, tmp_path: Path) -> None:
    made = front_doors.run(front_doors.PORTS, clouds=front_doors.CLOUDS)
    folders = machine_folders("front-shop", {}, tmp_path / "home")
    assert "Container" in {each.kind for each in judged(made, "front", folders)}

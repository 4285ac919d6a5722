"""The program of an application in an update that no person asked for."""

import json
from pathlib import Path
from typing import Any

import pytest

from blueprints.deployed import AS_DEPLOYED, Deployed
from blueprints.revision import Revision, documents_of
from blueprints.workspace import Workspace
from stacks.artifact_commits import AUTOMATIC
from tests.components.conftest import DIGEST, Engine
from tests.stacks import test_programs as programs
from tests.stacks.test_programs import PLATFORM, SHOP, run

engine = programs.engine
OLD = "10.88.0.3:5000/cartridges/php@sha256:" + "1" * 64
HALF = SHOP.replace("members: {min: 2, max: 4}", "members: {min: 2, max: 9}\n    labels: {half: edited}")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The documents of a home that was deployed, and that somebody is editing since."""
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP)
    made = Deployed(
        Revision("shop", documents_of(Workspace.load([path])), {"php": OLD}, {"b": "c"}),
        {"cloud": "local", "application": "shop", "copy": "home", "blueprint": str(path)},
        {"https://git.example.org/shop.git#HEAD": "4" * 40},
        {"artifactImage": "old/artifact"},
    )
    state = tmp_path / ".pulumi" / "stacks" / "altostratus" / "app-shop.json"
    state.parent.mkdir(parents=True)
    resource = {"type": "pulumi:pulumi:Stack", "outputs": {"revision": made.to_output()}}
    state.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource]}}}))
    monkeypatch.setenv("PULUMI_BACKEND_URL", tmp_path.as_uri())
    path.write_text(HALF)
    return path


def template(engine: Engine) -> tuple[Any, str, str, dict[str, str]]:
    web = engine.of("apps/v1:Deployment")["web"]["spec"]
    pod = web["template"]["spec"]
    (fetcher, *_) = pod["initContainers"]
    wanted = {each["name"]: each.get("value", "") for each in fetcher["env"]}
    return web["replicas"], pod["containers"][0]["image"], fetcher["image"], wanted


def test_an_automatic_update_takes_bounds_and_scale_and_nothing_else(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(AUTOMATIC, "true")
    values = {"cloud": "other", "blueprint": str(home), "scale": {"clusters": {"web": 8, "new": 3}}}
    run(engine, "app-shop", {**values, "maintenance": "half a word", "application": "store"})
    replicas, image, fetcher, wanted = template(engine)
    assert (replicas, image, fetcher) == (8, OLD, "old/artifact")
    assert wanted["ARTIFACT_COMMIT"] == "4" * 40, "a branch that was held stays held"
    labels = engine.of("apps/v1:Deployment")["web"]["spec"]["template"]["metadata"]["labels"]
    assert "half" not in labels
    assert engine.exports["cloud"] == "local"
    again = Deployed.from_output(engine.exports["revision"])
    assert again is not None
    assert (dict(again.revision.commits), again.settings["cloud"]) == ({"b": "c"}, "local")
    assert again.revision.documents["shop.yaml"] == SHOP
    assert again.steering["shop.yaml"] == HALF


def test_a_copy_is_made_of_the_documents_of_its_home_and_the_images_of_its_cloud(
    engine: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(AS_DEPLOYED, "app-shop")
    engine.stacks = {name.replace("local", "away"): outputs for name, outputs in engine.stacks.items()}
    run(engine, "app-shop--away", {"blueprint": str(home), "scale": {"clusters": {"web": 8}}})
    replicas, image, fetcher, _ = template(engine)
    assert (replicas, image, fetcher) == (
        8,
        f"10.88.0.3:5000/cartridges/php@{DIGEST}",
        PLATFORM["artifactImage"],
    )
    labels = engine.of("apps/v1:Deployment")["web"]["spec"]["template"]["metadata"]["labels"]
    assert "half" not in labels
    assert labels["altostratus.dev/copy"] == "away"
    made = Deployed.from_output(engine.exports["revision"])
    assert made is not None
    assert (made.settings["cloud"], made.settings["copy"]) == ("away", "away")
    assert made.revision.images == {"php": f"10.88.0.3:5000/cartridges/php@{DIGEST}"}


def test_a_persons_update_takes_what_is_written_now_and_says_so_for_later(engine: Engine, home: Path) -> None:
    run(engine, "app-shop", {"cloud": "local", "blueprint": str(home), "scale": {"clusters": {"web": 8}}})
    replicas, image, _, wanted = template(engine)
    assert (replicas, image) == (8, f"10.88.0.3:5000/cartridges/php@{DIGEST}")
    assert "ARTIFACT_COMMIT" not in wanted
    made = Deployed.from_output(engine.exports["revision"])
    assert made is not None
    assert made.revision.documents["shop.yaml"] == HALF
    assert (dict(made.steering), dict(made.held)) == ({}, {})
    assert made.parts["artifactImage"] == PLATFORM["artifactImage"]

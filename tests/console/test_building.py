"""What `alto up` of an application, and a copy of it, ask for before anything is built."""

import json
from pathlib import Path

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.refusals import MoveRefused
from blueprints.deployed import Deployed
from blueprints.images_needed import needed_images
from blueprints.revision import Revision, documents_of, runtimes_of
from blueprints.workspace import Workspace
from components.cartridge_image import application_sources
from console.building import before_copy, before_update
from console.errors import BadInput


def test_a_cloud_that_is_not_there_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    cli = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    cli.state_path("platform-east").parent.mkdir(parents=True)
    cli.state_path("platform-east").write_text("{}")
    config = cli.config_path("app-shop")
    config.parent.mkdir(parents=True)
    config.write_text("config:\n  altostratus:cloud: west\n  altostratus:blueprint: documents\n")
    with pytest.raises(BadInput) as refused:
        before_update(cli, "app-shop")
    for part in ("app-shop", "'west'", "platform-west", "Clouds here: east"):
        assert part in str(refused.value)
    assert [each.name for each in config.parent.iterdir()] == [config.name]


OWN = """
apiVersion: altostratus/v1
kind: Cartridge
name: service
code: {path: code, runtime: python}
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges: [{alias: web, cartridge: service}]
"""


@pytest.fixture
def burst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """An application that was deployed and built at home, and the config of a copy of it."""
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    cli = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    (tmp_path / "shop" / "code").mkdir(parents=True)
    (tmp_path / "shop" / "code" / "app.py").write_text("print('one')\n")
    (tmp_path / "shop" / "shop.yaml").write_text(OWN)
    documents = Workspace.load([tmp_path / "shop"])
    needed = needed_images(documents.compose("shop"))
    tags = {
        key: source.tag()
        for key, source in application_sources(needed, "shop", tmp_path / "home" / "builds" / "first").items()
    }
    deployed = Deployed(
        Revision("shop", documents_of(documents), runtimes=runtimes_of(documents)),
        {"cloud": "local", "application": "shop"},
    )
    outputs = {
        "app-shop": {"members": {"web": 1}, "revision": deployed.to_output()},
        "images-shop": {"sources": tags},
        "platform-away": {"images": {}},
    }
    for stack, values in outputs.items():
        resource = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": values}
        path = cli.state_path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource]}}}))
    for stack, cloud in (("app-shop", "local"), ("app-shop--away", "away")):
        values = {"altostratus:cloud": cloud, "altostratus:blueprint": "shop"}
        cli.configure(stack, {**values, "altostratus:application": "shop"})
    return cli


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("shop.yaml", "its documents changed since they were deployed"),
        ("code/app.py", "what service is made of"),
    ],
)
def test_a_copy_is_not_built_of_what_somebody_is_editing(burst: Pulumi, file: str, words: str) -> None:
    path = burst.root / "shop" / file
    path.write_text(path.read_text() + "# half a thought")
    with pytest.raises(MoveRefused, match=words) as refused:
        before_copy(burst, "app-shop--away")
    assert "alto up app-shop" in str(refused.value)
    assert not burst.exists("images-shop--away")


def test_a_copy_whose_images_are_those_of_home_needs_nothing(burst: Pulumi) -> None:
    built = burst.state_path("images-shop--away")
    built.write_text(burst.state_path("images-shop").read_text())
    burst.configure("app-shop--away", {"altostratus:images": "images-shop--away"})
    (burst.root / "shop" / "code" / "app.py").write_text("print('half a")
    before = {each.name for each in built.parent.iterdir()}
    before_copy(burst, "app-shop--away")
    assert {each.name for each in built.parent.iterdir()} == before

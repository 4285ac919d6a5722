"""Documents and config that somebody is editing, while the autoscaler updates with the real engine."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act.edits import Outcome, ScaleEdit
from autoscaler.act.footing import UNRECORDED
from autoscaler.act.lease import FileLeases
from autoscaler.act.runner import Runner
from autoscaler.journal.journal import Journal
from autoscaler.loop.watched import View, Watched
from tests import light_world
from tests.light_world import CLOUD, World
from tests.plugins import control_plane
from toolchain.plugins.kubernetes.client import Client

pytestmark = pytest.mark.engine
LIMIT = 300.0
FIRST, SECOND = "1" * 64, "2" * 64
SHOP = """
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.test/site@sha256:{digest}
ports: [{{name: http, port: 8080, protocol: http}}]
files: [{{path: /etc/site.conf, source: site.conf}}]
environment: {{TOKEN: {{secret: token}}}}
---
apiVersion: altostratus/v1
kind: Application
name: {name}
cartridges:
  - {{alias: web, cartridge: site, members: {{min: 1, max: 3}}}}
  - {{alias: page, cartridge: php, artifact: {{git: "https://git.example.test/page.git"}}}}
"""


class Desk:
    """One application, a person's hands on its files, and the autoscaler's runner."""

    def __init__(self, world: World, name: str, runner: Runner, client: Client) -> None:
        self.world, self.name, self.runner, self._client = world, name, runner, client
        self.stack = f"app-{name}"
        self.folder = world.folder / name
        self.folder.mkdir()
        self.documents = self.folder / "shop.yaml"
        self.documents.write_text(SHOP.format(name=name, digest=FIRST))
        (self.folder / "site.conf").write_text("colour = blue\n")
        world.cli.init(self.stack)
        self.configure(cloud=CLOUD, application=name, blueprint=str(self.folder))
        self.configure(scale={"clusters": {"web": 2}, "generation": 1})
        self.secret("first")
        self.persons_up()

    def configure(self, **values: Any) -> None:
        self.world.cli.configure(self.stack, {f"altostratus:{key}": each for key, each in values.items()})

    def secret(self, value: str) -> None:
        arguments = ["config", "set", "--secret", "--path", "altostratus:secrets.token", value]
        self.world.cli._run(arguments, self.stack, log=False)

    def edit(self, old: str, new: str) -> None:
        text = self.documents.read_text()
        assert old in text
        self.documents.write_text(text.replace(old, new))

    def persons_up(self) -> None:
        self.world.cli.up(self.stack, "--refresh=false")

    def view(self) -> View:
        """As an autoscaler that has just started reads it."""
        return Watched(self.world.cli, self.stack).read()

    def scaled(self, web: int) -> Outcome:
        seen = self.view().asked
        edit = ScaleEdit(self.stack, seen, "web is full", clusters={"web": web})
        return self.runner.submit(edit).result(LIMIT)

    def deployed(self) -> Mapping[str, Any]:
        """Of each cluster: members, image, and the text of its placed file, as the API server has them."""
        space = f"/namespaces/app-{self.name}"
        found: dict[str, Any] = {}
        for each in self._client.get(f"/apis/apps/v1{space}/deployments")["items"]:
            pod = each["spec"]["template"]["spec"]
            images = [c["image"] for c in (*pod.get("initContainers", ()), *pod["containers"])]
            alias = each["metadata"]["labels"]["altostratus.dev/cluster"]
            found[alias] = (each["spec"]["replicas"], images)
            found[f"{alias} is told of"] = each["spec"]["template"]["metadata"].get("annotations")
        files = self._client.get(f"/api/v1{space}/configmaps/web-config")["data"]
        found["file"] = "".join(files.values())
        found["secret"] = self._client.get(f"/api/v1{space}/secrets/web-secrets")["data"]
        return found


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with light_world.running(tmp_path_factory.mktemp("half-edited")) as made:
        platform(made, FIRST)
        yield made


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    runner = Runner(
        world.cli,
        Journal(tmp_path / "journal.db"),
        leases=FileLeases(tmp_path / "leases"),
        marker=lambda _: None,
    )
    runner.start()
    client = world.client()
    yield lambda name: Desk(world, name, runner, client)
    runner.close()
    client.close()


def platform(world: World, digest: str) -> None:
    """The cloud's images are built (anew)."""
    path = world.folder / "outputs.json"
    outputs = json.loads(path.read_text())
    images = {"php": f"registry.example.test/php@sha256:{digest}"}
    fetcher = f"registry.example.test/artifact@sha256:{digest}"
    outputs[f"platform-{CLOUD}"] |= {"images": images, "artifactImage": fetcher}
    path.write_text(json.dumps(outputs))
    world.cli.up(f"platform-{CLOUD}", "--refresh=false")


def test_half_edited_documents_images_and_config_wait_for_their_person(
    world: World, desk: Callable[[str], Desk]
) -> None:
    shop = desk("half")
    before = shop.deployed()
    assert before["web"][0] == 2
    shop.edit(FIRST, SECOND)
    shop.edit("members: {min: 1, max: 3}", "members: {min: 1, max: 3}, environment: {COLOUR: red}")
    shop.edit("  - {alias: page", "  - {alias: more, cartridge: site}\n  - {alias: page")
    (shop.folder / "site.conf").write_text("colour = ")
    shop.configure(cloud="nowhere", application="other", maintenance="never", colour="red")
    shop.secret("second")
    platform(world, SECOND)
    try:
        assert shop.scaled(web=3).changes == {"update": 1, "same": pytest.approx(50, abs=50)}
        assert shop.deployed() == {**before, "web": (3, before["web"][1])}
        (waits, new) = shop.view().waiting
        assert "shop.yaml, site.conf changed since the last update of a person" in waits
        assert new == "more is not deployed yet"
        # Their own update: all in force.
        shop.configure(cloud=CLOUD, application="half", maintenance=None, colour=None)
        (shop.folder / "site.conf").write_text("colour = red\n")
        shop.persons_up()
        after = shop.deployed()
        assert SECOND in str(after["web"])
        assert SECOND in str(after["page"])
        assert FIRST not in str(after)
        assert after["more"][0] == 1
        assert "colour = red" in after["file"]
        assert after["secret"] != before["secret"]
        assert not shop.view().waiting
    finally:
        platform(world, FIRST)


def test_bounds_count_at_once_and_stay_when_the_documents_break(desk: Callable[[str], Desk]) -> None:
    shop = desk("bounds")
    before = shop.deployed()
    shop.edit("max: 3", "max: 5")
    shop.edit(FIRST, SECOND)
    assert shop.view().clusters["web"].bounds.max == 5
    shop.scaled(web=5)
    assert shop.deployed() == {**before, "web": (5, before["web"][1])}
    shop.edit("kind: Application", "kind: [Applic")
    view = shop.view()
    assert "cannot be used" in view.waiting[0]
    assert "shop.yaml:" in view.waiting[0]
    assert view.clusters["web"].bounds.max == 5, "the last valid word about it"
    shop.scaled(web=4)
    assert shop.deployed() == {**before, "web": (4, before["web"][1])}
    shop.edit("kind: [Applic", "kind: Application")
    shop.persons_up()
    after = shop.deployed()
    assert (after["web"][0], SECOND in str(after["web"])) == (4, True)
    assert not shop.view().waiting


def test_a_person_may_raise_a_bound_or_scale_and_only_that_goes_through(desk: Callable[[str], Desk]) -> None:
    shop = desk("least")
    before = shop.deployed()
    shop.configure(scale=None)
    shop.edit("min: 1, max: 3", "min: 3, max: 4")
    shop.edit(FIRST, SECOND)
    (view := shop.view())
    assert view.clusters["web"].members == 3
    assert shop.runner.apply(shop.stack, "documents ask for another count").result(LIMIT).kind == "applied"
    assert shop.deployed() == {**before, "web": (3, before["web"][1])}
    assert shop.view().deployed == {"web": 3, "page": 1}
    shop.configure(scale={"clusters": {"web": 400, "new": 2}, "generation": 2})
    view = shop.view()
    assert "'new', which is not deployed" in view.waiting[-1]
    shop.runner.apply(shop.stack, "a person set the scale").result(LIMIT)
    assert shop.deployed() == {**before, "web": (4, before["web"][1])}, "never beyond the range of now"


def test_where_nothing_says_what_was_deployed_documents_count_and_it_is_told(
    world: World, desk: Callable[[str], Desk]
) -> None:
    shop = desk("older")
    path = world.cli.state_path(shop.stack)
    state = json.loads(path.read_text())
    (top,) = [r for r in state["checkpoint"]["latest"]["resources"] if r["type"] == "pulumi:pulumi:Stack"]
    del top["outputs"]["revision"]
    path.write_text(json.dumps(state))
    assert shop.view().waiting == (UNRECORDED,)
    shop.scaled(web=3)
    assert "nothing says what app-older was last updated to" in (world.cli.logs / "app-older.log").read_text()
    assert not shop.view().waiting, "from now on it is known"
    shop.edit(FIRST, SECOND)
    before = shop.deployed()
    shop.scaled(web=2)
    assert shop.deployed() == {**before, "web": (2, before["web"][1])}

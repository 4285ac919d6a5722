"""What an update goes by that no person asked for: what was deployed, with the bounds of now."""

from dataclasses import replace
from pathlib import Path

import pytest

from blueprints.deployed import (
    Deployed,
    Present,
    Standing,
    admitted,
    composed_as,
    from_texts,
    standing,
)
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.plan import Plan
from blueprints.revision import Revision, documents_of, runtimes_of
from blueprints.scale import ScaleState
from blueprints.workspace import Workspace

SHOP = """
apiVersion: altostratus/v1
kind: Cartridge
name: site
image: registry.example.org/site:1
ports: [{name: http, port: 80}]
files: [{path: /etc/site.conf, source: conf/site.conf}]
---
apiVersion: altostratus/v1
kind: Cartridge
name: service
code: {path: code}
---
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: site, members: {min: 2, max: 4}, autoscaling: busy}
  - {alias: back, cartridge: service}
groups:
  - alias: search
    instances: {min: 1, max: 3}
    cartridges: [{alias: engine, cartridge: site, members: {min: 1, max: 2}}]
  - {alias: one, cartridges: [{alias: only, cartridge: site}]}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: busy
thresholds: {loadAverage: 50}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    (tmp_path / "code").mkdir()
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "conf" / "site.conf").write_text("a = 1\n")
    (tmp_path / "code" / "app.py").write_text("")
    return tmp_path


@pytest.fixture
def deployed(folder: Path) -> Deployed:
    made = Workspace.load([folder])
    found = Deployed(
        Revision("shop", documents_of(made), {"site": "1"}, {}, runtimes_of(made)),
        {"cloud": "local"},
        {"https://git.example.org/x.git#main": "0" * 40},
        {"artifactImage": "a@1"},
    )
    assert Deployed.from_output(found.to_output()) == found
    return found


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "shop.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def planned(found: Standing, scale: ScaleState) -> tuple[Plan, tuple[str, ...]]:
    fit = admitted(found.workspace.compose("shop"), scale, valid=found.valid)
    return composed_as(found.workspace, fit.root).plan("shop", fit.scale), (*fit.moved, *fit.passed)


def look(folder: Path) -> Present:
    return Present.look(folder, "app-shop", ["."], None)


def ranges(found: Standing) -> dict[str, str]:
    root = found.workspace.compose("shop")
    clusters = {id: str(each.bounds) for id, each in found.workspace.plan("shop").clusters.items()}
    return {**clusters, "search": str(root.groups["search"].instances)}


def test_while_nothing_is_edited_the_documents_themselves_count(folder: Path, deployed: Deployed) -> None:
    present = look(folder)
    found = standing(deployed, present)
    assert found.workspace is present.workspace
    assert not found.notes


def test_bounds_policies_and_ratios_count_at_once_and_nothing_else_does(
    folder: Path, deployed: Deployed
) -> None:
    edit(folder, "site:1", "site:2")
    edit(folder, "max: 4}", "max: 9}")
    edit(folder, "instances: {min: 1, max: 3}", "instances: {min: 2, max: 5}")
    edit(folder, "loadAverage: 50", "loadAverage: 70")
    edit(folder, "name: shop\n", "name: shop\nscaling: [{members: [web, search], ratio: 2:1}]\n")
    found = standing(deployed, look(folder))
    plan = found.workspace.plan("shop", ScaleState(clusters={"web": 8}))
    assert plan.clusters["web"].members == 8
    assert plan.clusters["web"].cartridge.image == "registry.example.org/site:1"
    assert {"search.1/engine", "search.2/engine"} <= plan.clusters.keys()
    assert ranges(found)["search"] == "2 to 5"
    thresholds = found.workspace.get(AutoscalingPolicy, "busy").thresholds
    assert thresholds is not None
    assert thresholds.load_average == 70
    assert plan.levels[""].scaling[0].ratio == (2, 1)
    assert "shop.yaml changed since the last update of a person" in found.notes[0]
    assert found.steering == documents_of(Workspace.load([folder]))


def test_files_beside_documents_and_runtimes_of_code_are_those_of_then(
    folder: Path, deployed: Deployed
) -> None:
    (folder / "conf" / "site.conf").write_text("a = \n")
    (folder / "code" / "app.py").rename(folder / "code" / "index.html")
    clusters = standing(deployed, look(folder)).workspace.plan("shop").clusters
    assert clusters["web"].cartridge.files[0].content == "a = 1\n"
    then = from_texts(deployed.revision.documents, {"service": "python"}).plan("shop").clusters["back"]
    assert [port.port for port in clusters["back"].ports] == [port.port for port in then.ports] != []


def test_what_is_new_gone_or_of_another_kind_waits_and_is_told(folder: Path, deployed: Deployed) -> None:
    edit(folder, "  - {alias: back, cartridge: service}", "  - {alias: cache, cartridge: site}")
    edit(folder, "{alias: one, cartridges", "{alias: one, instances: {min: 1, max: 2}, cartridges")
    found = standing(deployed, look(folder))
    told = " ".join(found.notes)
    for words in ("cache is not deployed yet", "back stays until a person's", "the instances of one wait"):
        assert words in told
    plan, notes = planned(found, ScaleState(clusters={"cache": 1, "web": 3}))
    assert plan.clusters["web"].members == 3
    assert "back" in plan.clusters
    assert "'cache', which is not deployed" in notes[0]
    assert "altostratus.dev/copies-0" not in plan.clusters["one.1/only"].labels


def test_documents_that_cannot_be_used_leave_the_last_that_could(folder: Path, deployed: Deployed) -> None:
    edit(folder, "max: 4}", "max: 9}")
    good = standing(deployed, look(folder))
    edit(folder, "kind: Application", "kind: [Appl")
    broken = look(folder)
    assert broken.workspace is None
    last = Workspace.read([folder / "nothing"])[0]
    assert last is not None
    # From an update in between, as another process finds it.
    remembering = Deployed(deployed.revision, steering=good.steering)
    assert Deployed.from_output(remembering.to_output()) == remembering
    after = standing(remembering, broken)
    assert ranges(after)["web"] == "2 to 9"
    assert "cannot be used" in after.notes[0]
    assert "shop.yaml" in after.notes[0]
    assert after.steering == good.steering
    # Without one, what was deployed; counts that were decided before are not taken back.
    bare = standing(deployed, broken)
    assert ranges(bare)["web"] == "2 to 4"
    plan, notes = planned(bare, ScaleState(clusters={"web": 8}, groups={"search": 4, "one": 2}))
    assert plan.clusters["web"].members == 8
    assert "search.4/engine" in plan.clusters
    assert notes == ("one was 2, but its range is exactly 1 now: 1.",)


def test_a_count_outside_of_ranges_that_can_be_read_is_brought_inside(
    folder: Path, deployed: Deployed
) -> None:
    plan, notes = planned(standing(deployed, look(folder)), ScaleState(clusters={"web": 500}))
    assert plan.clusters["web"].members == 4
    assert notes == ("web was 500, but its range is 2 to 4 now: 4.",)


def test_an_application_that_is_renamed_goes_on_under_its_deployed_name(
    folder: Path, deployed: Deployed
) -> None:
    edit(folder, "name: shop\n", "name: store\n")
    found = standing(deployed, look(folder))
    assert ranges(found)["web"] == "2 to 4"


@pytest.mark.parametrize("output", [None, {}, {"documents": "no"}, {"documents": "bm8=", "images": {}}])
def test_an_output_that_says_nothing_is_none(output: object) -> None:
    assert Deployed.from_output(output) is None


def test_a_copy_elsewhere_takes_documents_only(deployed: Deployed) -> None:
    copy = deployed.elsewhere()
    assert copy.revision.documents == deployed.revision.documents
    assert (dict(copy.revision.images), dict(copy.settings), dict(copy.parts)) == ({}, {}, {})


def test_documents_older_than_what_was_deployed_from_elsewhere_say_nothing(
    folder: Path, deployed: Deployed
) -> None:
    edit(folder, "max: 4}", "max: 9}")
    edit(folder, "site:1", "site:2")
    changed = (folder / "shop.yaml").stat().st_mtime
    for at, most in ((changed - 10, "2 to 9"), (changed + 10, "2 to 4")):
        found = standing(replace(deployed, at=at), look(folder))
        assert ranges(found)["web"] == most
        assert found.valid, "what was deployed is whole"
    assert "older than what was deployed since" in found.notes[0]
    edit(folder, "kind: Application", "kind: [Appl")
    broken = standing(replace(deployed, at=changed + 10_000), look(folder))
    assert (ranges(broken)["web"], broken.valid) == ("2 to 4", True)

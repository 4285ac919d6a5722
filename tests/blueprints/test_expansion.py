"""Golden cases: one YAML file in, a plan out."""

import json
from pathlib import Path
from typing import Any

import pytest

from blueprints.drawing.dot import render_dot
from blueprints.drawing.svg import render_svg
from blueprints.drawing.tree import render_tree
from blueprints.loader import load_text
from blueprints.plan import Plan, PlannedCluster
from blueprints.scale import ScaleState
from blueprints.validate import check
from blueprints.workspace import Workspace
from blueprints.yaml_reader import read_yaml
from policies.termination import restart

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def _case(path: Path) -> tuple[dict[str, Any], Plan]:
    case = read_yaml(path.read_text())[0].data()
    documents, findings = load_text(json.dumps(case["documents"]), f"{path.stem}.json")
    workspace = Workspace(documents)
    assert [*findings, *check(workspace)] == []
    return case, workspace.plan(case["application"], ScaleState.parse(case.get("scale")))


def _seen(cluster: PlannedCluster, keys: list[str]) -> dict[str, Any]:
    received = [e for link in cluster.links for e in link.exports]
    everything: dict[str, Any] = {
        "name": cluster.name,
        "members": cluster.members,
        "waits": list(cluster.waits_for),
        "services": [f"{p.service}:{p.service_port}->{p.port}" for p in cluster.ports],
        "receives": [
            *sorted(f"{e.variable}{'*' if e.secret else ''}" for e in received if e.variable),
            *sorted(e.file for e in received if e.file),
        ],
        "environment": {k: v for k, v in cluster.environment.items() if k in ("MODE", "KEEP", "EXTRA")},
    }
    return {key: everything[key] for key in keys}


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_a_case_expands_to_the_plan_it_expects(path: Path) -> None:
    case, plan = _case(path)
    expected = case["expect"]
    assert [list(stage) for stage in plan.stages] == expected["stages"]
    assert set(plan.clusters) == set(expected["clusters"])
    for identity, wanted in expected["clusters"].items():
        assert _seen(plan.clusters[identity], list(wanted)) == wanted, identity
    for identity, sources in expected.get("sources", {}).items():
        assert list(dict.fromkeys(link.source for link in plan.clusters[identity].links)) == sources
    assert set(plan.families) == set(expected.get("families", {}))
    for identity, wanted in expected.get("families", {}).items():
        assert list(plan.copies(identity)) == wanted.pop("copies"), identity
        assert _seen(plan.families[identity], list(wanted)) == wanted, identity
    for failed, stages in expected["restarts"].items():
        assert [list(stage) for stage in restart(plan, failed).start] == stages, failed


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_teardown_is_the_reverse_of_starting(path: Path) -> None:
    _, plan = _case(path)
    position = {c: n for n, stage in enumerate(plan.teardown) for c in stage}
    for cluster in plan.clusters.values():
        assert all(position[cluster.id] < position[before] for before in cluster.waits_for)


@pytest.mark.parametrize("path", CASES, ids=lambda p: p.stem)
def test_every_drawing_shows_every_cluster(path: Path) -> None:
    _, plan = _case(path)
    tree, dot, svg = render_tree(plan), render_dot(plan), render_svg(plan)
    assert tree.count("[") == len(plan.clusters)
    for identity in plan.clusters:
        assert f'"{identity}" [label=' in dot
        assert f"<title>{identity}</title>" in svg
    assert dot.count(" -> ") >= sum(len(c.waits_for) for c in plan.clusters.values())


def test_selectors_tell_group_instances_and_copies_apart() -> None:
    case, plan = _case(Path(__file__).parent / "cases/shop.yaml")
    documents, _ = load_text(json.dumps(case["documents"]), "shop.json")
    away = Workspace(documents).plan("shop", ScaleState.parse(case["scale"]), copy="away")
    selectors = [tuple(sorted(c.selector.items())) for p in (plan, away) for c in p.clusters.values()]
    assert len(set(selectors)) == len(selectors)
    assert all(len(value) <= 63 for c in plan.clusters.values() for value in c.labels.values())


def test_names_stay_the_same_when_the_scale_changes() -> None:
    path = Path(__file__).parent / "cases/shop.yaml"
    case, larger = _case(path)
    documents, _ = load_text(json.dumps(case["documents"]), "shop.json")
    smaller = Workspace(documents).plan("shop")
    assert set(smaller.clusters) < set(larger.clusters)
    assert all(larger.clusters[i].name == c.name for i, c in smaller.clusters.items())


@pytest.mark.parametrize(
    ("case", "groups"),
    [
        ("shop", [{"search": 1}, {"search": 3}]),
        (
            "nested",
            [{"idle": 1}, {"outer": 3}, {"outer.2/inner-with-a-name-that-is-rather-long-for-a-group": 1}],
        ),
    ],
)
def test_more_or_fewer_instances_of_a_group_change_nothing_that_others_receive(
    case: str, groups: list[dict[str, int]]
) -> None:
    path = Path(__file__).parent / f"cases/{case}.yaml"
    content, plan = _case(path)
    documents, _ = load_text(json.dumps(content["documents"]), f"{case}.json")
    for scale in groups:
        other = Workspace(documents).plan(content["application"], ScaleState.parse({"groups": scale}))
        same = set(plan.clusters) & set(other.clusters)
        assert set(plan.clusters) != set(other.clusters)
        for identity in same:
            one, two = plan.clusters[identity], other.clusters[identity]
            assert (one.links, one.sources) == (two.links, two.sources), identity
        assert plan.families == other.families
        assert plan.generated == other.generated

"""An application imported from Stratos, on a real cluster: Pods start in the order asked, and not later."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blueprints.stratos.importer import import_stratos
from blueprints.workspace import Workspace
from tests.cluster.applications import deployed
from tests.demo import Demo

pytestmark = pytest.mark.cluster

LEVELS = 6
SLACK = timedelta(seconds=5)
"""On a busy machine, what may be made at once is not made in the same moment."""
_THRESHOLDS = {"loadThresholds": {"loadAverage": {"threshold": "70"}}}


def _cartridge(alias: str) -> dict[str, Any]:
    info = {"alias": alias, "autoscalingPolicy": "load"}
    return {"type": "svc", "cartridgeMin": "1", "cartridgeMax": 2, "subscribableInfo": info}


def _level(number: int) -> dict[str, Any]:
    """A level whose `first-N` starts before its `last-N` and the group inside; `free-N` waits for nobody."""
    names = (f"first-{number}", f"last-{number}", f"free-{number}")
    level: dict[str, Any] = {"cartridges": [_cartridge(name) for name in names]}
    orders = [{"aliases": [f"cartridge.first-{number}", f"cartridge.last-{number}"]}]
    if number < LEVELS:
        inner = f"level-{number + 1}"
        level["groups"] = [{"name": inner, "alias": inner, "groupMaxInstances": 1, **_level(number + 1)}]
        orders.append({"aliases": [f"cartridge.first-{number}", f"group.{inner}"]})
    level["dependencies"] = {"startupOrders": orders, "terminationBehaviour": "terminate-dependents"}
    return level


@pytest.fixture
def imported(tmp_path: Path) -> Path:
    """Six levels of groups as Stratos wrote them, in documents of ours."""
    source = tmp_path / "stratos"
    source.mkdir()
    documents = {
        "policy.json": {"id": "load", **_THRESHOLDS},
        "cartridge.json": {
            "type": "svc",
            "category": "framework",
            "provider": "apache",
            "portMapping": [{"name": "http", "protocol": "http", "port": "80", "proxyPort": "8080"}],
            "iaasProvider": [{"type": "kubernetes", "imageId": "stratos/svc:4.1"}],
        },
        "application.json": {"applicationId": "deep", "components": _level(1)},
    }
    for name, document in documents.items():
        (source / name).write_text(json.dumps(document))
    report = import_stratos(source, tmp_path / "documents")
    assert not report.of("broken")
    return tmp_path / "documents"


def test_members_of_six_levels_start_in_the_order_asked_and_side_by_side(demo: Demo, imported: Path) -> None:
    plan = Workspace.load([imported]).plan("deep")
    assert max(path.count("/") for path in plan.clusters) == LEVELS - 1
    with deployed(demo, "deep", imported) as namespace:
        pods = demo.kubectl("-n", namespace, "get", "pods")["items"]
    made, ready = {}, {}
    for pod in pods:
        cluster = pod["metadata"]["labels"]["altostratus.dev/cluster"]
        made[cluster] = _time(pod["metadata"]["creationTimestamp"])
        states = {each["type"]: each for each in pod["status"]["conditions"]}
        assert states["Ready"]["status"] == "True"
        ready[cluster] = _time(states["Ready"]["lastTransitionTime"])
    by_id = {cluster.id: cluster for cluster in plan.clusters.values()}
    assert set(made) == {cluster.name for cluster in by_id.values()}
    for cluster in by_id.values():
        for before in cluster.waits_for:
            assert made[cluster.name] >= ready[by_id[before].name], f"{cluster.id} did not wait for {before}"
    for number in range(1, LEVELS + 1):
        beside = [c for c in by_id.values() if c.alias in (f"first-{number}", f"free-{number}")]
        one, other = (cluster.name for cluster in beside)
        assert made[one] <= ready[other] + SLACK, f"{one} and {other} wait for the same, but not side by side"
        assert made[other] <= ready[one] + SLACK
    last, inner = by_id[_id(by_id, "last-1")].name, by_id[_id(by_id, "first-2")].name
    assert made[last] <= ready[inner] + SLACK, "a branch waited for one that it has nothing to do with"


def _id(clusters: dict[str, Any], alias: str) -> str:
    return next(id for id, cluster in clusters.items() if cluster.alias == alias)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))

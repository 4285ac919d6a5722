"""What `alto status` says of clusters: the state, and why."""

from typing import Any

from autoscaler.observe.members import SeenCluster
from autoscaler.supervise.memory import Memory
from blueprints.scale import RestartState, ScaleState
from console.application_states import ClusterState, cluster_states, overall
from tests.autoscaler.supervising import member


def described(members: int = 2) -> dict[str, dict[str, Any]]:
    return {"web": {"name": "web", "members": members, "min": 1, "max": 4}}


def state(
    seen: SeenCluster | None,
    members: int = 2,
    scale: ScaleState | None = None,
    memory: Memory | None = None,
    *,
    maintenance: bool = False,
) -> ClusterState:
    found = {} if seen is None else {"web": seen}
    return cluster_states(
        described(members), found, scale or ScaleState(), memory or Memory(), maintenance=maintenance
    )[0]


WHOLE = SeenCluster("web", 2, (member("a"), member("b")))
PART = SeenCluster("web", 2, (member("a"), member("b", ready=False)))
NONE = SeenCluster("web", 0)


def test_all_members_ready_is_ready_and_fewer_is_starting_with_the_reason() -> None:
    assert state(WHOLE).state == "ready"
    assert (state(PART).state, state(PART).reason, state(PART).ready) == ("starting", "starting", 1)
    assert state(None).reason == "not made yet"


def test_stopped_is_told_apart_by_who_stopped_it() -> None:
    assert state(NONE, members=0).reason == ""
    assert "by hand" in state(NONE).reason
    waiting = ScaleState(restart=RestartState(failed=("db",), stopped=("web",)))
    assert "depends on" in state(NONE, scale=waiting).reason


def test_maintenance_hides_everything_else() -> None:
    assert state(NONE, maintenance=True).state == "maintenance"


def test_stalled_says_why_restarts_do_not_help() -> None:
    stalled = Memory(below={"web": 1.0}, attempts=5, trouble="no such image")
    assert (state(PART, memory=stalled).state, state(PART, memory=stalled).reason) == (
        "stalled",
        "no such image",
    )
    assert state(WHOLE, memory=stalled).state == "ready"


def test_an_application_is_as_its_worst_cluster_but_idle_ones_count_only_alone() -> None:
    idle, ready = state(NONE, members=0), state(WHOLE)
    assert overall([idle, ready]) == "ready"
    assert overall([idle]) == "stopped"
    assert overall([ready, state(PART)]) == "starting"

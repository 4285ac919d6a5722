"""When the stack around members beside the home is begun and ended, and what load balancers are told."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.burst.balancer_control import entries, merged, told
from autoscaler.burst.deciding import MoveSight
from autoscaler.burst.deciding_overflow import Beyond, OverflowSight, OverflowStanding, decide

FRESH = OverflowStanding()


def sight(time: float = 0.0, now: int = 0, later: int = 0, **changes: Any) -> OverflowSight:
    there = changes.pop("there", None)
    empty = changes.pop("empty", True)
    beyond = (Beyond("away", ("web",), there, 30.0, empty),)
    return OverflowSight(
        time, beyond, {"away": {"web": now}}, {"away": {"web": later}}, {"away": 40.0}, **changes
    )


def test_members_that_are_needed_now_begin_it_at_once_with_those_that_are_expected() -> None:
    step, _ = decide(sight(now=1, later=3), FRESH)
    assert (step.kind, step.cloud, step.clusters, step.members) == ("overflow", "away", ("web",), {"web": 3})


def test_what_is_only_expected_must_be_so_twice() -> None:
    first, standing = decide(sight(later=2), FRESH)
    second, _ = decide(sight(5.0, later=2), standing)
    assert (first.kind, second.kind) == ("stay", "overflow")
    assert "expected there in 40 s" in second.reason
    calm, standing = decide(sight(5.0), standing)
    assert calm.kind == "stay"
    assert decide(sight(10.0, later=2), standing)[0].kind == "stay", "in a row"


def test_it_goes_when_it_has_been_empty_for_its_hold() -> None:
    standing, kinds = FRESH, []
    for time in (0.0, 10.0, 29.0, 30.0):
        step, standing = decide(sight(time, there=("web",)), standing)
        kinds.append(step.kind)
    assert kinds == ["stay", "stay", "stay", "end"]
    _, standing = decide(sight(0.0, there=("web",)), FRESH)
    _, standing = decide(sight(20.0, now=1, there=("web",)), standing)
    assert decide(sight(40.0, there=("web",)), standing)[0].kind == "stay", "counted anew"
    _, standing = decide(sight(0.0, there=("web",)), FRESH)
    assert decide(sight(40.0, there=("web",), empty=False), standing)[0].kind == "stay", "members are there"


def test_a_cloud_where_it_failed_lately_is_left_alone_and_said() -> None:
    step, _ = decide(sight(now=2, unfit={"away": "failed: no hosts"}), FRESH)
    assert step.kind == "stay"
    assert "failed: no hosts" in step.reason


@pytest.mark.parametrize(
    ("move", "kind"),
    [
        (MoveSight("end", "away"), "turn"),
        (MoveSight("end", "away", turned=True), "stay"),
        (MoveSight("overflow", "away"), "stay"),
    ],
)
def test_while_a_move_goes_on_only_an_end_is_called_off(move: MoveSight, kind: str) -> None:
    assert decide(sight(now=2, move=move, there=("web",)), FRESH)[0].kind == kind


def test_a_stack_that_lacks_a_cluster_is_made_anew_with_all() -> None:
    beyond = (Beyond("away", ("web", "work"), ("web",), 30.0, empty=False),)
    found = OverflowSight(0.0, beyond, {"away": {"web": 1, "work": 1}}, {})
    step, _ = decide(found, FRESH)
    assert (step.kind, step.clusters) == ("overflow", ("web", "work"))


def test_control_data_of_others_stays_and_only_the_named_clouds_change() -> None:
    before = {
        "maintenance": {"web": "Back at six."},
        "further": {"web": entries("far", "10.9.0.1", 80, 1) + entries("away", "10.9.0.2", 80, 3)},
    }
    after = merged(before, {"web": entries("away", "10.9.0.2", 80, 1)}, ["away"])
    assert after["maintenance"] == before["maintenance"]
    assert [each["name"] for each in after["further"]["web"]] == ["far.1", "away.1"]
    assert merged(after, {}, ["away", "far"]) == {"maintenance": before["maintenance"]}
    assert merged({}, {"web": []}, ["away"]) == {}
    with pytest.raises(ValueError, match="no object"):
        told("[]")

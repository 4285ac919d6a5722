"""When a supervisor restarts, goes on, waits or leaves alone; and what it remembers."""

from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.observe.members import SeenCluster, SeenMember
from autoscaler.supervise import memory as memories
from autoscaler.supervise.decide import Begin, Finish, GoOn, View, Wait, decide
from autoscaler.supervise.memory import FORGET, LASTING, LONGEST_PAUSE, STALLED_AFTER, Memory
from blueprints.plan import Plan
from blueprints.scale import RestartState
from tests.autoscaler.supervising import NOW, everything, nest

PLAN = nest()
C3, C4, C2, C1 = "g4.1/g3.1/g1.1/c3", "g4.1/g3.1/g1.1/c4", "g4.1/g3.1/c2", "g4.1/c1"


def seen_without(*down: str, plan: Plan = PLAN) -> dict[str, SeenCluster]:
    """Everything as planned, but for clusters that have no ready member."""
    return everything(plan, dict.fromkeys(down, 0))


def view(now: float = NOW, down: tuple[str, ...] = (), **more: object) -> View:
    return replace(View(now, PLAN, seen_without(*down)), **more)  # type: ignore[arg-type]


def after(seconds: float, *down: str, memory: Memory | None = None, **more: object) -> tuple[object, Memory]:
    """The decision when clusters have been down for some seconds, looked at all the while."""
    _, remembered = decide(view(NOW, down), memory or Memory())
    return decide(view(NOW + seconds, down, **more), remembered)


def test_within_its_grace_a_cluster_is_waited_for_until_the_grace_ends() -> None:
    decision, memory = decide(view(down=(C3,)), Memory())
    assert decision == Wait(f"under its minimum: {C3}", NOW + 60)
    assert memory.below == {C3: NOW}


def test_after_its_grace_what_the_behaviour_says_restarts_dependents_first() -> None:
    decision, _ = after(60, C3)
    assert isinstance(decision, Begin)
    assert decision.restart.stop == ((C2,), (C4,), (C3,)), "c1 is under `none` and must stay"


def test_a_cluster_that_comes_back_within_its_grace_starts_a_new_one_next_time() -> None:
    _, memory = decide(view(down=(C3,)), Memory())
    _, memory = decide(view(NOW + 50), memory)
    decision, _ = decide(view(NOW + 60, (C3,)), memory)
    assert isinstance(decision, Wait)


@pytest.mark.parametrize("healed", [C2, C1])
def test_what_nothing_waits_for_and_what_is_under_none_is_healed_in_place(healed: str) -> None:
    decision, _ = after(250, healed)
    assert isinstance(decision, Wait)
    assert "healed in place" in decision.reason
    assert decision.until is None


def test_several_failures_are_answered_by_one_restart() -> None:
    decision, _ = after(60, C3, C4)
    assert isinstance(decision, Begin)
    assert decision.restart.failed == (C3, C4)
    assert sorted(decision.restart.clusters) == sorted([C2, C3, C4])


def test_an_api_server_that_is_away_is_not_a_dead_application() -> None:
    decision, memory = after(250, C3, seen=None)
    assert decision == Wait("the API server is away")
    decision, _ = decide(view(NOW + 251, (C3,)), memory)
    assert isinstance(decision, Wait), "the grace begins anew when it is back"


def test_maintenance_is_left_alone_and_so_is_what_broke_during_it() -> None:
    decision, memory = after(250, C3, resting="in maintenance")
    assert decision == Wait("in maintenance")
    assert not memory.below


def test_during_an_update_nothing_is_done_and_nothing_new_counts_as_failed() -> None:
    decision, memory = decide(view(NOW, (C3,), updating="process 1"), Memory())
    assert decision == Wait("being updated by process 1")
    assert not memory.below
    decision, memory = after(250, C3, updating="process 1")
    assert decision == Wait("being updated by process 1")
    assert memory.below == {C3: NOW}, "updates that follow each other closely must not hide a failure"


def test_a_scale_by_hand_below_the_minimum_is_no_failure() -> None:
    by_hand = {**seen_without(C3), PLAN.clusters[C3].name: SeenCluster(PLAN.clusters[C3].name, 0)}
    decision, _ = after(250, C3, seen=by_hand)
    assert decision == Wait("all clusters have their members")


def test_a_cluster_that_was_never_made_has_not_failed() -> None:
    missing = {name: found for name, found in seen_without().items() if name != PLAN.clusters[C3].name}
    assert decide(view(seen=missing), Memory())[0] == Wait("all clusters have their members")


def test_a_restart_left_while_ending_goes_on_at_once() -> None:
    state = RestartState(failed=(C3,), stopped=(C2,))
    decision, _ = decide(view(down=(C3, C2), restart=state), Memory())
    assert isinstance(decision, GoOn)
    assert decision.restart.stop == ((C2,), (C4,), (C3,))


def test_a_restart_left_while_starting_is_started_again() -> None:
    decision, _ = decide(view(down=(C4,), restart=RestartState(failed=(C3,))), Memory())
    assert isinstance(decision, GoOn)


def test_a_restart_whose_clusters_all_serve_is_finished() -> None:
    decision, _ = decide(view(restart=RestartState(failed=(C3,))), Memory(attempts=2, trouble="no"))
    assert isinstance(decision, Finish)


def test_a_restart_of_clusters_that_are_gone_from_the_documents_is_finished() -> None:
    decision, _ = decide(view(restart=RestartState(failed=("old",))), Memory())
    assert isinstance(decision, Finish)


@pytest.mark.parametrize("stopped", [(), (C2,)])
def test_a_restart_that_failed_is_tried_again_after_a_pause(stopped: tuple[str, ...]) -> None:
    state = RestartState(failed=(C3,), stopped=stopped)
    failed = Memory().after("no such image", NOW)
    decision, memory = decide(view(NOW + 1, (C3,), restart=state), failed)
    assert isinstance(decision, Wait)
    assert decision.retry
    assert "no such image" in decision.reason
    decision, _ = decide(view(memory.next_attempt, (C3,), restart=state), memory)
    assert isinstance(decision, (Begin, GoOn))


def test_what_kubernetes_healed_after_a_failed_start_lets_the_rest_start_soon() -> None:
    failed = replace(Memory().after("no such image", NOW), attempts=9)
    waiting = {PLAN.clusters[id].name: SeenCluster(PLAN.clusters[id].name, 0) for id in (C4, C2)}
    state = RestartState(failed=(C3,))
    decision, _ = decide(view(NOW + 1, seen={**seen_without(), **waiting}, restart=state), failed)
    assert isinstance(decision, Wait)
    decision, _ = decide(view(NOW + 31, seen={**seen_without(), **waiting}, restart=state), failed)
    assert isinstance(decision, GoOn)


def test_what_was_told_to_start_and_does_not_is_not_told_again_and_again() -> None:
    failed = replace(Memory().after("a quota", NOW), attempts=9)
    decision, _ = decide(view(NOW + 200, (C2,), restart=RestartState(failed=(C3,))), failed)
    assert isinstance(decision, Wait)


def test_pauses_double_up_to_a_limit_and_end_in_stalled() -> None:
    memory, pauses = Memory(), []
    for attempt in range(8):
        assert memory.stalled == (attempt >= STALLED_AFTER)
        memory = memory.after("no", NOW)
        pauses.append(memory.next_attempt - NOW)
    assert pauses[:3] == [30, 60, 120]
    assert pauses[-1] == LONGEST_PAUSE


def test_a_restart_that_had_to_be_repeated_soon_waits_longer_and_one_that_lasted_counts_no_more() -> None:
    helped = Memory().after("", NOW, (C3,))
    decision, _ = after(60, C3, memory=replace(helped, ended=NOW + 45))
    assert isinstance(decision, Wait)
    assert decision.retry
    _, memory = decide(view(NOW + LASTING + 1), helped)
    assert memory.attempts == 0


def test_a_failure_of_another_cluster_is_another_matter() -> None:
    other = replace(Memory().after("", NOW, (C2,)), ended=NOW + 45)
    decision, _ = after(60, C3, memory=other)
    assert isinstance(decision, Begin)
    assert other.after("", NOW, (C3,)).attempts == 1
    assert other.after("", NOW, (C2, C3)).attempts == 2


def test_what_was_below_long_ago_says_nothing_about_now() -> None:
    old = Memory(below={C3: NOW}, looked=NOW)
    decision, _ = decide(view(NOW + FORGET + 1, (C3,)), old)
    assert isinstance(decision, Wait)


def test_a_clock_that_jumps_back_ends_no_grace_early_and_delays_none_for_long() -> None:
    _, memory = decide(view(NOW, (C3,)), Memory())
    _, memory = decide(view(NOW - 1000, (C3,)), memory)
    assert memory.below[C3] == NOW - 1000


def test_a_memory_outlives_its_supervisor_and_a_broken_file_does_no_harm(tmp_path: Path) -> None:
    memory = Memory({C3: NOW}, NOW, 2, NOW, "no such image", (C3,))
    memories.save(tmp_path / "app.json", memory)
    assert memories.load(tmp_path / "app.json") == memory
    (tmp_path / "app.json").write_text('{"below": 3}')
    assert memories.load(tmp_path / "app.json") == Memory()
    assert memories.load(tmp_path / "none.json") == Memory()


def test_a_member_counts_only_while_it_is_ready() -> None:
    leaving = SeenMember("a", "h", ready=False, leaving=True, crashing=False, state="ending", created=0)
    assert SeenCluster("x", 1, (leaving,)).ready == 0

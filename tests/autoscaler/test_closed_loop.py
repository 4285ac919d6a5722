"""What the controller does to a cluster that obeys it: no flapping, right counts, nobody gone blindly."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from autoscaler.decide.policy import ControllerPolicy, Objective, ScheduledMinimum
from tests.autoscaler.closed_loop import Cluster, Look
from tests.autoscaler.observing import START, objective, thresholds
from tests.autoscaler.shop import ENGINE, Shop

HOUR = 3600.0


def memory_of(base: float, shared: float, scatter: float, **more: float) -> Look:
    """Memory by member: ``base`` percent of its own, and its share of ``shared``."""
    chance = random.Random(3)  # noqa: S311

    def look(cluster: Cluster) -> dict[str, Any]:
        percent = base + shared / max(1, cluster.ready) + chance.gauss(0.0, scatter)
        return {"factors": {"memory": min(100.0, max(0.0, percent)), **more}}

    return look


def by_memory(most: int = 20, **more: float) -> ControllerPolicy:
    return ControllerPolicy(minimum=2, maximum=most, thresholds={"memory": 70.0, **more})


@pytest.mark.parametrize("more", [{}, {"requestsInFlight": 8.0}])
def test_memory_that_members_share_comes_to_rest_where_it_fits(more: dict[str, float]) -> None:
    seen = dict.fromkeys(more, 12.0)
    cluster = Cluster(by_memory(**more), memory_of(30.0, 120.0, 1.0, **seen), spec=2).run(2 * HOUR)
    assert cluster.reversals <= 1
    assert cluster.moves <= 15
    # 30 + 120/n is under 70 from three members on; what is released has to be held by the rest.
    assert 3 <= cluster.spec <= 5


@pytest.mark.parametrize(("most", "scatter"), [(50, 1.0), (50, 3.0), (1000, 1.0)])
def test_memory_over_its_threshold_whose_samples_scatter_does_not_flap(most: int, scatter: float) -> None:
    cluster = Cluster(by_memory(most), memory_of(75.0, 0.0, scatter), spec=2).run(2 * HOUR)
    assert cluster.reversals == 0
    assert cluster.moves <= 5
    assert cluster.spec >= math.ceil(2 + (75 - 70) / 30 * (most - 2))


def test_memory_at_its_threshold_does_not_flap() -> None:
    cluster = Cluster(by_memory(50), memory_of(69.5, 0.0, 1.0), spec=2).run(2 * HOUR)
    assert cluster.reversals == 0
    assert cluster.moves <= 5


def test_memory_that_was_never_over_its_threshold_keeps_nobody() -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        return {"factors": {"memory": 65.0, "requestsInFlight": 72.0 if cluster.since < HOUR else 6.0}}

    cluster = Cluster(by_memory(requestsInFlight=8.0), look, spec=10).run(HOUR)
    assert cluster.spec >= 9
    assert cluster.run(600.0).spec == 2


def test_memory_keeps_what_it_added_for_a_day_and_then_lets_it_go() -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        return {"factors": {"memory": 85.0 if cluster.since < 600 else 65.0, "requestsInFlight": 6.0}}

    cluster = Cluster(by_memory(requestsInFlight=8.0), look, spec=2, tick=60.0).run(23 * HOUR)
    # Eleven to begin with; of so many, each at 65 % of at most 70, the last one that can go leaves twelve.
    assert 10 <= cluster.spec <= 14
    assert cluster.run(2 * HOUR).spec == 2


def test_memory_that_jumps_is_answered_within_three_samples() -> None:
    look: Look = lambda cluster: {"factors": {"memory": 40.0 if cluster.since < HOUR else 90.0}}  # noqa: E731
    cluster = Cluster(by_memory(), look, spec=3).run(HOUR)
    assert set(cluster.counts[200:]) == {cluster.spec}
    assert cluster.run(15.0).spec >= 14


def by_load(**changes: Any) -> ControllerPolicy:
    return thresholds(**{"thresholds": {"loadAverage": 70.0}, "maximum": 40} | changes)


def load_of(total: float) -> Look:
    """The mean load of the ready members, each full at 100; nothing while there are none."""

    def look(cluster: Cluster) -> dict[str, Any]:
        ready = cluster.ready
        return {"factors": {"loadAverage": min(100.0, total / ready) if ready else None}}

    return look


def test_members_that_crash_are_not_taken_for_members_too_many() -> None:
    cluster = Cluster(by_load(), load_of(600.0), spec=10).run(300.0)
    cluster.crashed = 8
    assert set(cluster.run(HOUR).counts) == {10}
    assert "8 of 10 are not ready" in cluster.decisions[-1].reason


def test_when_all_crash_nobody_goes_and_no_fallback_applies() -> None:
    for policy in (
        by_load(fallback="max", fallback_after=60.0),
        by_load(fallback="min", fallback_after=60.0),
    ):
        for nothing in (None, 0.0):
            cluster = Cluster(policy, load_of(600.0), spec=10).run(300.0)
            cluster.crashed = 10
            cluster.look = lambda _: {"factors": {"loadAverage": nothing}}  # noqa: B023
            assert set(cluster.run(HOUR).counts) == {10}


def test_a_calm_minority_takes_nobody_away_at_once() -> None:
    cluster = Cluster(by_load(), load_of(600.0), spec=10).run(300.0)
    cluster.crashed = 6
    cluster.look = load_of(80.0)
    assert set(cluster.run(240.0).counts) == {10}
    cluster.crashed = 0
    assert cluster.run(600.0).spec == 2


def test_members_that_never_start_do_not_keep_others_for_ever() -> None:
    cluster = Cluster(by_load(), load_of(1400.0), spec=10, start=math.inf).run(300.0)
    assert (cluster.spec, cluster.ready) == (15, 10)
    cluster.look = load_of(50.0)
    assert cluster.run(2 * HOUR).spec == 1


def test_members_on_their_way_are_not_ordered_again() -> None:
    cluster = Cluster(by_load(), load_of(300.0), spec=5, start=60.0).run(300.0)
    cluster.look = load_of(490.0)
    ordered = cluster.run(40.0).spec
    assert cluster.run(30.0).spec == ordered
    assert 7 <= ordered <= 9


def test_members_that_crash_in_the_loop_are_not_taken_for_members_too_many(shop: Shop) -> None:
    shop.scaled(web=8, cache=4)
    shop.run({"web": 8 * 45.0, **ENGINE}, 30)
    shop.run({"web": 2 * 100.0, **ENGINE}, 60, starting=6)
    assert not shop.office.edits


def counts_of(rate: float, **more: Any) -> Look:
    """Requests since the look before, and none that missed."""
    last: list[float] = []

    def look(cluster: Cluster) -> dict[str, Any]:
        elapsed = cluster.time - last[-1] if last else cluster.tick
        last.append(cluster.time)
        return {"requests": rate * elapsed, "missed": 0.0, "memberRate": 10.0, **more}

    return look


def by_budget(**changes: Any) -> ControllerPolicy:
    return objective(**{"minimum": 1, "maximum": 200, "member_rate": None} | changes)


@pytest.mark.parametrize("tick", [1.0, 2.0, 5.0, 15.0, 60.0, 120.0, 600.0])
def test_counts_without_a_period_are_those_since_the_line_before(tick: float) -> None:
    cluster = Cluster(by_budget(), counts_of(100.0), spec=12, tick=tick).run(60 * max(tick, 5.0))
    assert set(cluster.counts) <= {10, 11, 12, 13}
    assert cluster.state.step == tick


def test_the_first_counts_without_a_period_order_nobody_and_say_why() -> None:
    cluster = Cluster(by_budget(), counts_of(100.0), spec=3, tick=60.0).run(60.0)
    assert cluster.counts == [3]
    assert "Requests without a `period` count from the next observation on" in cluster.decisions[0].reason
    assert cluster.run(60.0).spec >= 10


@pytest.mark.parametrize("told", [True, False])
def test_lines_that_are_lost_or_uneven_are_no_change_of_the_load(told: bool) -> None:
    chance = random.Random(1)  # noqa: S311
    cluster = Cluster(by_budget(), lambda _: {}, spec=12)
    for number in range(1000):
        cluster.tick = 5.0 * (1 + (number % 60 == 59)) if number < 500 else chance.uniform(2.0, 9.0)
        before = cluster.decisions[-1].time if cluster.decisions else START - 5.0
        elapsed = cluster.time - before
        arrived = max(0.0, chance.gauss(100.0 * elapsed, (100.0 * elapsed) ** 0.5))
        period = {"period": elapsed} if told else {}
        cluster.look = lambda _: {"requests": arrived, "missed": 0.0, "memberRate": 10.0, **period}  # noqa: B023
        cluster.run(cluster.tick)
    assert set(cluster.counts[1:]) <= {11, 12, 13, 14}
    assert cluster.moves < 20


def test_a_period_that_changes_while_running_is_followed() -> None:
    cluster = Cluster(by_budget(), counts_of(100.0), spec=12).run(300.0)
    cluster.tick = 120.0
    assert set(cluster.run(60 * 120.0).counts) <= {11, 12, 13}
    assert cluster.state.step == 120.0


def test_a_request_rate_follows_from_counts_without_a_period() -> None:
    policy = ControllerPolicy(maximum=100, thresholds={"requestRate": 10.0})
    assert Cluster(policy, counts_of(100.0), spec=3, tick=20.0).run(600.0).spec == 11


def two_factors(**changes: Any) -> ControllerPolicy:
    return thresholds(
        **{"thresholds": {"requestsInFlight": 5.0, "loadAverage": 70.0}, "fallback_after": 90.0} | changes
    )


@pytest.mark.parametrize("fallback", [2, "min"])
def test_a_fallback_that_takes_away_waits_until_every_factor_was_missing_so_long(fallback: Any) -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        load = 60.0 if cluster.since < 100 else None
        return {"factors": {"requestsInFlight": 28.0 if cluster.since < 200 else None, "loadAverage": load}}

    cluster = Cluster(two_factors(fallback=fallback), look, spec=6).run(280.0)
    assert set(cluster.counts) == {6}
    assert cluster.run(30.0).spec < 6


def test_a_fallback_that_adds_comes_once_one_factor_was_missing_so_long_and_says_so() -> None:
    look: Look = lambda _: {"factors": {"requestsInFlight": 28.0}}  # noqa: E731
    cluster = Cluster(two_factors(fallback="max"), look, spec=6).run(85.0)
    assert set(cluster.counts) == {6}
    found = cluster.run(20.0).decisions[-3]
    assert found.members == 20
    assert "declared fallback of 20 applies: the other factors ask for 6" in found.reason
    assert "Keep" not in found.reason
    assert cluster.spec == 20


def test_a_fallback_that_asks_for_no_more_than_the_rest_says_so() -> None:
    look: Look = lambda _: {"factors": {"requestsInFlight": 28.0}}  # noqa: E731
    found = Cluster(two_factors(fallback=2), look, spec=6).run(200.0).decisions[-1]
    assert (found.members, found.holds) == (6, ("missing:loadAverage",))
    assert "the declared fallback of 2 is no more than the others ask for. Keep 6" in found.reason


def asleep(**changes: Any) -> ControllerPolicy:
    return two_factors(**{"minimum": 0, "scale_to_zero": True, "idle_seconds": 60.0} | changes)


def idle(**more: Any) -> Look:
    def look(cluster: Cluster) -> dict[str, Any]:
        load = 2.0 if cluster.ready else None
        return {"backlog": 0.0, "factors": {"requestsInFlight": 0.0, "loadAverage": load}, **more}

    return look


def test_the_minimum_of_a_line_is_kept_by_an_idle_cluster() -> None:
    assert Cluster(asleep(), idle(minimum=2), spec=3).run(600.0).spec == 2


def test_a_line_may_let_a_cluster_sleep_that_had_a_minimum() -> None:
    cluster = Cluster(asleep(minimum=1), idle(), spec=3).run(600.0)
    assert cluster.spec == 1
    cluster.look = idle(minimum=0)
    assert cluster.run(600.0).spec == 0


def test_who_sleeps_has_no_missing_load_and_stays_asleep() -> None:
    cluster = Cluster(asleep(fallback="max", fallback_after=60.0), idle(), spec=1).run(HOUR)
    assert cluster.spec == 0
    assert cluster.moves == 1
    assert not cluster.decisions[-1].holds
    assert cluster.decisions[-1].reason.startswith("Keep 0: nothing is asked for")


def test_a_first_look_at_a_cluster_that_sleeps_does_not_wake_it_and_work_does() -> None:
    cluster = Cluster(asleep(), idle(), spec=0).run(60.0)
    assert set(cluster.counts) == {0}
    cluster.look = idle(backlog=1.0)
    assert cluster.run(5.0).spec >= 1


def test_a_slow_first_member_is_no_reason_for_the_fallback() -> None:
    cluster = Cluster(asleep(fallback="max", fallback_after=30.0), idle(), spec=0, start=120.0).run(60.0)
    cluster.look = idle(backlog=1.0)
    assert cluster.run(100.0).spec == 1


def test_who_sleeps_is_woken_when_it_is_blind_for_long() -> None:
    cluster = Cluster(asleep(fallback_after=60.0), idle(), spec=0).run(60.0)
    cluster.look = lambda _: {}
    assert cluster.run(50.0).spec == 0
    assert cluster.run(30.0).spec == 1


@pytest.mark.parametrize(
    ("threshold", "line"),
    [
        ({"requestRate": 10.0}, {"factors": {"requestRate": 50.0}}),
        ({"queue": 10.0}, {"factors": {"queue": 50.0}}),
        ({"requestsInFlight": 5.0}, {"factors": {"requestsInFlight": {"value": 0.0, "age": 40.0}}}),
    ],
)
def test_nobody_sleeps_while_anything_is_asked_for_or_nothing_is_known(
    threshold: dict[str, float], line: dict[str, Any]
) -> None:
    policy = asleep(thresholds=threshold)
    cluster = Cluster(policy, lambda _: {"backlog": 0.0, **line}, spec=5).run(HOUR)
    assert cluster.spec == 5
    if threshold == {"requestsInFlight": 5.0}:
        cluster.look = idle()
        assert cluster.run(30.0).spec > 0


def test_a_schedule_over_the_maximum_is_named_and_ends_when_it_is_taken_out() -> None:
    entry = ScheduledMinimum("* * * * *", members=30, seconds=3600.0)
    cluster = Cluster(two_factors(schedule=(entry,)), idle(), spec=2).run(300.0)
    found = cluster.decisions[0]
    assert (found.members, found.holds) == (20, ("scheduled-minimum",))
    assert found.reason.endswith("The scheduled minimum of 30 makes it 20, the maximum.")
    cluster.policy = two_factors()
    assert cluster.run(600.0).spec == 1


def test_a_budget_is_kept_by_a_cluster_that_crashes_and_comes_back() -> None:
    policy = objective(minimum=2, maximum=60, objective=Objective(0.01))

    def look(cluster: Cluster) -> dict[str, Any]:
        missed = 425.0 if cluster.ready * 10.0 < 85.0 else 0.0
        return {"requests": 425.0, "missed": missed, "period": 5.0}

    cluster = Cluster(policy, look, spec=12).run(600.0)
    settled = cluster.spec
    cluster.crashed = 10
    assert min(cluster.run(120.0).counts) >= settled - 1
    cluster.crashed = 0
    assert cluster.run(HOUR).spec >= 10


def test_memory_that_added_nobody_keeps_no_members_that_do_not_start() -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        return {"factors": {"memory": 40.0, "requestsInFlight": 80.0 if cluster.since < 300 else 12.0}}

    policy = by_memory(requestsInFlight=8.0)
    assert Cluster(policy, look, spec=4, start=math.inf).run(360.0).spec == 2


def test_nobody_goes_at_a_look_at_which_all_are_full() -> None:
    def look(cluster: Cluster) -> dict[str, Any]:
        return {"factors": {"loadAverage": 10.0 if cluster.since < 25 else 80.0}}

    # A minute's mean still says that two are enough, and so it has been for half a minute.
    assert Cluster(by_load(forecaster="reactive"), look, spec=10).run(30.0).spec == 10


@pytest.mark.parametrize("quiet", [False, True])
def test_a_queue_without_end_is_worked_off_by_no_more_members_than_the_load_needs(quiet: bool) -> None:
    waiting = longest = 0.0

    def look(cluster: Cluster) -> dict[str, Any]:
        nonlocal waiting, longest
        arriving = 100.0 if cluster.since < 1800.0 else 1.0 if quiet and cluster.since > 2000.0 else 800.0
        queue = max(0.0, waiting + 5.0 * arriving - 50.0 * cluster.ready)
        late = queue > 0.0
        waiting, longest = queue, max(longest, queue)
        counts = {"requests": 5.0 * arriving, "missed": 5.0 * arriving if late else 0.0, "period": 5.0}
        return counts | {"backlog": queue, "memberRate": 8.5, "startSeconds": 60.0}

    cluster = Cluster(objective(maximum=1000), look, 14, start=60.0).run(2100.0)
    assert longest > 10_000.0
    assert max(cluster.counts) < 2.3 * 800.0 / 8.5
    cluster.run(300.0)
    assert waiting == 0.0

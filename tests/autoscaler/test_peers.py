"""The peers' algorithms, against examples and rules their projects publish."""

from __future__ import annotations

import pytest

from autoscaler.replay.fluid import FluidCluster, FluidModel
from autoscaler.replay.peers import View
from autoscaler.replay.peers.hpa import Hpa, HpaBehaviour, replicas_by_cpu, replicas_by_total
from autoscaler.replay.peers.knative import Knative
from autoscaler.replay.peers.phpa import PhpaLinear
from autoscaler.replay.peers.stratos import Stratos


def test_hpa_doubles_on_twice_the_target() -> None:
    # The documentation's example: current 200m, target 100m, so the number doubles.
    assert replicas_by_cpu(1.0, 0.5, ready=3, starting=0) == 6


def test_hpa_halves_on_half_the_target() -> None:
    assert replicas_by_cpu(0.25, 0.5, ready=4, starting=0) == 2


@pytest.mark.parametrize("cpu", [0.64, 0.70, 0.76])
def test_hpa_keeps_still_within_a_tenth(cpu: float) -> None:
    assert replicas_by_cpu(cpu, 0.7, ready=7, starting=0) == 7


def test_hpa_counts_starting_pods_as_idle_when_it_would_add_more() -> None:
    # 2 ready at 100 % of a 50 % target want 4; the 2 on their way are those, so nothing more is added.
    assert replicas_by_cpu(1.0, 0.5, ready=2, starting=2) == 4


def test_hpa_leaves_starting_pods_out_when_it_would_take_away() -> None:
    assert replicas_by_cpu(0.35, 0.7, ready=4, starting=2) == 2


def test_external_average_is_total_over_target() -> None:
    assert replicas_by_total(100.0, 7.0, current=10) == 15
    assert replicas_by_total(71.0, 7.0, current=10) == 10
    assert replicas_by_total(10.0, 7.0, current=0) == 2


def test_hpa_scales_up_by_four_pods_or_double_in_a_period() -> None:
    assert HpaBehaviour().limit(0.0, 2, 40) == 6
    assert HpaBehaviour().limit(0.0, 10, 40) == 20


def test_hpa_doubles_at_every_sync_as_the_one_before_is_a_whole_period_ago() -> None:
    behaviour, members = HpaBehaviour(), 10
    counts = []
    for moment in range(0, 60, 15):
        members = behaviour.limit(float(moment), members, 400)
        counts.append(members)
    assert counts == [20, 40, 80, 160]
    # What was added within the period counts: ten seconds later there is no more to be had.
    assert behaviour.limit(55.0, members, 400) == 160


def test_hpa_scales_down_only_by_the_highest_recommendation_of_five_minutes() -> None:
    behaviour = HpaBehaviour()
    assert behaviour.limit(0.0, 10, 10) == 10
    for moment in range(15, 301, 15):
        assert behaviour.limit(float(moment), 10, 3) == 10
    assert behaviour.limit(315.0, 10, 3) == 3


def _steady(scaler: Hpa | Knative | Stratos, load: float, members: int, seconds: float) -> list[int]:
    """Desired members over time for a cluster whose size follows nobody."""
    model = FluidModel(maximum=1000)
    cluster, view, now = FluidCluster(model, members), View(model.tick), 0.0
    wanted = []
    while now < seconds:
        cluster.tick(load * model.tick, now)
        now += model.tick
        view.record(now, cluster, load * model.tick)
        wanted.append(scaler.desired(view))
    return wanted


def test_knative_asks_for_concurrency_over_its_target() -> None:
    # 70 requests a second of one second each are 70 in flight; at 7 a pod that is 10 pods.
    assert _steady(Knative(0.7, 10.0), 70.0, 12, 120.0)[-1] == 10


def test_knative_panics_at_twice_the_capacity_and_then_never_goes_down() -> None:
    model = FluidModel(maximum=1000)
    scaler = Knative(0.7, 10.0)
    cluster, view, now, wanted = FluidCluster(model, 2), View(model.tick), 0.0, []
    for tick in range(40):
        load = 14.0 if tick < 20 or tick > 21 else 200.0
        cluster.tick(load * model.tick, now)
        now += model.tick
        view.record(now, cluster, load * model.tick)
        wanted.append(scaler.desired(view))
    panic = wanted[20:32]
    assert panic[0] > wanted[19]
    assert panic == sorted(panic)


def test_knative_halves_at_most_in_one_step() -> None:
    assert min(_steady(Knative(0.7, 10.0), 1.0, 40, 10.0)) == 20


def test_phpa_is_never_below_the_hpa_it_extends() -> None:
    plain = _steady(Hpa(0.7), 150.0, 15, 400.0)
    linear = _steady(PhpaLinear(0.7), 150.0, 15, 400.0)
    assert all(more >= fewer for more, fewer in zip(linear, plain, strict=True))


def test_stratos_divides_the_prediction_by_one_members_threshold() -> None:
    # In flight 100 over a threshold of 20 needs 5; it is asked every 90 s.
    assert max(_steady(Stratos(20.0), 100.0, 2, 5.0)) >= 2
    steady = _steady(Stratos(20.0), 100.0, 12, 5.0)
    assert steady == [12]


def test_stratos_goes_down_one_member_on_the_fourth_cycle_that_asks_for_it() -> None:
    wanted = _steady(Stratos(20.0, minimum=2), 40.0, 10, 4 * 90.0)
    assert min(wanted) == 9
    assert min(wanted[: int(3 * 90 / 5)]) == 10

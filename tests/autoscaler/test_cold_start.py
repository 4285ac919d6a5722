"""From nothing known, or what is known gone wrong, to enough members within minutes, not many too many."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from autoscaler.decide.state import ClusterState, restore, snapshot
from tests.autoscaler.closed_loop import Cluster
from tests.autoscaler.observing import objective

GOOD = 8.5


@dataclass
class Service:
    """Members of ``able`` requests a second in front of a short queue; near full, all requests miss."""

    load: float
    able: float = 10.0
    gradual: bool = False
    shows_queue: bool = True
    queue: float = 0.0
    missed: list[float] = field(default_factory=list)
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # noqa: S311

    def look(self, cluster: Cluster) -> dict[str, Any]:
        mean = self.load * cluster.tick
        arrived = max(0.0, round(self.dice.gauss(mean, math.sqrt(mean))))
        capacity = max(1e-9, cluster.ready * self.able * cluster.tick)
        full = (arrived + self.queue) / capacity
        share = float(full > GOOD / 10.0)
        if self.gradual:
            share = min(1.0, math.exp(-7.0 * (1.0 - full)))
        self.queue = min(max(0.0, arrived + self.queue - capacity), 2.0 * cluster.ready * self.able)
        self.missed.append(share)
        seen = {"period": cluster.tick, "requests": arrived, "missed": share * arrived, "startSeconds": 60}
        return seen | ({"backlog": self.queue} if self.shows_queue else {})


def _run(
    service: Service, members: int, seconds: float, tick: float = 5.0, told: float | None = None
) -> Cluster:
    policy = objective(minimum=1, maximum=1000, member_rate=told)
    return Cluster(policy, service.look, members, tick=tick, start=60.0).run(seconds)


@pytest.mark.parametrize("shows_queue", [True, False])
@pytest.mark.parametrize(
    ("load", "members", "able"), [(300, 2, 10), (100, 1, 10), (400, 2, 10), (15000, 2, 500)]
)
def test_a_cold_start_has_enough_members_within_minutes(
    load: float, members: int, able: float, shows_queue: bool
) -> None:
    service = Service(load, able, shows_queue=shows_queue)
    cluster = _run(service, members, 1800.0)
    assert sum(service.missed) / len(service.missed) < 0.16
    needed = load / able / (GOOD / 10.0)
    assert cluster.spec < 1.5 * needed
    assert sum(service.missed[-120:]) < 6


@pytest.mark.parametrize("tick", [1.0, 15.0, 30.0, 60.0])
def test_a_cold_start_comes_to_rest_at_any_pace_of_looks(tick: float) -> None:
    service = Service(300.0)
    cluster = _run(service, 2, 3600.0, tick)
    late = service.missed[len(service.missed) // 2 :]
    assert sum(late) < 0.05 * len(late)
    assert cluster.spec < 1.5 * 36


def test_a_cold_start_is_stopped_by_the_first_look_that_goes_well() -> None:
    cluster = _run(Service(300.0), 2, 900.0)
    assert max(look.inputs["ready"] for look in cluster.decisions) < 2.2 * 36


def test_misses_that_grow_gradually_are_brought_to_the_budget_from_cold() -> None:
    service = Service(300.0, gradual=True)
    cluster = _run(service, 2, 3600.0)
    late = service.missed[-240:]
    assert sum(late) < 0.02 * len(late)
    # One in a hundred misses at a load of a third.
    assert cluster.spec < 1.5 * 300.0 / 10.0 / 0.34


@pytest.mark.parametrize("told", [None, 8.5])
def test_members_that_become_slower_are_noticed_within_minutes(told: float | None) -> None:
    service = Service(100.0)
    cluster = _run(service, 14, 7200.0, told=told)
    service.able = 4.0
    service.missed.clear()
    cluster.run(900.0)
    assert sum(service.missed) * 5.0 < 400.0
    assert cluster.spec < 1.6 * 30


def test_a_fault_that_no_member_mends_teaches_nothing() -> None:
    service = Service(100.0)
    cluster = _run(service, 14, 7200.0)
    known, before = cluster.state.member_rate.estimate, cluster.spec
    service.able = 0.01
    cluster.run(240.0)
    service.able = 10.0
    cluster.run(1200.0)
    assert cluster.state.member_rate.estimate == pytest.approx(known, rel=0.1)
    assert cluster.spec <= before + 2


def test_a_told_rate_that_is_far_off_is_mended_within_minutes() -> None:
    service = Service(300.0)
    _run(service, 15, 1800.0, told=30.0)
    assert sum(service.missed) * 5.0 < 300.0


def test_a_restart_within_a_search_decides_as_if_there_had_been_none() -> None:
    cluster = _run(Service(300.0), 2, 100.0)
    assert cluster.state.member_rate.search.ceiling > 0.0
    copy: ClusterState = restore(json.loads(json.dumps(snapshot(cluster.state))))
    assert copy == cluster.state

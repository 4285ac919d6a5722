"""Scaling under quotas over applications, and of clusters inside groups under what hosts have free."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.burst.watching_quotas import under_quotas
from autoscaler.burst.watching_room import Instance, Room, shared_room
from autoscaler.decide.application import Part, Shape, decide_application
from tests.autoscaler import two_clouds
from tests.autoscaler.test_bursting_room import SEEN, demand, share
from tests.autoscaler.two_clouds import COPY, HOME, World

QUOTA = "quota: {members: %d}\nnetworkPartitions:\n  - {name: home,"


def with_quota(folder: Path, quota: int, monkeypatch: pytest.MonkeyPatch) -> World:
    documents = two_clouds.SHOP.replace("networkPartitions:\n  - {name: home,", QUOTA % quota)
    monkeypatch.setattr(two_clouds, "SHOP", documents)
    folder.mkdir(exist_ok=True)
    return World(folder)


def test_a_quota_bounds_scaling_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_quota(tmp_path, 2, monkeypatch)
    world.run([35.0] * 12)
    assert world.ready(HOME) == 2
    verdict = world.loops[HOME].verdict
    assert verdict is not None
    assert verdict.together is not None
    assert "wait for the quota of little-at-home: 2 members" in " ".join(verdict.together.reasons)


def test_copies_are_within_one_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_quota(tmp_path, 6, monkeypatch)
    world.run([85.0] * 40)
    assert world.ready(HOME) + world.ready(COPY) == 6


def test_applications_share_a_quota_by_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = with_quota(tmp_path / "a", 5, monkeypatch)
    second = World(_made(tmp_path / "b"))
    for world in (first, second):
        world.run([45.0, 45.0])
    quotas = under_quotas({"app-a": first.loops[HOME], "app-b": second.loops[HOME]}, {})
    given = {stack: most["web"] for stack, (most, _) in quotas.alone.items()}
    assert sum(given.values()) == 5
    assert min(given.values()) >= 2
    again = under_quotas({"app-b": second.loops[HOME], "app-a": first.loops[HOME]}, {})
    assert sum(most["web"] for most, _ in again.alone.values()) == 5


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def instance(name: str, asked: int, full: bool = False, scheduled: int = 0) -> Instance:
    return Instance(demand(share(4)), ("app-shop", name), scheduled, asked, full)


def test_instances_share_what_hosts_have_free_and_have_their_own_part_by_policy() -> None:
    assert shared_room([instance("web", 2), instance("other", 1)], "local", SEEN) == Room(2 + 1 + 5, 4)
    assert shared_room([instance("web", 9), instance("other", 9)], "local", SEEN).total == 18
    assert shared_room([instance("web", 2)], "local", None) == Room(None, 4)


def test_where_one_instance_is_refused_another_may_fit() -> None:
    found = shared_room([instance("web", 3, full=True, scheduled=2), instance("other", 3)], "local", SEEN)
    assert found.each == 2


def test_free_room_caps_a_raise_and_makes_no_instance() -> None:
    shape = Shape({"search/engine": Part("search/engine", 1, 4, most=5)}, {"search": Part("search", 1, 3)})
    found = decide_application(shape, {"search/engine": 7}, {"search": 2})
    assert found.groups == {"search": 2}
    assert found.clusters == {"search/engine": 2}
    assert found.overflow == {"search/engine": 2}


def test_what_an_instance_may_have_by_policy_makes_another_one() -> None:
    shape = Shape({"search/engine": Part("search/engine", 1, 2)}, {"search": Part("search", 1, 3)})
    assert decide_application(shape, {"search/engine": 5}, {"search": 2}).groups == {"search": 3}

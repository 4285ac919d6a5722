"""How long a cloud takes to serve, as its network partition says: whoever looks ahead looks as far."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.autoscaler import beside_home, two_clouds
from tests.autoscaler.two_clouds import ramp

QUICK = "cloud: away\nleadTime: 5s\n"
SLOWER = """kind: NetworkPartition
name: rented-too
cloud: "away"
leadTime: 8s
partitions: [{name: room}]
---
apiVersion: altostratus/v1
"""


def begun(world: two_clouds.World, lead: str) -> tuple[int, str]:
    """After how many looks at a slow rise the other cloud is asked for, and with which reason."""
    world.edit("cloud: away\n", lead)
    # So slow that the rise is known for one before the room at home is full.
    for number, rate in enumerate(ramp(8.0, 45.0, 600)):
        world.look(rate)
        if world.kinds:
            return number, next(text for kind, text in world.events if kind == world.kinds[0])
    raise AssertionError("never")


@pytest.mark.parametrize("kind", [two_clouds.World, beside_home.BesideWorld])
def test_a_cloud_that_says_it_is_quick_is_asked_later(kind: type[two_clouds.World], tmp_path: Path) -> None:
    found = []
    for name, lead in (("untold", "cloud: away\n"), ("told", QUICK)):
        (tmp_path / name).mkdir()
        found.append(begun(kind(tmp_path / name), lead))
    (usual, before), (late, reason) = found
    assert late > usual + 5
    assert ("in 60 s" in before, "in 5 s" in reason) == (True, True)


def test_what_was_measured_does_not_count_where_it_is_told(tmp_path: Path) -> None:
    world = two_clouds.World(tmp_path)
    world.watching.leads.took("shop", "away", 200.0)
    _, reason = begun(world, QUICK)
    assert "in 5 s" in reason


def test_of_several_network_partitions_of_a_cloud_the_slowest_counts(tmp_path: Path) -> None:
    world = two_clouds.World(tmp_path)
    world.edit("kind: DeploymentPolicy", f"{SLOWER}kind: DeploymentPolicy")
    _, reason = begun(world, QUICK)
    assert "in 8 s" in reason

"""A short soak: kills at random moments, and afterwards everything agrees. The long one is run by hand."""

from pathlib import Path

import pytest

from tests import light_world
from tests.plugins import control_plane
from tests.soak.kill_soak import soak

pytestmark = pytest.mark.engine


def test_after_kills_at_random_moments_config_state_and_cluster_agree(tmp_path: Path) -> None:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    with light_world.running(tmp_path / "world") as world:
        report = soak(world, kills=6, seed=1, limit=120)
    assert not report.faults, "\n".join(report.faults)
    assert report.outcomes["applied"] > 0
    assert sum(report.kills.values()) >= 1

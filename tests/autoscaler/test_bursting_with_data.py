"""Bursting in closed loop, of an application whose data stays at home: the copy has no part in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.act.stack_config import replace_file
from tests.autoscaler import two_clouds
from tests.autoscaler.two_clouds import COPY, HOME, World, ramp

WITH_DATA = (
    two_clouds.SHOP.replace("deployment: little-at-home\n", "startup: [[db, web]]\n").replace(
        "cartridges: [{alias: web, ",
        "cartridges: [{alias: db, cartridge: mysql, deployment: home-only}, "
        "{alias: web, deployment: little-at-home, ",
    )
    + """
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: home-only
networkPartitions: [{name: home, partitions: [{name: room, max: 1}]}]
"""
)


class DataAtHome(World):
    """Its copies have what is stateless, as moves make them."""

    def configure(self, stack: str, scale: Mapping[str, Any]) -> int:
        members = super().configure(stack, scale)
        if stack == COPY:
            path = self.cli.config_path(stack)
            document = yaml.safe_load(path.read_text())
            document["config"]["altostratus:clusters"] = ["web"]
            replace_file(path, yaml.safe_dump(document))
        return members


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(two_clouds, "SHOP", WITH_DATA)
    return DataAtHome(tmp_path)


def test_a_peak_makes_a_copy_without_the_data_and_its_end_removes_it(world: World) -> None:
    world.run([8.0] * 4 + [70.0] * 30)
    assert world.kinds[:2] == ["burst", "done"]
    view = world.loops[COPY].view
    assert view is not None
    assert set(view.clusters) == {"web"}
    assert set(view.plan.remote) == {"db"}
    assert world.ready(HOME) == 4
    assert world.ready(COPY) >= 3
    world.run([8.0] * 40)
    assert not world.exists(COPY)
    assert world.kinds == ["burst", "done", "end", "done"]


def test_data_that_is_full_at_home_makes_no_copy(world: World) -> None:
    world.run([*ramp(8.0, 30.0, 20), *[30.0] * 20])
    assert world.kinds == [], "members at home carry it; that the database has all it may have makes no peak"

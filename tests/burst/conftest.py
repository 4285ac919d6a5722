"""Moves in memory write their records a thousand times: here nobody pulls the plug."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def in_memory(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("cluster") is None:
        monkeypatch.setattr(os, "fsync", lambda _: None)
        folder: Path = request.getfixturevalue("tmp_path")
        monkeypatch.setenv("ALTO_HOME", str(folder / "alto-home"))

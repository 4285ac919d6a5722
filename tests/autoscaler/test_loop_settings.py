"""The autoscaler's settings: every fault is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.loop.settings import SettingsError, load


def test_settings_tell_every_fault_at_once(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("period: 0\nsourcs: [kubelet]\nserve: {port: http}\n")
    with pytest.raises(SettingsError) as told:
        load(path)
    text = str(told.value)
    assert "period: Input should be greater than or equal to 1 (found 0)" in text
    assert "sourcs" in text
    assert "serve.port" in text
    assert "Allowed keys: period, sources" in text
    path.write_text(
        "clouds: {away: {prometheus: {url: b}}}\nsourceSettings: {prometheus: {url: a, tokenFile: t}}\n"
    )
    assert load(path).of_source("prometheus", "away") == {"url": "b", "tokenFile": "t"}

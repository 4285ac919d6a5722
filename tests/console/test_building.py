"""What `alto up` of an application asks for before anything is built."""

from pathlib import Path

import pytest

from autoscaler.act.pulumi_cli import Pulumi
from console.building import before_update
from console.errors import BadInput


def test_a_cloud_that_is_not_there_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    cli = Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})
    cli.state_path("platform-east").parent.mkdir(parents=True)
    cli.state_path("platform-east").write_text("{}")
    config = cli.config_path("app-shop")
    config.parent.mkdir(parents=True)
    config.write_text("config:\n  altostratus:cloud: west\n  altostratus:blueprint: documents\n")
    with pytest.raises(BadInput) as refused:
        before_update(cli, "app-shop")
    for part in ("app-shop", "'west'", "platform-west", "Clouds here: east"):
        assert part in str(refused.value)
    assert [each.name for each in config.parent.iterdir()] == [config.name]

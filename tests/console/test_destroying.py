"""What `alto destroy` refuses: to leave copies, moves and a front door without their application."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autoscaler.burst.records import Move, Records
from console import destroying, updates
from console.errors import BadInput

MADE = {"resources": [{"type": "kubernetes:core/v1:Namespace"}]}


@dataclass
class Stacks:
    """A CLI that knows stacks and what each made."""

    root: Path
    made: dict[str, Any] = field(default_factory=dict)
    destroyed: list[str] = field(default_factory=list)

    def stacks(self) -> list[str]:
        return sorted(self.made)

    def exists(self, stack: str) -> bool:
        return stack in self.made

    def deployment(self, stack: str) -> Any:
        return self.made[stack]

    def config_path(self, stack: str) -> Path:
        return self.root / f"Pulumi.{stack}.yaml"


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stacks:
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    found = Stacks(tmp_path, {"app-shop": MADE, "hosts-local": MADE})
    monkeypatch.setattr(updates, "known", lambda stack: found)
    return found


def test_an_application_alone_may_go(stacks: Stacks) -> None:
    assert destroying.check("app-shop") == []


def test_copies_and_a_front_door_go_first_and_how_is_told(stacks: Stacks) -> None:
    stacks.made |= {"app-shop--away": MADE, "app-shop--east": {}, "front-shop": MADE, "app-shopping--x": MADE}
    with pytest.raises(BadInput) as refused:
        destroying.check("app-shop")
    first = str(refused.value).splitlines()[1]
    assert first.strip() == "First: alto burst shop --to away --end; alto front shop --end"


def test_a_move_that_was_begun_is_ended_first(stacks: Stacks, tmp_path: Path) -> None:
    Records(tmp_path / "home" / "moves").save(Move("shop", "burst", "away", "local", 0.0))
    with pytest.raises(BadInput, match=r"First: alto burst shop --to away --end$"):
        destroying.check("app-shop")


def test_a_copy_is_led_away_from_before_it_goes_unless_its_home_is_gone(stacks: Stacks) -> None:
    stacks.made["app-shop--away"] = MADE
    with pytest.raises(BadInput, match="alto burst shop --to away --end"):
        destroying.check("app-shop--away")
    del stacks.made["app-shop"]
    assert destroying.check("app-shop--away") == []


def test_who_lives_on_hosts_is_told(stacks: Stacks, tmp_path: Path) -> None:
    stacks.made |= {"platform-local": MADE, "platform-away": MADE}
    (tmp_path / "Pulumi.app-shop.yaml").write_text("config:\n  altostratus:cloud: local\n")
    (note,) = destroying.check("hosts-local")
    assert note.startswith("app-shop, platform-local: their members go with the hosts of local")

"""A copy that was there before a move is still there, with its share, when that move is undone."""

from pathlib import Path

import pytest

from autoscaler.burst.refusals import MoveFailed
from blueprints.scale import ScaleState
from console.bursting import tell
from tests.burst.light_clouds import Killed, Land


@pytest.fixture
def land(tmp_path: Path) -> Land:
    """The application shop at home in local, with a copy in away that has half of its traffic."""
    found = Land(tmp_path)
    found.moves().burst("shop", "away", ScaleState(clusters={"web": 4}))
    assert found.look()["weights"] == {"local": 500, "away": 500}
    return found


def test_a_migration_that_errs_leaves_the_copy_that_carries_part_of_a_peak(land: Land) -> None:
    before, door = land.look(), land.door
    assert door is not None
    door.errs["away"] = 20
    with pytest.raises(MoveFailed, match="was there before, and stays with its share"):
        land.moves().migrate("shop", "away")
    assert land.look() == before
    door.errs.clear()
    assert land.moves().migrate("shop", "away").result == "done"
    assert land.sky.copies == {("away", "app-shop"): "away"}


def test_a_second_burst_while_members_are_not_ready_leaves_the_copy(land: Land) -> None:
    before = land.look()
    land.sky.sick = True
    with pytest.raises(MoveFailed, match=r"is not ready.*\n.*stays with its share"):
        land.moves().burst("shop", "away")
    assert land.look() == before


def test_a_second_overflow_while_members_are_not_ready_leaves_the_place(tmp_path: Path) -> None:
    one = Land(tmp_path)
    scale = ScaleState(clusters={"web": 1}, overflow=True)
    one.moves().overflow("shop", "away", ["web"], scale)
    before = one.look()
    one.sky.sick = True
    with pytest.raises(MoveFailed, match="was there before"):
        one.moves().overflow("shop", "away", ["web"], scale)
    assert one.look() == before


def test_a_migration_that_a_person_undoes_leaves_the_copy_and_says_so(
    land: Land, capsys: pytest.CaptureFixture[str]
) -> None:
    before = land.look()
    land.kill_at(2, after=True)
    with pytest.raises(Killed):
        land.moves().migrate("shop", "away")
    land.let_live()
    tell(land.moves().end("shop", "away"))
    assert "the migration of shop to away is undone, and its copy in away stays" in capsys.readouterr().out
    assert land.look() == before
    assert land.moves().end("shop", "away").result == "done", "its end is another thing to ask for"
    assert land.sky.copies == {("local", "app-shop"): "home"}


def test_a_copy_whose_end_is_owed_is_none_that_was_there(land: Land) -> None:
    land.sky.away.add("away")
    assert land.moves().end("shop", "away").result == "owed"
    land.sky.away.clear()
    land.sky.sick = True
    with pytest.raises(MoveFailed, match="What was made is removed again"):
        land.moves().burst("shop", "away")
    assert land.sky.copies == {("local", "app-shop"): "home"}


def test_a_copys_config_that_people_made_keeps_its_mode(tmp_path: Path) -> None:
    land = Land(tmp_path)
    path = land.cli.config_path("app-shop--away")
    path.write_text("# ours\nconfig: {}\n")
    path.chmod(0o664)
    land.moves().burst("shop", "away")
    assert "# ours" in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o664

"""Whoever moves an application may be killed anywhere: resumed, or turned round, the world ends the same."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from autoscaler.burst.moves import Moves
from autoscaler.burst.refusals import MoveFailed
from blueprints.scale import ScaleState
from tests.burst.light_clouds import Killed, Land

Do = Callable[[Moves], object]
BURST: Do = lambda moves: moves.burst("shop", "away")  # noqa: E731
END: Do = lambda moves: moves.end("shop", "away")  # noqa: E731
OVERFLOW: Do = lambda moves: moves.overflow(  # noqa: E731
    "shop", "away", ["web"], ScaleState(clusters={"web": 1}, overflow=True)
)
MIGRATE: Do = lambda moves: moves.migrate("shop", "away")  # noqa: E731
RESUME: Do = lambda moves: moves.resume("shop")  # noqa: E731


def land(folder: Path, number: int, *, cold: bool) -> Land:
    own = folder / str(number)
    own.mkdir()
    return Land(own, cold=cold)


def effects(folder: Path, before: list[Do], do: Do, *, cold: bool) -> tuple[list[str], dict[str, object]]:
    """What a move does when nobody disturbs it, and how the world is afterwards."""
    whole = land(folder, 0, cold=cold)
    for each in before:
        each(whole.moves())
    whole.fate.effects.clear()
    do(whole.moves())
    return list(whole.fate.effects), whole.look()


@pytest.mark.parametrize(("again", "cold"), [("same", False), ("resume", True)], ids=["warm", "cold"])
@pytest.mark.parametrize(
    ("before", "do"),
    [([], BURST), ([BURST], END), ([], MIGRATE), ([], OVERFLOW), ([OVERFLOW], END)],
    ids=["burst", "end", "migrate", "overflow", "end of overflow"],
)
def test_killed_anywhere_it_ends_as_if_nobody_had_been_killed(
    tmp_path: Path, before: list[Do], do: Do, again: str, cold: bool
) -> None:
    names, wanted = effects(tmp_path, before, do, cold=cold)
    assert len(names) > 3
    for number in range(1, len(names) + 1):
        one = land(tmp_path, number, cold=cold)
        for each in before:
            each(one.moves())
        # Before an effect is after the one before it, but for the record.
        one.kill_at(number, after=number % 2 == 0)
        with pytest.raises(Killed):
            do(one.moves())
        one.let_live()
        (RESUME if again == "resume" else do)(one.moves())
        assert one.look() == wanted, f"killed at {names[number - 1]}, {one.fate.effects}"


@pytest.mark.parametrize("do", [BURST, OVERFLOW, MIGRATE], ids=["burst", "overflow", "migrate"])
def test_killed_anywhere_it_can_be_undone_while_there_is_a_way_back(tmp_path: Path, do: Do) -> None:
    names, _ = effects(tmp_path, [], do, cold=False)
    undone = 0
    for number in range(1, len(names) + 1):
        one = land(tmp_path, number, cold=False)
        begun = one.look()
        one.kill_at(number, after=number % 2 == 1)
        with pytest.raises(Killed):
            do(one.moves())
        one.let_live()
        left = one.moves().under_way("shop")
        if left is not None and left.passed:
            continue
        END(one.moves())
        undone += 1
        assert {**one.look(), "weights": {}} == {**begun, "weights": {}}
        assert list(one.look()["weights"]) == ["local"]
    assert undone > len(names) / 2


def errs(one: Land) -> None:
    assert one.door is not None
    one.door.errs["away"] = 20


def falls_sick(one: Land) -> None:
    one.sky.sick = True


@pytest.mark.parametrize(("do", "spoilt"), [(BURST, falls_sick), (MIGRATE, errs)], ids=["burst", "migrate"])
def test_killed_anywhere_an_undone_move_leaves_the_copy_that_was_there_before(
    tmp_path: Path, do: Do, spoilt: Callable[[Land], None]
) -> None:
    def begin(number: int) -> Land:
        one = land(tmp_path, number, cold=False)
        one.moves().burst("shop", "away", ScaleState(clusters={"web": 4}))
        wanted.append(one.look())
        spoilt(one)
        return one

    wanted: list[dict[str, object]] = []
    whole = begin(0)
    whole.fate.effects.clear()
    with pytest.raises(MoveFailed):
        do(whole.moves())
    assert whole.look() == wanted[0]
    names = list(whole.fate.effects)
    assert names
    for number in range(1, len(names) + 1):
        for after in (False, True):
            one = begin(2 * number + after)
            one.kill_at(number, after=after)
            with pytest.raises(Killed):
                do(one.moves())
            one.let_live()
            with suppress(MoveFailed):
                RESUME(one.moves())
            assert one.look() == wanted[0], f"killed at {names[number - 1]}, {one.fate.effects}"


def test_killed_twice_in_a_row_anywhere(tmp_path: Path) -> None:
    names, wanted = effects(tmp_path, [], MIGRATE, cold=False)
    for number in range(1, len(names) + 1, 2):
        one = land(tmp_path, number, cold=False)
        one.kill_at(number, after=True)
        with pytest.raises(Killed):
            MIGRATE(one.moves())
        one.kill_at(2, after=False)
        try:
            RESUME(one.moves())
        except Killed:
            one.let_live()
            RESUME(one.moves())
        assert one.look() == wanted


def test_every_life_a_little_longer_than_the_one_before(tmp_path: Path) -> None:
    _, wanted = effects(tmp_path, [], MIGRATE, cold=True)
    one = land(tmp_path, 1, cold=True)
    killed = 0
    while True:
        one.kill_at(1 + killed, after=killed % 2 == 0)
        try:
            MIGRATE(one.moves())
            break
        except Killed:
            killed += 1
    assert killed > 5
    assert one.look() == wanted


def test_members_beside_the_home_have_their_own_scale_and_are_let_go_before_their_stack_goes(
    tmp_path: Path,
) -> None:
    one = land(tmp_path, 1, cold=False)
    begun = one.look()
    OVERFLOW(one.moves())
    config = one.look()["config"]["Pulumi.app-shop--away.yaml"]["config"]
    assert config["altostratus:clusters"] == ["web"]
    assert config["altostratus:scale"]["overflow"] is True
    assert config["altostratus:scale"]["clusters"] == {"web": 1}, "its documents' minimum is the home's"
    assert one.look()["weights"] == begun["weights"], "no front door leads to it"
    one.sky.further.add("away")
    END(one.moves())
    assert not one.sky.further
    assert one.look() == begun


def test_an_end_that_is_called_off_is_an_overflow_again(tmp_path: Path) -> None:
    _, wanted = effects(tmp_path, [], OVERFLOW, cold=False)
    one = land(tmp_path, 1, cold=False)
    OVERFLOW(one.moves())
    one.kill_at(3, after=True)
    with pytest.raises(Killed):
        END(one.moves())
    one.let_live()
    OVERFLOW(one.moves())
    found, config = one.look(), "Pulumi.app-shop--away.yaml"
    found["config"][config]["config"].pop("altostratus:autoscaling", None)
    wanted["config"][config]["config"].pop("altostratus:autoscaling", None)  # type: ignore[index]
    assert found == wanted

"""An end that is called off is called off once: what makes the copy again is left alone while it begins."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from autoscaler.burst.moves import Ended
from autoscaler.burst.records import Move
from autoscaler.burst.refusals import MoveInterrupted
from autoscaler.burst.watching_moves import Mover
from tests.waiting import until

AWAY = "away"


class Beginning:
    """Moves that have begun and not yet written their record: the one of the end is still there."""

    def __init__(self) -> None:
        self.recorded: Move | None = None
        self.begun: list[tuple[str, threading.Event]] = []

    def make(self, _say: Callable[[str], None], give_up: threading.Event) -> Any:
        return OneMove(self, give_up)


class OneMove:
    def __init__(self, world: Beginning, give_up: threading.Event) -> None:
        self.world, self.give_up = world, give_up

    def under_way(self, _application: str) -> Move | None:
        return self.world.recorded

    def end(self, application: str, cloud: str) -> Ended:
        self.world.recorded = Move(application, "end", cloud, "local", 0.0, step="destroy")
        return self._until_given_up("end")

    def overflow(self, *_given: object) -> Ended:
        return self._until_given_up("overflow")

    def burst(self, *_given: object) -> Ended:
        return self._until_given_up("burst")

    def _until_given_up(self, what: str) -> Ended:
        self.world.begun.append((what, self.give_up))
        self.give_up.wait(120)
        raise MoveInterrupted("given up")


@pytest.mark.parametrize("members", [None, {"web": 1}], ids=["whole copy", "single members"])
def test_what_calls_an_end_off_is_not_called_off_itself(members: Mapping[str, int] | None) -> None:
    world = Beginning()
    mover = Mover(world.make)
    clusters: Sequence[str] = tuple(members or ())
    try:
        mover.end("shop", AWAY)
        until(lambda: world.recorded, "the end has begun")
        mover.turn("shop", AWAY, clusters, members)
        until(lambda: [each.kind for each in mover.news("shop")] == ["turned"], "it is called off")
        again = until(lambda: world.begun[1:], "it is made again")
        kind = "burst" if members is None else "overflow"
        assert [what for what, _ in again] == [kind]
        seen = mover.under_way("shop")
        assert seen is not None
        assert (seen.kind, seen.cloud) == (kind, AWAY), "and not the end that is still recorded"
        mover.turn("shop", AWAY, clusters, members)
        assert not again[0][1].is_set()
    finally:
        mover.close()

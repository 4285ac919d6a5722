"""What a front door could bring to no copy: counted once, over restarts of the door."""

from concurrent.futures import Executor, Future
from typing import Any

from autoscaler.burst.front_door import CloudShare, FrontState
from autoscaler.burst.watching_doors import COUNT_SECONDS, Doors
from autoscaler.journal.records import ServiceRow
from autoscaler.loop.levels import ServiceCount
from autoscaler.serve.levels import report
from blueprints.kinds.objectives import Objectives

NOON = 1_800_000_000.0


class AtOnce(Executor):
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> "Future[Any]":
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Door:
    def __init__(self) -> None:
        self.lost = {"local": 5}

    def state(self) -> FrontState:
        return FrontState({n: CloudShare(1, 1.0, True, 0, 0, 0, 0, lost) for n, lost in self.lost.items()})

    def share(self, weights: Any) -> None: ...


def test_only_what_is_lost_while_somebody_looks_is_counted_and_a_new_door_counts_from_nothing() -> None:
    door, now = Door(), [0.0]
    doors = Doors(lambda _: door, lambda: now[0], AtOnce())

    def later(**lost: int) -> int:
        door.lost = lost
        now[0] += COUNT_SECONDS
        return doors.unanswered("shop")

    assert later(local=5) == 0, "what was before is not ours"
    assert later(local=8, away=1) == 4
    assert doors.unanswered("shop") == 0, "not twice"
    doors.forget("shop")
    assert later(local=9, away=1) == 1
    assert later(local=2) == 2


def test_they_are_errors_of_the_application_and_no_time_that_nobody_watched() -> None:
    counts = ServiceCount()
    counts.fronted(NOON + 70.0, "shop", 3)
    home = ServiceRow(
        NOON + 60.0, 60.0, "app-shop", "shop", requests=97.0, counted=60.0, looked=60.0, watched=60.0
    )
    objectives = Objectives.model_validate({"availability": "99%"})
    found = report("shop", [home, *counts.rows], objectives, NOON + 60.0, NOON + 120.0)
    assert (found.requests, found.errors) == (100.0, 3.0)
    assert (found.counted, found.watched, found.down) == (60.0, 60.0, 0.0)
    assert found.promises[0].kept is False

"""Copies of an application in other clouds, and its move from one to another: the one door to all three.

    moves = Moves(world, paths.home() / "moves")
    moves.burst("shop", "away")        # a copy in the cloud away, made, checked, and given its share
    moves.end("shop", "away")          # drained, checked to serve nothing, destroyed
    moves.migrate("shop", "away")      # away is its home afterwards
    moves.resume("shop")               # go on with what a killed process left

Every call blocks until the move has ended and may take minutes. One move of an application goes on at a
time, whoever asked for it: a lease on a file, which the kernel frees when its holder dies.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autoscaler.burst.records import Move, Records
from blueprints.scale import ScaleState

Say = Callable[[str], None]
Result = Literal["done", "nothing to do", "owed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a move ended. `owed`: the copy is out of use, and what it made is removed when its cloud answers."""

    move: Move
    result: Result
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


class Moves:
    """Thread-safe; several applications can move at the same time.

    `give_up`: set it to stop between two steps, or in the middle of an update, in order.
    """

    def __init__(self, folder: Path, *, say: Say = print, give_up: threading.Event | None = None) -> None:
        self.records = Records(folder)
        self.say = say
        self.give_up = give_up or threading.Event()

    def burst(self, application: str, cloud: str, scale: ScaleState | None = None) -> Ended:
        """Make a copy in a cloud and give it its share of the traffic; `scale` is what it begins with.

        Raises MoveRefused (nothing was changed), MoveUnderWay and NotOurs (another move), MoveFailed (the
        copy is gone again, or the message says what is left), MoveInterrupted.
        """
        raise NotImplementedError

    def end(self, application: str, cloud: str, *, forget: bool = False) -> Ended:
        """Take the copy out of the traffic, wait until it serves nothing, remove it.

        Turns round a burst that was killed. Where the cloud does not answer the end is `owed`; `forget`
        drops what is known of the copy instead. Raises as `burst` does.
        """
        raise NotImplementedError

    def migrate(self, application: str, cloud: str) -> Ended:
        """Make another cloud the application's home. Raises as `burst` does."""
        raise NotImplementedError

    def resume(self, application: str) -> Ended | None:
        """Go on with the move that a killed or interrupted process left; None where there is none."""
        raise NotImplementedError

    def settle(self) -> list[Ended]:
        """Do what is owed and can be done now: copies in clouds that answer again, cold clouds kept long
        enough. Cheap when there is nothing; for a loop to call now and then."""
        raise NotImplementedError

    def under_way(self, application: str) -> Move | None:
        """The move that goes on, or was left by a killed process."""
        return self.records.load(application)

    def copies(self, application: str) -> dict[str, str]:
        """The stacks of the application by cloud, its home's first."""
        raise NotImplementedError

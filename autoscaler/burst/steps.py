"""What each kind of move does, in order."""

from collections.abc import Callable

from autoscaler.burst import adopting, beside, leaving, making, replication, shifting
from autoscaler.burst.records import Move
from autoscaler.burst.work import Work

Step = tuple[str, Callable[[Work], object]]

MAKE: tuple[Step, ...] = (
    ("cloud", making.cloud),
    ("config", making.config),
    ("images", making.images),
    ("let in", making.let_in),
    ("deploy", making.deploy),
    ("ready", making.ready),
)
SHARE: tuple[Step, ...] = (("share", making.share),)
LEAVE: tuple[Step, ...] = (
    ("rest", leaving.rest),
    ("drain", leaving.drain),
    ("let go", beside.let_go),
    ("close door", leaving.close_door),
    ("destroy", leaving.destroy),
    ("sweep", beside.sweep),
    ("nothing left", leaving.nothing_left),
)
SHIFT: tuple[Step, ...] = (
    ("shift", shifting.shift),
    ("quiet home", shifting.quiet_home),
    ("keep", adopting.keep),
)
ADOPT: tuple[Step, ...] = (
    ("leave home", adopting.leave_home),
    ("take name", adopting.take_name),
    ("settle", adopting.settle),
    ("refer", adopting.refer),
)
RESTORE: tuple[Step, ...] = (("restore", shifting.restore),)
BACK: tuple[Step, ...] = (("back", shifting.back),)
FREE: tuple[Step, ...] = (("free", replication.free),)
HAND_OVER: tuple[Step, ...] = (
    ("open door", making.open_door),
    ("hold", replication.hold),
    ("lead", replication.lead),
    ("read only", replication.read_only),
    ("catch up", replication.catch_up),
    ("keep", adopting.keep),
)
TAKE_OVER: tuple[Step, ...] = (
    ("promote", replication.promote),
    ("over", replication.over),
    ("quiet home", shifting.quiet_home),
    ("stand", replication.stand),
)
TOLD: tuple[Step, ...] = (("old data", replication.tell_of_old),)


def steps(move: Move) -> tuple[Step, ...]:
    """What a move does, in order. Each step looks at the world and does what is missing."""
    if move.passed:
        return TAKE_OVER + ADOPT + TOLD if move.follows else ADOPT
    if move.kind == "end":
        return LEAVE
    if move.turned:
        free = FREE if move.kind == "migrate" and move.follows else ()
        if move.existed:
            return free + RESTORE
        return free + (BACK if move.kind == "migrate" else ()) + LEAVE
    if move.kind == "overflow":
        return MAKE
    if move.kind == "migrate" and move.follows:
        # The data changes hands in one moment, and with it all traffic: there are no steps of a share.
        return FREE + MAKE + HAND_OVER + TAKE_OVER + ADOPT + TOLD
    return MAKE + (SHARE if move.kind == "burst" else SHIFT + ADOPT)

"""`alto burst`: a copy of an application in another cloud, by hand; and what all moves are made of."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_door import FrontDoor
from autoscaler.burst.moves import Ended, Moves
from autoscaler.burst.reach import Reach, serves
from autoscaler.burst.refusals import MoveInterrupted
from autoscaler.burst.world import World
from console import credentials, orphans, updates
from console.building import before_copy
from console.tenancy import refuse_move
from toolchain import paths, registry_trust


def moves(cli: Pulumi, **options: Any) -> Moves:
    """Moves of this checkout's applications; `options` as of `Moves`."""
    world = World(
        cli=cli,
        clouds=Reach(partial(credentials.refresh, cli)),
        front=partial(FrontDoor.of, cli),
        serves=serves,
        prepare=before_copy,
        recovered=updates.recovered,
        dropped=partial(_dropped, cli),
    )
    return Moves(world, paths.home() / "moves", **options)


def burst(application: str, cloud: str, *, end: bool, forget: bool) -> None:
    """Make or end a copy. Raises BadInput, MoveRefused, MoveUnderWay, MoveFailed."""
    cli = pulumi()
    if not end:
        refuse_move(cli, application, cloud)
    door = moves(cli, say=say)
    said = f"alto burst {application} --to {cloud}"
    with interruptible(said + (" --end" if end else ""), "" if end else f"{said} --end"):
        ended = door.end(application, cloud, forget=forget) if end else door.burst(application, cloud)
    tell(ended)
    for each in door.settle():
        tell(each)


@contextmanager
def interruptible(go_on: str, undo: str) -> Iterator[None]:
    """Ctrl-C ends what is under way in order; this says how to go on."""
    try:
        yield
    except (KeyboardInterrupt, MoveInterrupted):
        print(f"stopped between two steps. To go on: {go_on}" + (f"; to undo it: {undo}" if undo else ""))
        raise


def tell(ended: Ended) -> None:
    move = ended.move
    if ended.result == "nothing to do":
        print(f"{move.application}: nothing of a copy is in {move.cloud}")
    elif ended.result == "done" and move.turned:
        stays = f", and its copy in {move.cloud} stays" if move.existed else ""
        print(f"the {move.what} is undone{stays} ({ended.seconds:.1f} s)")
    elif ended.result == "done":
        how = {
            "burst": "has a copy in {}",
            "overflow": "has members beside its home in {}",
            "end": "has nothing in {} any more",
            "migrate": "is at home in {}",
        }
        print(f"{move.application} {how[move.kind].format(move.cloud)} ({ended.seconds:.1f} s)")


def say(text: str) -> None:
    print(text, flush=True)


def _dropped(cli: Pulumi, cloud: str) -> None:
    """What a destroyed cloud leaves on this machine."""
    orphans.sweep(cli, cloud, everything=True)
    registry_trust.remove(cloud)
    shutil.rmtree(paths.kubeconfig(cloud).parent, ignore_errors=True)

"""What `alto autoscale` needs to decide over copies: hosts' free room, moves, front doors."""

import threading
from functools import partial
from pathlib import Path

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_door import FrontDoor
from autoscaler.burst.moves import Moves
from autoscaler.burst.reach import Reach
from autoscaler.burst.watching import Watching
from autoscaler.burst.watching_balancers import Balancers
from autoscaler.burst.watching_capacity import Capacity, asked
from autoscaler.burst.watching_doors import Doors
from autoscaler.burst.watching_leads import Leads
from autoscaler.burst.watching_moves import Mover
from autoscaler.burst.work import Say
from console import credentials


def watching(cli: Pulumi, folder: Path, period: float, *, acts: bool) -> Watching:
    """`folder` is where what was learnt is kept; without `acts` nothing is moved, and nobody told."""
    capacity = Capacity(asked(partial(credentials.refresh, cli)))
    leads = Leads(folder / "leads.json")
    if not acts:
        return Watching(capacity, leads, None, None, period)
    reach = Reach(partial(credentials.refresh, cli))
    mover, doors = Mover(partial(_moves, cli)), Doors(partial(FrontDoor.of, cli))
    return Watching(capacity, leads, mover, doors, period, Balancers(reach.tell))


def _moves(cli: Pulumi, say: Say, give_up: threading.Event) -> Moves:
    from console.bursting import moves

    return moves(cli, say=say, give_up=give_up, by_itself=True)

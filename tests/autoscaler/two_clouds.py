"""An application over two clouds in simulated time: real files, loop and decisions; members, moves, front
door and load are told here. Moves take a lead time, members a start time, and nothing waits in earnest."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.edits import Outcome, ScaleEdit, Ticket
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import NotOurs
from autoscaler.act.stack_config import replace_file
from autoscaler.burst.front_door import CloudShare, FrontState
from autoscaler.burst.moves import Ended
from autoscaler.burst.records import Move
from autoscaler.burst.refusals import MoveFailed, MoveInterrupted
from autoscaler.burst.watching import Watching
from autoscaler.burst.watching_capacity import Capacity
from autoscaler.burst.watching_doors import Doors
from autoscaler.burst.watching_leads import Leads
from autoscaler.burst.watching_moves import Mover
from autoscaler.burst.work import Say
from autoscaler.decide.policy import REQUEST_RATE
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.watched import Watched
from autoscaler.observe.board import Board
from autoscaler.observe.members import SeenCluster, SeenMember
from autoscaler.observe.source import Measurement, Place
from blueprints.scale import ScaleState

NOW, PERIOD = 1_700_000_000.0, 5.0
START_SECONDS, LEAD_SECONDS, END_SECONDS = 6.0, 25.0, 15.0
MEMBER_RATE = 10.0
HOME, COPY = "app-shop", "app-shop--away"
CLOUDS = {HOME: "local", COPY: "away"}

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
placement: peaks
deployment: little-at-home
cartridges: [{alias: web, cartridge: php, members: {min: 1, max: 9}, autoscaling: by-rate}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: away
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: little-at-home
networkPartitions:
  - {name: home, partitions: [{name: room, max: 4}]}
  - {name: rented, partitions: [{name: room, max: 5}]}
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: peaks
networkPartitions: [home, rented]
burst: {at: 90%, hold: 30s}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: by-rate
thresholds: {requestRate: 10}
damping: {settle: 10s}
"""


@dataclass
class Clock:
    now: float = NOW


class AtOnce(Executor):
    """What is submitted is done when `after` has passed on the clock; with no time at all, at once."""

    def __init__(self, clock: Clock, after: Callable[[], float] = lambda: 0.0) -> None:
        self._clock, self._after = clock, after
        self._due: list[tuple[float, Future[Any], Callable[[], Any]]] = []

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._due.append((self._clock.now + self._after(), future, lambda: call(*arguments, **named)))
        self.run()
        return future

    def run(self) -> None:
        for each in [each for each in self._due if each[0] <= self._clock.now]:
            self._due.remove(each)
            try:
                each[1].set_result(each[2]())
            except Exception as error:
                each[1].set_exception(error)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._due.clear()


class Door:
    """A front door that does as it is told."""

    def __init__(self, world: World) -> None:
        self.weights: dict[str, int] = {CLOUDS[HOME]: 100}
        self._world = world

    def state(self) -> FrontState:
        serving = {CLOUDS[stack]: self._world.serves(CLOUDS[stack]) for stack in self._world.loops}
        return FrontState(
            {c: CloudShare(w, 0.0, serving.get(c, False), 0, 0, 0, 0) for c, w in self.weights.items()}
        )

    def share(self, weights: Mapping[str, int]) -> None:
        assert set(weights) <= set(self.weights), "a cloud that was not put"
        self.weights |= weights


@dataclass
class Stacks:
    """Stands where `Moves` do: a copy is its files."""

    world: World
    say: Say
    give_up: threading.Event

    def burst(self, application: str, cloud: str, scale: ScaleState | None = None) -> Ended:
        world = self.world
        move = world.record = world.record or self._move("burst")
        if world.broken_bursts:
            world.broken_bursts -= 1
            world.record = None
            raise MoveFailed("no hosts there")
        assert cloud == CLOUDS[COPY]
        if not world.exists(COPY):
            members = world.configure(COPY, scale.to_data() if scale is not None else {})
            world.born[COPY] = [world.clock.now - START_SECONDS] * members
        world.door.weights |= {CLOUDS[stack]: world.ready(stack) for stack in CLOUDS}
        world.record = None
        return Ended(move, "done", LEAD_SECONDS)

    def end(self, application: str, cloud: str) -> Ended:
        world = self.world
        move = world.record = world.record or self._move("end")
        if self.give_up.is_set():
            raise MoveInterrupted("given up")
        assert world.door.weights.get(cloud, 0) == 0 or world.ready(HOME), "nobody else serves"
        world.door.weights.pop(cloud, None)
        world.remove(COPY)
        world.record = None
        return Ended(move, "done", END_SECONDS)

    def resume(self, application: str) -> Ended | None:
        move = self.world.record
        if move is None:
            return None
        if self.world.held_elsewhere:
            raise NotOurs("shop: the autoscaler with process 7 has its lease")
        self.say(f"goes on with the {move.words} ({move.step})")
        go_on = self.burst if move.kind == "burst" else self.end
        return go_on("shop", move.cloud)

    def settle(self) -> list[Ended]:
        return []

    def under_way(self, application: str) -> Move | None:
        return self.world.record

    def _move(self, kind: Any) -> Move:
        return Move("shop", kind, CLOUDS[COPY], CLOUDS[HOME], self.world.clock.now)


class Office:
    """The runner: an edit is in the config at once, and its members start."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.edits: list[ScaleEdit] = []

    def submit(self, edit: ScaleEdit) -> Ticket:
        assert self._world.exists(edit.stack), "an edit of a stack that is gone"
        move = self._world.record
        assert move is None or move.cloud != CLOUDS[edit.stack], "a move has this stack"
        self.edits.append(edit)
        config = self._world.config(edit.stack)
        scale = edit.onto(ScaleState.parse(config.get("altostratus:scale")))
        self._world.configure(edit.stack, scale.to_data())
        ticket = Ticket(len(self.edits), edit.stack)
        ticket.succeed(Outcome("applied", scale.generation))
        return ticket

    def apply(self, stack: str, reason: str) -> Ticket:
        ticket = Ticket(0, stack)
        ticket.succeed(Outcome("applied", 0))
        return ticket


@dataclass
class World:
    """All of it; `look` is one period at a request rate over the whole application."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    record: Move | None = None
    away: set[str] = field(default_factory=set)
    broken_bursts: int = 0
    held_elsewhere: bool = False
    unplaced: int = 0
    lost: float = 0.0
    history: list[tuple[float, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cli = Pulumi(
            self.folder, self.folder / "pulumi", self.folder / "state", self.folder / "logs", {}
        )
        (self.folder / "shop.yaml").write_text(SHOP)
        self.loops: dict[str, ApplicationLoop] = {}
        self.born: dict[str, list[float]] = {}
        self.board, self.office, self.door = Board(), Office(self), Door(self)
        self.configure(HOME, {})
        self.born[HOME] = [NOW - 100.0]
        self.start()

    def start(self) -> None:
        """A new autoscaler, which knows only what is in files and in the world."""
        self.loops.clear()
        self.moves = AtOnce(self.clock, self._takes)
        self.mover = Mover(self._moves, lambda: self.clock.now, self.moves)
        doors = Doors(lambda _: self.door, lambda: self.clock.now, AtOnce(self.clock))
        capacity = Capacity(lambda _: (_ for _ in ()).throw(ConnectionError()))
        capacity.keep = lambda _: None  # type: ignore[method-assign, assignment]
        self.watching = Watching(capacity, Leads(self.folder / "leads.json"), self.mover, doors, PERIOD)

    def _moves(self, say: Say, give_up: threading.Event) -> Stacks:
        return Stacks(self, say, give_up)

    def _takes(self) -> float:
        """Moves are told apart by what there is: only one goes on at a time."""
        return END_SECONDS if self.exists(COPY) else LEAD_SECONDS

    # --- files ---

    def edit(self, old: str, new: str) -> None:
        """Change the documents, before the first look."""
        path = self.folder / "shop.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def exists(self, stack: str) -> bool:
        return self.cli.config_path(stack).exists()

    def config(self, stack: str) -> dict[str, Any]:
        return dict(yaml.safe_load(self.cli.config_path(stack).read_text())["config"])

    def configure(self, stack: str, scale: Mapping[str, Any]) -> int:
        """Write a stack's files; its members."""
        keys: dict[str, Any] = {"blueprint": "shop.yaml", "application": "shop", "cloud": CLOUDS[stack]}
        if scale:
            keys["scale"] = dict(scale)
        path = self.cli.config_path(stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in keys.items()}}))
        members = ScaleState.parse(scale or None).clusters.get("web", 1)
        output = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": {"members": {"web": members}}}
        state = self.cli.state_path(stack)
        state.parent.mkdir(parents=True, exist_ok=True)
        state.write_text(json.dumps({"checkpoint": {"latest": {"resources": [output]}}}))
        return members

    def remove(self, stack: str) -> None:
        self.cli.config_path(stack).unlink()
        self.cli.state_path(stack).unlink()
        self.born.pop(stack, None)

    # --- time ---

    def ready(self, stack: str) -> int:
        return sum(self.clock.now - born >= START_SECONDS for born in self.born.get(stack, []))

    def look(self, rate: float) -> None:
        self.clock.now += PERIOD
        self.moves.run()
        self._find()
        self._load(rate)
        loops = self.loops
        for each in loops.values():
            each.read(self.clock.now)
        self.watching.before(loops)
        for stack, each in loops.items():
            seen = None if CLOUDS[stack] in self.away else self._seen(stack)
            beside = [
                (other.view, self._seen(other.stack))
                for other in each.others
                if other.view is not None and CLOUDS[other.stack] not in self.away
            ]
            each.consider(self.clock.now, PERIOD, seen, beside)
        guidance = self.watching.guide(loops, self.clock.now)
        for stack, each in loops.items():
            each.conclude(self.clock.now, guidance[stack]) if stack in guidance else each.conclude(
                self.clock.now
            )
        self.watching.act(loops, self.clock.now)
        self.history.append((rate, self.ready(HOME), self.ready(COPY)))

    def _find(self) -> None:
        for stack in CLOUDS:
            if self.exists(stack) and stack not in self.loops:
                watched = Watched(self.cli, stack)
                self.loops[stack] = ApplicationLoop(watched, self.board, self.office)
            elif not self.exists(stack):
                self.loops.pop(stack, None)

    def _load(self, rate: float) -> None:
        """Requests by weight; those for a cloud without a ready member go to the others, as at the door."""
        weights = {c: w for c, w in self.door.weights.items() if self.serves(c)}
        whole = sum(weights.values()) or 1
        carried = 0.0
        for stack in self.loops:
            share = rate * weights.get(CLOUDS[stack], 0) / whole
            carried += min(share, 1.3 * MEMBER_RATE * self.ready(stack))
            if CLOUDS[stack] not in self.away:
                copy = "home" if stack == HOME else "away"
                place = Place(CLOUDS[stack], "app-shop", copy, "web")
                self.board.take(Measurement(place, REQUEST_RATE, "", share, self.clock.now, PERIOD))
        self.lost += max(0.0, rate - carried) * PERIOD

    def serves(self, cloud: str) -> bool:
        ready = sum(self.ready(stack) for stack, each in CLOUDS.items() if each == cloud)
        return cloud not in self.away and ready > 0

    def _seen(self, stack: str) -> dict[str, SeenCluster]:
        view = self.loops[stack].view
        assert view is not None
        asked = view.clusters["web"].members
        born = self.born.setdefault(stack, [])
        del born[asked:]
        born += [self.clock.now] * (asked - len(born))
        ready = self.ready(stack)
        members = tuple(_member(stack, n, each, n < ready, self.unplaced) for n, each in enumerate(born))
        name = view.clusters["web"].copies[0].name
        return {name: SeenCluster(name, asked, members)}

    # --- what came of it ---

    @property
    def events(self) -> list[tuple[str, str]]:
        """What is in the journal about the whole application, but for its shares."""
        rows = self.loops[HOME].notes.decisions
        return [(r.action, r.reason) for r in rows if not r.cluster and r.action not in {"shared", "copies"}]

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.events if kind not in {"arrived", "confirmed", "waiting"}]

    def until(self, kind: str, rate: float) -> None:
        """Look until this is the last that happened."""
        for _ in range(60):
            self.look(rate)
            if self.kinds[-1:] == [kind]:
                return
        raise AssertionError(f"no {kind}: {self.events}")

    def run(self, rates: list[float]) -> None:
        for rate in rates:
            self.look(rate)


def _member(stack: str, number: int, born: float, ready: bool, unplaced: int) -> SeenMember:
    refused = stack == HOME and unplaced > 0 and number >= unplaced
    state = "Unschedulable: 0/1 nodes are available" if refused else "Ready" if ready else "starting"
    host = "" if refused else "host1"
    started = START_SECONDS if ready and not refused else None
    return SeenMember(
        f"web-{number}", host, ready and not refused, False, False, state, born, started, cpu=1.0
    )


def ramp(low: float, high: float, looks: int) -> list[float]:
    """A load that rises evenly."""
    return [low + (high - low) * math.sin(math.pi / 2 * n / looks) for n in range(looks)]

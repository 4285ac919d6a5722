"""One move at work: its record, its doors, and the two ways to change a stack."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from autoscaler.act.app_stack import PREFIX, AppStack, images_of
from autoscaler.act.footing import read_deployed
from autoscaler.act.pulumi_cli import Pulumi, UpdateResult
from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.burst import world as worlds
from autoscaler.burst.balancer_control import Served
from autoscaler.burst.front_figures import Figured
from autoscaler.burst.front_shares import counted_by
from autoscaler.burst.records import Move, Records
from autoscaler.burst.refusals import CloudAway, MoveInterrupted
from autoscaler.burst.world import Front, Seen, World
from blueprints.deployed import AS_DEPLOYED

if TYPE_CHECKING:
    from autoscaler.burst.replication import Kept

Say = Callable[[str], None]
Act = Callable[..., UpdateResult]

_PULSE_SECONDS = 1.0


@dataclass
class Work:
    """A move, while its lease is held. `notes` are what a person should know at its end, `seconds` what
    each step took, `kept` its clusters with data, once asked for, `held_since` when requests began to wait
    for them, `watched` the front door when the new place had been given its last share."""

    move: Move
    world: World
    records: Records
    say: Say
    give_up: threading.Event
    descriptors: tuple[int, ...] = ()
    forget: bool = False
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    kept: "list[Kept] | None" = None
    held_since: float | None = None
    watched: Seen | None = None

    @property
    def cli(self) -> Pulumi:
        """The CLI, whose updates keep the move's lease as long as they run."""
        return replace(self.world.cli, descriptors=self.descriptors)

    @property
    def stack(self) -> str:
        return self.move.stack

    @property
    def images(self) -> str:
        return images_of(self.stack)

    @property
    def home_stack(self) -> str:
        return worlds.home_of(self.move.application)

    def home(self) -> AppStack:
        return read_deployed(self.cli, self.home_stack)

    @cached_property
    def front(self) -> Front | None:
        """The application's front door, asked for once; with figures, whoever counts them."""
        door = self.world.front(self.move.application)
        if door is None:
            return None
        return Figured(door, self._served, self.world.now, self.world.times.silent)

    def _served(self, cloud: str) -> Served | None:
        stack = self.copies().get(cloud)
        balancer = counted_by(self.outputs(stack)) if stack is not None else None
        return None if balancer is None else self.world.clouds.served(cloud, *balancer)

    def copies(self) -> dict[str, str]:
        return worlds.copies(self.cli, self.move.application)

    def outputs(self, stack: str) -> dict[str, Any]:
        return worlds.outputs(self.cli, stack)

    def note(self, text: str) -> None:
        """Say it, and keep it for the end."""
        self.notes.append(text)
        self.say(text)

    def record(self, **changes: Any) -> None:
        """Change the record, durably, before what follows from it."""
        self.move = replace(self.move, **changes)
        self.records.save(self.move)

    def begin(self, door: Front) -> None:
        """Record, once, what stands behind the front door before this move changes its shares."""
        if self.move.before is None:
            clouds = door.state().clouds.items()
            figures = ("weight", "requests", "errors")
            self.record(before={name: {key: getattr(each, key) for key in figures} for name, each in clouds})

    def stop_here(self) -> None:
        """Raises MoveInterrupted when told to give up."""
        if self.give_up.is_set():
            raise MoveInterrupted(f"the {self.move.words} was interrupted")

    def await_that(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Whether it came true in time. Raises MoveInterrupted."""
        times, until = self.world.times, self.world.now() + seconds
        while not condition():
            self.stop_here()
            if self.world.now() >= until:
                return False
            self.world.wait(times.look)
        return True

    def must_answer(self, cloud: str) -> None:
        """Raises CloudAway when the cloud stays silent."""
        if not self.await_that(lambda: self.world.clouds.answers(cloud), self.world.times.silent):
            raise _away(cloud, self.world.times.silent)

    def up(self, stack: str, cloud: str, *arguments: str) -> UpdateResult:
        """Update a stack, after what a killed update left is cleared. Raises UpdateError, CloudAway."""
        cli = self.cli
        if stack.startswith(PREFIX):
            # A copy is one of what runs at home, and no move deploys what somebody is editing.
            cli = replace(cli, environment={**cli.environment, AS_DEPLOYED: self.home_stack})
        return self._change(cli.up, stack, cloud, *arguments)

    def destroy(self, stack: str, cloud: str) -> UpdateResult:
        """Destroy what a stack made. Raises as `up` does."""
        return self._change(self.cli.destroy, stack, cloud, "--refresh=false")

    def _change(self, act: Act, stack: str, cloud: str, *arguments: str) -> UpdateResult:
        until, told = self.world.now() + self.world.times.locked, False
        while True:
            self.stop_here()
            try:
                for each in self.world.recovered(self.cli, stack):
                    self.say(f"{stack}: {each}")
                result = self._watched(act, stack, cloud, *arguments)
                counts = ", ".join(f"{count} {what}" for what, count in result.changes.items())
                self.say(f"{stack}: {counts or 'nothing to do'}")
                return result
            except StackConflict as conflict:
                if self.world.now() >= until:
                    raise
                if not told:
                    self.say(f"{stack}: waits for another update. {str(conflict).splitlines()[0]}")
                    told = True
                self.world.wait(max(self.world.times.look, 0.2))

    def _watched(self, act: Act, stack: str, cloud: str, *arguments: str) -> UpdateResult:
        """An update waits long for a cloud that has died: so its API server is watched beside it."""
        with _watch(self, cloud) as (ended_by_us, away):
            try:
                return act(stack, *arguments, give_up=ended_by_us)
            except StackConflict:
                raise
            except UpdateError as error:
                if away.is_set():
                    raise _away(cloud, self.world.times.silent) from error
                self.stop_here()
                if cloud and not self.world.clouds.answers(cloud):
                    raise CloudAway(f"the cloud {cloud} does not answer; {error}") from error
                raise


@contextmanager
def _watch(work: Work, cloud: str) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Two events: the update is to end; and it is to end because its cloud is away."""
    end, away, over = threading.Event(), threading.Event(), threading.Event()

    def look() -> None:
        heard = time.monotonic()
        while not over.wait(_PULSE_SECONDS):
            if work.give_up.is_set():
                end.set()
            if not cloud or work.world.clouds.answers(cloud):
                heard = time.monotonic()
            elif time.monotonic() - heard > work.world.times.silent:
                away.set()
                end.set()

    thread = threading.Thread(target=look, name="cloud", daemon=True)
    thread.start()
    try:
        yield end, away
    finally:
        over.set()


def _away(cloud: str, seconds: float) -> CloudAway:
    return CloudAway(f"the API server of the cloud {cloud} has not answered for {seconds:.0f} s")


def ready_members(work: Work, stack: str) -> int:
    """Members of a copy that are ready now; those that it should have where its cloud does not say."""
    known = work.outputs(stack)
    try:
        found = work.world.clouds.ready(known["cloud"], known["namespace"], copy_of(work, stack))
    except (ConnectionError, KeyError):
        members: Mapping[str, int] = known.get("members") or {}
        return sum(map(int, members.values()))
    return sum(ready for _, ready in found.values())


def copy_of(work: Work, stack: str) -> str:
    """What a copy's members are labelled with."""
    return AppStack.read(work.cli, stack).copy

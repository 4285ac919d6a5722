"""Copies of an application in other clouds, and its move from one to another: the one door to all three.

    moves = Moves(world, paths.home() / "moves")
    moves.burst("shop", "away")        # a copy in the cloud away, made, checked, and given its share
    moves.overflow("shop", "away", ["web"], scale)  # a place there for members of single clusters
    moves.end("shop", "away")          # drained, checked to serve nothing, destroyed
    moves.migrate("shop", "away")      # away is its home afterwards
    moves.resume("shop")               # go on with what a killed process left

Every call blocks until the move has ended and may take minutes. One move of an application goes on at a
time, whoever asked for it: a lease on a file, which the kernel frees when its holder dies.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from autoscaler.act.app_stack import images_of
from autoscaler.act.lease import FileLease, FileLeases
from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.burst import asking, cold, leaving, shifting
from autoscaler.burst import world as worlds
from autoscaler.burst.records import Kind, Move, Records
from autoscaler.burst.refusals import CloudAway, MoveFailed, MoveInterrupted, MoveRefused, MoveUnderWay
from autoscaler.burst.steps import Step, steps
from autoscaler.burst.work import Say as Say
from autoscaler.burst.work import Work
from autoscaler.burst.world import World
from blueprints.scale import ScaleState

Result = Literal["done", "nothing to do", "owed"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a move ended. `owed`: the copy is out of use, and goes when its cloud answers again.

    `seconds` are of the whole, `steps` of each step by its name.
    """

    move: Move
    result: Result
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    steps: Mapping[str, float] = field(default_factory=dict)


class Moves:
    """Thread-safe; several applications can move at the same time.

    `give_up`: set it to stop between two steps, or in the middle of an update, in order. `by_itself`: no
    person asks, so a burst makes no hosts where the application's policy says `cloud: warm`.
    """

    def __init__(
        self,
        world: World,
        folder: Path,
        *,
        say: Say = print,
        give_up: threading.Event | None = None,
        by_itself: bool = False,
    ) -> None:
        self.world = world
        self.records = Records(folder)
        self.say = say
        self.give_up = give_up or threading.Event()
        self.by_itself = by_itself
        self._leases = FileLeases(folder)
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def burst(self, application: str, cloud: str, scale: ScaleState | None = None) -> Ended:
        """Make a copy in a cloud and give it its share of the traffic; `scale` is what it begins with.

        Calls off an end of this copy that was interrupted, however far it was.
        Raises MoveRefused (nothing was changed), MoveUnderWay (another move), MoveFailed (the
        copy is gone again, or the message says what is left), MoveInterrupted.
        """
        with self._held(application) as descriptors:
            move = self._taken_up(application, "burst", cloud, descriptors)
            if move is None:
                home = asking.home_of(self.world.cli, application)
                if home.cloud == cloud:
                    raise MoveRefused(f"{application} is at home in {cloud} already")
                asking.may_go(self.world, home, cloud, "burst", by_itself=self.by_itself)
                begin = None if scale is None else scale.at_rest().to_data()
                move = Move(application, "burst", cloud, home.cloud, self.world.now(), scale=begin)
                follows = asking.data_follows(home, "burst")
                move = replace(move, follows=follows, existed=self._is_there(move))
            return self._go(move, descriptors)

    def overflow(self, application: str, cloud: str, clusters: Sequence[str], scale: ScaleState) -> Ended:
        """Make a place for members of these clusters beside the home; `scale` is what it begins with.

        Who is ready there is for the loop to tell the home's load balancers. Calls off an end, and raises,
        as `burst` does.
        """
        with self._held(application) as descriptors:
            move = self._taken_up(application, "overflow", cloud, descriptors)
            if move is None:
                home = asking.home_of(self.world.cli, application)
                if home.cloud == cloud:
                    raise MoveRefused(f"{application} is at home in {cloud} already")
                asking.may_overflow(self.world, home, cloud, clusters)
                begin = scale.at_rest().to_data()
                move = Move(application, "overflow", cloud, home.cloud, self.world.now(), scale=begin)
                move = replace(move, existed=self._is_there(move))
            return self._go(replace(move, clusters=tuple(clusters)), descriptors)

    def end(self, application: str, cloud: str, *, forget: bool = False) -> Ended:
        """Take the copy out of the traffic, wait until it serves nothing, remove it.

        Turns round a burst or a migration that was killed. Where the cloud does not answer the end is
        `owed`; `forget` drops what is known of the copy instead. Raises as `burst` does.
        """
        with self._held(application) as descriptors:
            left = self.records.load(application)
            if left is not None and (left.cloud != cloud or left.passed):
                raise _other(left)
            if left is None:
                orphan = Move(application, "end", cloud, "", self.world.now())
                # A copy whose home was destroyed before it can still be removed.
                if not self.world.cli.exists(worlds.home_of(application)) and self._anything(orphan):
                    return self._go(orphan, descriptors, forget=forget)
                home = asking.home_of(self.world.cli, application)
                if home.cloud == cloud:
                    raise MoveRefused(f"{cloud} is the home of {application}, and no copy of it")
                move = replace(orphan, home=home.cloud)
                if not self._anything(move):
                    return Ended(move, "nothing to do")
            elif left.kind == "migrate":
                move = replace(left, turned=left.turned or "asked to end")
                if not forget and shifting.lost(self._work(move, descriptors)):
                    raise MoveFailed(
                        f"{shifting.LOST.format(left.home)}, and only {cloud} serves {application}\n"
                        f"  Go on with: alto migrate {application} --to {cloud}"
                    )
            else:
                move = replace(left, kind="end", turned="", existed=False, before=None)
            return self._go(move, descriptors, forget=forget)

    def migrate(self, application: str, cloud: str) -> Ended:
        """Make another cloud the application's home. Raises as `burst` does."""
        with self._held(application) as descriptors:
            move = self._taken_up(application, "migrate", cloud, descriptors)
            if move is None:
                home = asking.home_of(self.world.cli, application)
                move = Move(application, "migrate", cloud, home.cloud, self.world.now())
                if home.cloud == cloud:
                    return Ended(move, "nothing to do")
                asking.may_go(self.world, home, cloud, "migrate")
                # What arrives has to carry what is there.
                follows = asking.data_follows(home, "migrate")
                scale, existed = home.scale.at_rest().to_data(), self._is_there(move)
                move = replace(move, scale=scale, follows=follows, existed=existed)
            return self._go(move, descriptors)

    def resume(self, application: str) -> Ended | None:
        """Go on with the move that a killed or interrupted process left; None where there is none."""
        with self._held(application) as descriptors:
            left = self.records.load(application)
            return None if left is None else self._go(left, descriptors, resumed=True)

    def settle(self) -> list[Ended]:
        """Do what is owed and can be done now: copies in clouds that answer again, cold clouds kept long
        enough. Cheap when there is nothing; for a loop to call now and then."""
        ended = []
        for move in self.records.owed():
            gone = not worlds.made(self.world.cli, f"hosts-{move.cloud}")
            free = self.records.load(move.application) is None
            if free and (gone or self.world.clouds.answers(move.cloud)):
                with self._later():
                    ended.append(self.end(move.application, move.cloud))
        cold.look(self.world, self.records)
        for each in cold.due(self.records.colds(), self.world.now()):
            with self._later(), self._held(cold.lease_of(each.cloud)) as descriptors:
                cold.remove(self.world, self.records, each, self.say, self.give_up, descriptors)
        return ended

    @contextmanager
    def _later(self) -> Iterator[None]:
        """What cannot be done now is tried again at the next call; one does not keep another waiting."""
        try:
            yield
        except (StackConflict, UpdateError, MoveFailed, MoveRefused) as error:
            self.say(f"put off: {error}")

    def under_way(self, application: str) -> Move | None:
        """The move that goes on, or was left by a killed process."""
        return self.records.load(application)

    def all(self) -> list[Move]:
        """Every move under way or left."""
        return self.records.all()

    def copies(self, application: str) -> dict[str, str]:
        """The application's stacks that have made something, by cloud, its home's first."""
        return worlds.copies(self.world.cli, application)

    # --- how ---

    @contextmanager
    def _held(self, application: str) -> Iterator[tuple[int, ...]]:
        """The lease of an application's moves. Raises MoveUnderWay."""
        with self._lock:
            if application in self._busy:
                raise MoveUnderWay(f"{application}: another move goes on in this process")
            self._busy.add(application)
        try:
            lease = self._take(application)
            try:
                yield lease.descriptors
            finally:
                self._leases.release(application)
        finally:
            with self._lock:
                self._busy.discard(application)

    def _take(self, application: str) -> FileLease:
        until, told = self.world.now() + self.world.times.locked, False
        while True:
            try:
                return self._leases.hold(application)
            except NotOurs as held:
                raise MoveUnderWay(f"{application}: another process is at a move of it ({held})") from held
            except StackConflict as conflict:  # its holder was killed, and what it had started still runs
                if self.world.now() >= until or self.give_up.is_set():
                    raise
                if not told:
                    self.say(f"{conflict}; waits for its end")
                    told = True
                self.world.wait(0.2)

    def _taken_up(
        self, application: str, kind: Kind, cloud: str, descriptors: tuple[int, ...]
    ) -> Move | None:
        """The move of this kind that was left, to go on with. One that was being undone is undone first."""
        left = self.records.load(application)
        if left is None:
            return None
        if kind in ("burst", "overflow") and (left.kind, left.cloud) == ("end", cloud):
            self.say(f"calls off the {left.words} ({left.step or 'just begun'}): it is needed again")
            return replace(left, kind=kind, turned="", step="")
        if (left.kind, left.cloud) != (kind, cloud):
            raise _other(left)
        if left.turned:
            self._go(left, descriptors, resumed=True)
            return None
        self.say(f"goes on with the {left.words} ({left.step or 'just begun'})")
        return left

    def _is_there(self, move: Move) -> bool:
        """Whether the copy is there already, and is to stay."""
        owed = any(each.cloud == move.cloud for each in self.records.owed(move.application))
        return not owed and worlds.made(self.world.cli, move.stack)

    def _anything(self, move: Move) -> bool:
        """Whether anything of a copy is there."""
        cli, images = self.world.cli, images_of(move.stack)
        if any(cli.exists(each) or cli.config_path(each).exists() for each in (move.stack, images)):
            return True
        if self.records.owed(move.application):
            return True
        door = self.world.front(move.application)
        return door is not None and move.cloud in door.state().clouds

    def _go(
        self, move: Move, descriptors: tuple[int, ...], *, forget: bool = False, resumed: bool = False
    ) -> Ended:
        begun = self.world.now()
        work = self._work(move, descriptors, forget=forget)
        if resumed:
            self.say(f"goes on with the {move.words} ({move.step or 'just begun'})")
        if move.turned and not forget and shifting.lost(work):
            self.say(f"{shifting.LOST.format(move.home)}: goes on")
            work.record(turned="")
        back = bool(work.move.turned) or move.kind == "end"
        result = self._leave(work) if back else self._forward(work)
        return Ended(work.move, result, self.world.now() - begun, tuple(work.notes), work.seconds)

    def _work(self, move: Move, descriptors: tuple[int, ...], *, forget: bool = False) -> Work:
        return Work(move, self.world, self.records, self.say, self.give_up, descriptors, forget)

    def _forward(self, work: Work) -> Result:
        try:
            self._walk(work, steps(work.move))
        except (MoveInterrupted, StackConflict):
            raise
        except Exception as error:
            if work.move.passed:
                raise MoveFailed(
                    f"{error}\n  There is no way back from {work.move.cloud}; go on with: "
                    f"alto migrate {work.move.application} --to {work.move.cloud}"
                ) from error
            if shifting.lost(work):
                raise MoveFailed(
                    f"{error}\n  {shifting.LOST.format(work.move.home)}; go on with: "
                    f"alto migrate {work.move.application} --to {work.move.cloud}"
                ) from error
            work.record(turned=next(iter(str(error).splitlines()), type(error).__name__))
            self.say(f"failed: {work.move.turned}; undoes what was done")
            undone = self._leave(work)
            after = "What was made is removed again."
            if undone == "owed":
                after = f"The copy is out of use and is removed when {work.move.cloud} answers again."
            elif work.move.existed:
                after = f"The copy in {work.move.cloud} was there before, and stays with its share."
            raise MoveFailed(f"the {work.move.what} failed: {error}\n  {after}") from error
        return "done"

    def _leave(self, work: Work) -> Result:
        try:
            self._walk(work, steps(work.move))
        except CloudAway as away:
            # Out of the traffic it is; the rest waits, and stands in nobody's way.
            end = Move(work.move.application, "end", work.move.cloud, work.move.home, work.move.begun)
            leaving.owe(work, end, away)
            self.records.remove(work.move)
            return "owed"
        return "done"

    def _walk(self, work: Work, path: Sequence[Step]) -> None:
        for name, do in path:
            work.stop_here()
            work.record(step=name)
            begun = self.world.now()
            do(work)
            work.seconds[name] = self.world.now() - begun
        self.records.remove(work.move)


def _other(left: Move) -> MoveUnderWay:
    go_on = f"alto {'migrate' if left.kind == 'migrate' else 'burst'} {left.application} --to {left.cloud}"
    undo = "" if left.passed else f", or undo it: alto burst {left.application} --to {left.cloud} --end"
    end = " --end" if left.kind == "end" else ""
    return MoveUnderWay(f"the {left.words} was begun and not ended\n  Go on with it: {go_on}{end}{undo}")

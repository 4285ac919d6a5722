"""The steps that end a copy: no traffic, nothing in flight, nothing left. Each looks first."""

import shutil
from collections.abc import Callable
from contextlib import suppress

from autoscaler.act import checkpoint_files, stack_config, stack_lock
from autoscaler.act.app_stack import AUTOSCALING, CLOUD, PREFIX
from autoscaler.act.lease import FileLeases
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.burst import world as worlds
from autoscaler.burst.copy_config import paused
from autoscaler.burst.records import Move
from autoscaler.burst.refusals import CloudAway, MoveFailed
from autoscaler.burst.work import Work
from autoscaler.burst.world import Front
from autoscaler.observe.members import APPLICATION_LABEL
from toolchain import paths

_TRIES = 3
FRESH = 1.0
"""Figures of load balancers are younger than this, in seconds."""


def rest(work: Work) -> None:
    """The autoscaler leaves the copy as it is."""
    pause(work, work.stack)


def pause(work: Work, stack: str) -> None:
    """The autoscaler leaves a stack as it is: an update of its would make anew what is being removed."""
    path = work.cli.config_path(stack)
    if path.exists() and work.cli.exists(stack):
        work.cli.configure(stack, {AUTOSCALING: paused(stack_config.read(path).get(AUTOSCALING))})


def drain(work: Work) -> None:
    """The copy serves nothing any more."""
    empty(work, work.move.cloud)


def _unseen() -> bool:
    return False


def empty(work: Work, cloud: str, look: Callable[[], bool] = _unseen) -> None:
    """No new requests for a cloud, and those in flight have ended or had their time.

    `look` is called again and again meanwhile, for what it raises.
    """
    door = work.front
    if door is None or cloud not in door.state().clouds:
        return
    _turn_away(work, door, cloud)
    state, since = door.state(), [float("inf")]
    if not state.counted:
        # Whoever asked for the name before goes on coming until then.
        work.await_that(look, state.settles)

    def quiet() -> bool:
        """Idle for as long as figures may be old: a long request must not be missed."""
        look()
        now = work.world.now()
        since[0] = min(since[0], now) if _idle(door, cloud) else float("inf")
        return now - since[0] >= (state.settles if state.counted else FRESH) or _dead(work, door, cloud)

    if not work.await_that(quiet, work.world.times.drain):
        each = door.state().clouds[cloud]
        work.note(
            f"{each.in_flight + each.queued} requests were still in flight in {cloud} after "
            f"{work.world.times.drain:.0f} s of draining"
        )


def _turn_away(work: Work, door: Front, cloud: str) -> None:
    if not work.forget and not work.await_that(lambda: _others_serve(door, cloud), work.world.times.serve):
        raise MoveFailed(
            f"{cloud} is the only cloud that serves {work.move.application}: without it nobody would answer\n"
            f"  Bring another to serve (alto lb {work.move.application} shows them), then run this again."
        )
    others = {name: each.weight for name, each in door.state().clouds.items() if name != cloud}
    heir = work.move.home if cloud != work.move.home else work.move.cloud
    if not any(others.values()) and others:
        others[heir if heir in others else next(iter(others))] = 100
    door.share({**others, cloud: 0})
    work.say(f"the front door sends nothing to {cloud} any more")


def _others_serve(door: Front, cloud: str) -> bool:
    """Whether the door reaches another cloud, where it has one and this one serves at all."""
    clouds = door.state().clouds
    others = [each.serving for name, each in clouds.items() if name != cloud]
    return not others or any(others) or not clouds[cloud].serving


def _idle(door: Front, cloud: str) -> bool:
    each = door.state().clouds.get(cloud)
    return each is None or each.in_flight + each.queued == 0


def _dead(work: Work, door: Front, cloud: str) -> bool:
    """Whether what is in flight there will never be answered."""
    each = door.state().clouds.get(cloud)
    return each is not None and not each.serving and not work.world.clouds.answers(cloud)


def close_door(work: Work) -> None:
    """The front door does not know the copy any more."""
    drop(work, work.move.cloud)


def drop(work: Work, cloud: str) -> None:
    """A cloud is out of the front door."""
    door = work.front
    if door is None or cloud not in door.state().clouds:
        return
    known = {each: worlds.addresses(work.cli, stack) for each, stack in work.copies().items()}
    there = door.state().clouds
    door.put({each: found for each, found in known.items() if found and each != cloud and each in there})


def destroy(work: Work) -> None:
    """What the copy made is gone, and its stacks. Raises CloudAway where its cloud does not answer."""
    remove(work, work.stack, work.move.cloud)
    remove(work, work.images, work.move.cloud)


def remove(work: Work, stack: str, cloud: str) -> None:
    """Destroy a stack and forget it, with its config."""
    cli = work.cli
    for _ in range(_TRIES):
        if not cli.exists(stack):
            break
        if _gone(work, stack, cloud):
            break
        if worlds.made(cli, stack):
            work.say(f"{stack}: is being removed")
            work.destroy(stack, cloud)
        try:
            cli.remove(stack)
        except UpdateError:
            if not worlds.made(cli, stack):
                raise
            # Somebody's update came between: what it made goes as well.
    if cli.exists(stack):
        raise MoveFailed(f"{stack} is made anew again and again by somebody; stop that, then run this again")
    forget_files(work, stack)


def _gone(work: Work, stack: str, cloud: str) -> bool:
    """Forget the stack where its cloud is gone for good, or is given up; whether it was forgotten."""
    if not worlds.made(work.cli, stack):
        return False
    if not worlds.made(work.cli, f"hosts-{cloud}"):
        why = f"the cloud {cloud} is gone"
    elif work.world.clouds.answers(cloud):
        return False
    elif work.forget:
        why = f"the cloud {cloud} does not answer"
    else:
        work.must_answer(cloud)
        return False
    for each in work.world.recovered(work.cli, stack):
        work.say(f"{stack}: {each}")
    work.cli.remove(stack, force=True)
    work.note(
        f"{stack} was forgotten without its orderly end: {why}. If it comes back with old members the next "
        f"burst to it replaces them; by hand: kubectl delete namespace app-{work.move.application}"
    )
    return True


def owe(work: Work, end: Move, away: CloudAway) -> None:
    """What is left in a cloud is out of use, and is removed when that cloud answers."""
    work.records.owe(end)
    work.note(
        f"{away}. What {end.application} has there serves nothing any more; it is removed when the cloud "
        f"answers: alto burst {end.application} --to {end.cloud} --end (--forget where it is gone for good)"
    )


def forget_files(work: Work, stack: str) -> None:
    """Nothing on this machine goes by the stack's name any more."""
    config = work.cli.config_path(stack)
    config.unlink(missing_ok=True)
    for beside in config.parent.glob(f".{config.name}.*"):  # its lock, and what a killed writer left
        beside.unlink(missing_ok=True)
    state = work.cli.state_path(stack)
    for suffix in (".bak", ".bak.attrs"):
        state.with_name(state.name + suffix).unlink(missing_ok=True)
    for half in checkpoint_files.unfinished(state):
        half.unlink(missing_ok=True)
    backend = work.cli.state / ".pulumi"
    for folder in ("locks/organization", "backups", "history"):
        with suppress(OSError):
            (backend / folder / PROJECT / stack).rmdir()
    if not work.move.turned:  # a failure's log is still to be read
        for log in work.cli.logs.glob(f"{stack}.log*"):
            log.unlink(missing_ok=True)
    home = paths.home()
    if stack.startswith("images-"):
        shutil.rmtree(home / "builds" / stack, ignore_errors=True)
    (home / "supervision" / f"{stack}.json").unlink(missing_ok=True)
    leases = FileLeases(home / "leases")
    if (home / "leases" / f"{stack}.lease").exists():
        with suppress(NotOurs, StackConflict):  # an autoscaler that runs keeps its own until its end
            leases.hold(stack)
            leases.release(stack)


def nothing_left(work: Work) -> None:
    """The cloud has nothing of the copy any more, and nothing is owed."""
    cloud, space = work.move.cloud, f"app-{work.move.application}"
    if worlds.made(work.cli, f"hosts-{cloud}") and work.world.clouds.answers(cloud):
        try:
            gone = work.await_that(lambda: not _ours(work, cloud, space), work.world.times.namespace)
        except ConnectionError as error:
            raise CloudAway(f"the cloud {cloud} does not answer: {error}") from error
        if not gone:
            raise MoveFailed(
                f"the namespace {space} in {cloud} does not end; kubectl describe namespace {space} says why"
            )
    work.records.settle(work.move.application, cloud)
    if work.records.cold(cloud) is not None and not used(work.cli, cloud):
        work.records.leave_cloud(cloud, work.world.now())


def _ours(work: Work, cloud: str, space: str) -> bool:
    """Whether a namespace holds what a copy made; data that is kept, and other people's, is none of it."""
    labels = work.world.clouds.namespace(cloud, space)
    if labels is None or labels.get(APPLICATION_LABEL) != work.move.application:
        return False
    return not work.world.clouds.has_data(cloud, space)


def used(cli: Pulumi, cloud: str) -> bool:
    """Whether any application is in a cloud, or an update begins to make one there."""
    return any(_is_in(cli, each, cloud) for each in cli.stacks() if each.startswith(PREFIX))


def _is_in(cli: Pulumi, stack: str, cloud: str) -> bool:
    if not worlds.made(cli, stack) and not any(stack_lock.locks(cli.state, PROJECT, stack)):
        return False
    if worlds.outputs(cli, stack).get("cloud") == cloud:
        return True
    try:
        # There are outputs only after a first update has ended.
        return bool(stack_config.read(cli.config_path(stack)).get(CLOUD) == cloud)
    except stack_config.ConfigUnreadable:
        return True  # it may be, and nothing is removed on a guess

"""Host clusters that were made for a burst, and go when nobody has used them for their time."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from autoscaler.act.lease import FileLeases
from autoscaler.act.refusals import NotOurs
from autoscaler.act.update_errors import StackConflict
from autoscaler.burst import leaving
from autoscaler.burst import world as worlds
from autoscaler.burst.records import Cold, Move, Records
from autoscaler.burst.work import Say, Work
from autoscaler.burst.world import World


def due(colds: Iterable[Cold], now: float) -> list[Cold]:
    """Those that nobody has used for as long as they are kept. Pure."""
    return [each for each in colds if each.idle is not None and now - each.idle >= each.keep]


def look(world: World, records: Records) -> None:
    """Note which clouds are in use, whatever made or ended the applications there."""
    wanted = {each.cloud for each in records.all()}
    for each in records.colds():
        if each.cloud in wanted or leaving.used(world.cli, each.cloud):
            records.use_cloud(each.cloud)
        else:
            records.leave_cloud(each.cloud, world.now())


def lease_of(cloud: str) -> str:
    """The name of the lease of whoever makes or removes a cloud."""
    return f"cloud-{cloud}"


@contextmanager
def alone(work: Work, cloud: str) -> Iterator[None]:
    """Nobody else makes or removes the cloud meanwhile, which is waited for.

    Raises StackConflict where somebody is at it for longer than `Times.locked`, and MoveInterrupted.
    """
    # Of its own: a lease that this process has elsewhere is somebody else's here.
    leases, descriptors = FileLeases(work.records.folder), work.descriptors
    conflict: Exception | None = None

    def ours() -> bool:
        nonlocal conflict
        try:
            lease = leases.hold(lease_of(cloud))
        except (NotOurs, StackConflict) as error:
            if conflict is None:
                work.say(f"waits for the cloud {cloud}, which somebody makes or removes ({error})")
            conflict = error
            return False
        # Updates keep it, too: one that outlives a killed mover is not overtaken.
        work.descriptors = (*descriptors, *lease.descriptors)
        return True

    if not work.await_that(ours, work.world.times.locked):
        raise StackConflict(f"the cloud {cloud} is being made or removed: {conflict}") from conflict
    try:
        yield
    finally:
        work.descriptors = descriptors
        leases.release(lease_of(cloud))


def remove(
    world: World,
    records: Records,
    cold: Cold,
    say: Say,
    give_up: threading.Event,
    descriptors: tuple[int, ...] = (),
) -> None:
    """Destroy a cloud's platform and hosts; their config stays, so that they can be made again."""
    known = records.cold(cold.cloud)
    if known is None or known.idle is None:
        return
    work = Work(Move("", "end", cold.cloud, "", world.now()), world, records, say, give_up, descriptors)
    hosts = f"hosts-{cold.cloud}"
    for each in world.recovered(work.cli, hosts):  # whoever updates it now is not overtaken
        say(f"{hosts}: {each}")
    if known.made not in ("", worlds.mark_of(work.cli, hosts)):
        say(f"the cloud {cold.cloud} was made for a burst; people have updated it since: it stays")
        records.forget_cloud(cold.cloud)
        return
    if leaving.used(work.cli, cold.cloud) or any(each.cloud == cold.cloud for each in records.all()):
        records.use_cloud(cold.cloud)
        return
    say(f"the cloud {cold.cloud} was made for a burst and has not been used for {cold.keep:.0f} s: it goes")
    for stack in (f"platform-{cold.cloud}", hosts):
        if stack == hosts:
            records.mark_cloud(cold.cloud, "")  # killed in the middle, what is left is ours still
        if worlds.made(world.cli, stack):
            work.destroy(stack, "")
    world.dropped(cold.cloud)
    records.forget_cloud(cold.cloud)

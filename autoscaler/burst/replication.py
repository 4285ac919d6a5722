"""The steps by which an application's data moves with it: home refuses writes, the followers in the new
cloud have all of it, and are promoted. At no moment do two take writes.

Every command is one that the cartridge declares, can be run again at any time, and outlives its member. What
cannot be taken back is the promotion: the record says `passed` before the first of them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from autoscaler.act.app_stack import DATA
from autoscaler.act.footing import read_deployed
from autoscaler.burst import world as worlds
from autoscaler.burst.refusals import CloudAway, MoveFailed
from autoscaler.burst.work import Work
from autoscaler.burst.world import CommandFailed
from blueprints.following import data_clusters, followed_of
from blueprints.kinds.replication import Replication
from blueprints.plan import PlannedCluster

AT_ONCE = 8


@dataclass(frozen=True)
class Kept:
    """A cluster with data: what its member is called in both clouds, and what can be asked of it."""

    id: str
    member: str
    cluster: PlannedCluster
    replication: Replication


def kept(work: Work) -> list[Kept]:
    """The application's clusters with data, as the copy has them; none once the copy is the home."""
    if not work.cli.exists(work.stack) or not work.cli.config_path(work.stack).exists():
        return []
    copy = read_deployed(work.cli, work.stack)
    plan = copy.documents().plan(copy.application, copy.scale.at_rest(), copy.copy)
    found = (plan.clusters[id] for id in data_clusters(plan))
    return [
        # Who can be followed has one member.
        Kept(each.id, f"{each.name}-0", each, each.cartridge.replication)
        for each in found
        if each.cartridge.replication is not None
    ]


def free(work: Work) -> None:
    """Home takes writes and serves: whatever a mover that was killed or turned round had begun.

    Raises MoveFailed where home does not answer: what follows it may then be the only data there is.
    """
    away: CloudAway | None = None
    if worlds.made(work.cli, work.stack):
        try:
            _each(work, lambda one: _run(work, work.move.home, one, one.replication.writable))
        except CloudAway as error:
            away = error
    if (door := work.front) is not None:
        door.hold(())  # nobody waits for a home that is away: what reads is served
    if away is not None:
        raise MoveFailed(
            f"{away}\n  Its data may take no writes, and nothing is removed before it has been asked: bring "
            f"{work.move.home} back, then run this again."
        ) from away


def hold(work: Work) -> None:
    """New requests wait at the front door, and those in flight have ended or had their time."""
    _look(work)  # nobody shall wait for that
    door = work.front
    if door is None or work.move.cloud not in door.state().clouds:
        return
    work.begin(door)
    if not door.hold(tuple(door.state().clouds)):
        work.note("the front door cannot let requests wait: those that write during the switch fail")
        return
    work.held_since = work.world.now()
    work.say("new requests wait at the front door")

    def quiet() -> bool:
        return not any(each.in_flight for each in door.state().clouds.values())

    if not work.await_that(quiet, work.world.times.held):
        left = sum(each.in_flight for each in door.state().clouds.values())
        work.note(f"{left} requests were still in flight when the data changed hands")


def lead(work: Work) -> None:
    """Who asks for whoever takes writes comes to the new members: they refuse still, and take them soon."""
    space = _namespace(work)

    def to_followers(one: Kept) -> None:
        port = followed_of(one.cluster)
        work.world.clouds.lead(work.move.cloud, space, port.primary, one.cluster.selector, port.port)

    _each(work, to_followers)


def read_only(work: Work) -> None:
    """Home takes no writes any more, and its clients' connections have ended."""
    _each(work, lambda one: _run(work, work.move.home, one, one.replication.read_only))
    work.say(f"the data in {work.move.home} takes no writes any more")


def catch_up(work: Work) -> None:
    """The followers have all that home has. Raises MoveFailed."""

    def same(one: Kept) -> None:
        position = _run(work, work.move.home, one, one.replication.position).strip()

        def reached() -> bool:
            try:
                _run(work, work.move.cloud, one, (*one.replication.reached, position))
            except CommandFailed:
                return False
            return True

        if not work.await_that(reached, work.world.times.caught_up):
            raise MoveFailed(
                f"{one.id} in {work.move.cloud} has not caught up with {work.move.home} within "
                f"{work.world.times.caught_up:.0f} s{_behind(work, one)}"
            )

    _each(work, same)


def promote(work: Work) -> None:
    """The data in the new cloud stands on its own and takes writes."""
    _each(work, lambda one: _run(work, work.move.cloud, one, one.replication.promote))
    if work.cli.exists(work.stack):
        work.cli.configure(work.stack, {DATA: "promoted"})
        work.say(f"the data in {work.move.cloud} takes the writes")


def over(work: Work) -> None:
    """All requests, those that waited among them, go to the new cloud."""
    door, home, cloud = work.front, work.move.home, work.move.cloud
    if door is None or not {home, cloud} <= set(door.state().clouds):
        return
    door.share({**dict.fromkeys(door.state().clouds, 0), cloud: 100})
    door.hold((home,))
    since = work.held_since
    waited = f"; requests waited {work.world.now() - since:.1f} s at most" if since is not None else ""
    work.say(f"all traffic goes to {cloud}{waited}")


def stand(work: Work) -> None:
    """The copy's stack says what its data is now, and has nothing of its home's any more."""
    if work.cli.exists(work.stack):
        work.up(work.stack, work.move.cloud, "--refresh=false")


def tell_of_old(work: Work) -> None:
    """Data that is kept stays where it was, for whoever wants it."""
    space, home = f"app-{work.move.application}", work.move.home
    try:
        there = worlds.made(work.cli, f"hosts-{home}") and work.world.clouds.has_data(home, space)
    except ConnectionError:
        return
    if there:
        work.note(
            f"the data as it was is still in {home} and takes no writes; drop it with: "
            f"kubectl delete namespace {space} (alto env --cloud {home})"
        )


def _behind(work: Work, one: Kept) -> str:
    """By how much, as far as anybody can tell."""
    try:
        said = _run(work, work.move.cloud, one, one.replication.behind) if one.replication.behind else ""
    except (CommandFailed, CloudAway):
        return ""
    return f", and is {said.strip()} s behind" if said.strip() else ""


def _namespace(work: Work) -> str:
    return str(work.outputs(work.stack).get("namespace") or f"app-{work.move.application}")


def _each(work: Work, do: Callable[[Kept], object]) -> None:
    """For all clusters side by side: requests wait meanwhile. Raises what the first of them raised."""
    with ThreadPoolExecutor(AT_ONCE, "data") as pool:
        for done in [pool.submit(do, one) for one in _look(work)]:
            done.result()


def _look(work: Work) -> list[Kept]:
    if work.kept is None:
        work.kept = kept(work)
    return work.kept


def _run(work: Work, cloud: str, one: Kept, command: Sequence[str]) -> str:
    try:
        return work.world.clouds.run(cloud, _namespace(work), one.member, command)
    except ConnectionError as error:
        raise CloudAway(f"{one.id} in {cloud} cannot be asked: {error}") from error

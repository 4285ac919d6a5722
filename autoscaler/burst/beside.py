"""The end of members beside the home: its load balancers let go of them first. Each step looks first."""

from autoscaler.act.app_stack import AppStack
from autoscaler.burst.work import Work


def let_go(work: Work) -> None:
    """The home's load balancers have no members in the copy's cloud any more, and no request there."""
    where = _home(work)
    if where is None or not _is_beside(work):
        return
    clouds, cloud = work.world.clouds, work.move.cloud

    def gone() -> bool:
        # Told again at each look: who told them last may not have heard yet that they are to go.
        for balancer, named in clouds.told(*where).items():
            if cloud in named:
                clouds.tell(*where, balancer, {}, (cloud,))
        return clouds.holding(*where, cloud) is None

    try:
        if not work.await_that(gone, work.world.times.drain):
            held = clouds.holding(*where, cloud) or 0
            work.note(
                f"{held} requests were still with members in {cloud} after "
                f"{work.world.times.drain:.0f} s of draining"
            )
    except ConnectionError as error:
        # Without its API server the home's balancers keep what they know, and find the members gone.
        work.note(f"the home's load balancers were not told that {cloud} goes: {error}")


def sweep(work: Work) -> None:
    """The home has no link to the copy any more, also where the copy was forgotten."""
    where = _home(work)
    if where is None or where[0] == work.move.cloud:
        return
    try:
        work.world.clouds.sweep(*where, work.move.cloud)
    except ConnectionError as error:
        work.note(f"whether a link to {work.move.cloud} is left in {where[0]} is not known: {error}")


def _home(work: Work) -> tuple[str, str] | None:
    """The home's cloud and namespace; None where it has made nothing."""
    if not work.cli.exists(work.home_stack):
        return None
    known = work.outputs(work.home_stack)
    return (str(known["cloud"]), str(known["namespace"])) if "namespace" in known else None


def _is_beside(work: Work) -> bool:
    if not work.cli.config_path(work.stack).exists():
        return False
    return bool(AppStack.read(work.cli, work.stack).scale.overflow)

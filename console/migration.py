"""`alto migrate`: another cloud becomes an application's home, without a failed request."""

from autoscaler.act.app_stack import AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.making import policy_of
from autoscaler.burst.world import home_of
from blueprints.kinds.network_partition import NetworkPartition
from console.bursting import interruptible, moves, say, tell
from console.tenancy import refuse_move


def migrate(application: str, cloud: str) -> None:
    """Move an application. Raises BadInput, MoveRefused, MoveUnderWay, MoveFailed."""
    cli = pulumi()
    refuse_move(cli, application, cloud)
    door = moves(cli, say=say)
    with interruptible(
        f"alto migrate {application} --to {cloud}", f"alto burst {application} --to {cloud} --end"
    ):
        ended = door.migrate(application, cloud)
    if ended.result == "nothing to do":
        print(f"{application} is at home in {cloud} already")
        return
    tell(ended)
    if advice := policy_advice(cli, application, cloud):
        print(advice)


def policy_advice(cli: Pulumi, application: str, cloud: str) -> str:
    """What to change in the application's policy, which is its people's; empty where it is right."""
    home = AppStack.read(cli, home_of(application))
    policy = policy_of(home)
    if policy is None:
        return ""
    documents = home.documents()
    found = [documents.get(NetworkPartition, name) for name in policy.groups[0]]
    if cloud in {each.cloud for each in found if each is not None}:
        return ""
    return (
        f"{policy.name} names {' and '.join(policy.groups[0])} first, which is not in {cloud}: put the "
        f"network partition of {cloud} first in its networkPartitions"
    )

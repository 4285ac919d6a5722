"""Whether a move can be made as things are: looked at before anything is changed."""

import re
from collections.abc import Sequence

from autoscaler.act import stack_config
from autoscaler.act.app_stack import DATA, AppStack
from autoscaler.act.footing import read_deployed
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst import world as worlds
from autoscaler.burst.data import follows, refusal
from autoscaler.burst.front_shares import counted_by
from autoscaler.burst.making import data_of, policy_of
from autoscaler.burst.records import Kind
from autoscaler.burst.refusals import MoveRefused
from autoscaler.burst.world import World
from blueprints.following import data_clusters
from blueprints.names import NAME_PATTERN


def home_of(cli: Pulumi, application: str) -> AppStack:
    """The home's stack. Raises MoveRefused."""
    stack = worlds.home_of(application)
    if not cli.exists(stack) or not cli.config_path(stack).exists():
        names = sorted(
            each.removeprefix("app-") for each in cli.stacks() if each.startswith("app-") and "--" not in each
        )
        raise MoveRefused(
            f"there is no application {application}\n  Applications here: {', '.join(names) or 'none'}."
        )
    home = read_deployed(cli, stack)
    if not home.cloud or not home.blueprint:
        raise MoveRefused(f"{cli.config_path(stack)} does not say which cloud and which documents")
    return home


def may_go(world: World, home: AppStack, cloud: str, kind: Kind, *, by_itself: bool = False) -> None:
    """Whether a copy of the application can be made in a cloud. Raises MoveRefused, DocumentError.

    `by_itself`: nobody asked for it, so no hosts are made where the policy wants warm clouds.
    """
    name = home.subject
    if home.in_maintenance:
        raise MoveRefused(f"{name} is in maintenance\n  alto maintenance {name} off ends that.")
    documents = home.documents()
    if stood := home.pinned:
        raise MoveRefused(
            f"{name} stands at revision {stood}, whose images are in {home.cloud} only\n"
            f"  alto rollback {name} --forward goes on to its documents."
        )
    plan = documents.plan(home.application, home.scale.at_rest(), home.copy)
    if why := refusal(plan, documents.compose(home.application), data_of(policy_of(home)), kind):
        raise MoveRefused(why)
    policy = policy_of(home) if by_itself else None
    only_warm = policy is not None and policy.burst is not None and policy.burst.cloud == "warm"
    _there(world.cli, cloud, only_warm=only_warm)
    copy = f"{home.name}--{cloud}"
    if world.cli.config_path(copy).exists() and AppStack.read(world.cli, copy).scale.overflow:
        raise MoveRefused(
            f"{name} has members of some clusters in {cloud}, beside its home\n"
            f"  alto burst {name} --to {cloud} --end takes them away; then a whole copy can be made."
        )
    if kind == "migrate" and data_follows(home, kind):
        if not world.clouds.answers(home.cloud):
            raise MoveRefused(
                f"{name} keeps data in {home.cloud}, which does not answer: nothing can be taken from there\n"
                f"  Bring {home.cloud} back, then run this again."
            )
        _alone(world, home, cloud)
    if kind == "migrate" and _public(world.cli, home):
        _watched(world, home)


def _watched(world: World, home: AppStack) -> None:
    """A front door leads clients to the new place, and somebody counts how their requests fare."""
    name, door = home.subject, world.front(home.subject)
    if door is None:
        raise MoveRefused(
            f"{name} has public addresses and no front door, so its clients would lose it on the way\n"
            f"  alto front {name} gives it one address over all its clouds."
        )
    if not door.state().counted and counted_by(worlds.outputs(world.cli, home.name)) is None:
        raise MoveRefused(
            f"the front door of {name} counts no requests, and {name} has no load balancer of its own at its "
            "first address that does: nobody would notice that they fail in the new place\n"
            "  Give its document a loadBalancer with the driver haproxy or nginx, or its front door "
            "`driver: docker`."
        )


def may_overflow(world: World, home: AppStack, cloud: str, clusters: Sequence[str]) -> None:
    """Whether members of these clusters can be in a cloud beside the home. Raises MoveRefused,
    DocumentError."""
    name = home.subject
    if home.in_maintenance:
        raise MoveRefused(f"{name} is in maintenance\n  alto maintenance {name} off ends that.")
    documents = home.documents()
    if stood := home.pinned:
        raise MoveRefused(
            f"{name} stands at revision {stood}, whose images are in {home.cloud} only\n"
            f"  alto rollback {name} --forward goes on to its documents."
        )
    plan = documents.plan(home.application, home.scale.at_rest(), home.copy, only=clusters)
    if keep := data_clusters(plan):
        raise MoveRefused(f"{', '.join(keep)} of {name} keep data, which is not split over clouds")
    _there(world.cli, cloud)


def data_follows(home: AppStack, kind: Kind) -> bool:
    """Whether what the copy has of the application's data follows that at home. Raises DocumentError."""
    plan = home.documents().plan(home.application, home.scale.at_rest(), home.copy)
    return follows(plan, data_of(policy_of(home)), kind)


def _alone(world: World, home: AppStack, cloud: str) -> None:
    """No copy hangs on the data that is to move."""
    found = {
        each: stack for each, stack in worlds.copies(world.cli, home.subject).items() if each != home.cloud
    }
    there = found.get(cloud)
    if there is not None and AppStack.read(world.cli, there).config.get(DATA) == "follows":
        del found[cloud]
    if found:
        ends = ", ".join(f"alto burst {home.subject} --to {each} --end" for each in found)
        raise MoveRefused(
            f"{home.subject} has copies that use its data where it is ({', '.join(found)})\n"
            f"  End them: {ends}"
        )


def _there(cli: Pulumi, cloud: str, *, only_warm: bool = False) -> None:
    """The cloud is made, or can and may be made from its config."""
    hosts, platform = f"hosts-{cloud}", f"platform-{cloud}"
    if worlds.made(cli, hosts) and worlds.made(cli, platform):
        return
    if re.fullmatch(NAME_PATTERN, cloud) and stack_config.read(cli.config_path(hosts)):
        if only_warm:
            raise MoveRefused(
                f"{cloud} is not made, and the application policy wants clouds that stand ready "
                "(burst.cloud: warm)\n"
                f"  alto up {hosts} and alto up {platform} make it; `cloud: cold` lets the autoscaler do it."
            )
        return
    clouds = [s.removeprefix("hosts-") for s in cli.stacks() if s.startswith("hosts-")]
    raise MoveRefused(
        f"there is no cloud {cloud}, and no config to make it from\n"
        f"  Clouds here: {', '.join(clouds) or 'none'}. A cold one needs {cli.config_path(hosts)}."
    )


def _public(cli: Pulumi, home: AppStack) -> bool:
    return bool(worlds.addresses(cli, home.name))

"""`alto destroy`: everything that a stack made, in an order that leaves nothing behind."""

import shutil
from collections.abc import Iterator

from autoscaler.act.app_stack import PREFIX, SEPARATOR, AppStack, copies_among, images_of
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.burst import world
from autoscaler.burst.front_door import stack_of
from autoscaler.burst.records import Records
from console import updates
from console.errors import BadInput
from console.kept_data import left_behind, refuse_protected
from toolchain import paths, registry_trust

HOSTS = "hosts-"


def check(stack: str) -> list[str]:
    """What a person should know before, in words. Raises BadInput where something else has to go first."""
    cli = updates.known(stack)
    if stack.startswith(PREFIX):
        _refuse_half(cli, stack)
    if stack.startswith(HOSTS):
        cloud = stack.removeprefix(HOSTS)
        if inside := sorted(_inside(cli, cloud)):
            return [f"{', '.join(inside)}: their members go with the hosts of {cloud}, and their stacks stay"]
    return []


def destroy(stack: str) -> None:
    """Raises BadInput where something else has to go first, or data is protected."""
    check(stack)
    cli = updates.known(stack)
    updates.clear(cli, stack)
    deployment = cli.deployment(stack)
    refuse_protected(stack, deployment)
    updates.tell(stack, cli.destroy(stack, listen=print))
    for each in left_behind(deployment):
        print(f"{stack}: {each}")
    images = images_of(stack)
    if stack.startswith(PREFIX) and cli.exists(images):
        # They were built for this application alone.
        updates.tell(images, cli.destroy(images, "--refresh=false", listen=print))
        cli.remove(images)
        shutil.rmtree(paths.home() / "builds" / images, ignore_errors=True)
    if stack.startswith(HOSTS):
        cloud = stack.removeprefix(HOSTS)
        registry_trust.remove(cloud)
        shutil.rmtree(paths.kubeconfig(cloud).parent, ignore_errors=True)


def _refuse_half(cli: Pulumi, stack: str) -> None:
    """An application goes with its copies, and a copy goes when it has served what it has."""
    name, _, cloud = stack.removeprefix(PREFIX).partition(SEPARATOR)
    home = f"{PREFIX}{name}"
    if cloud and cli.exists(home):
        raise BadInput(
            f"{stack} is a copy of {name}, which may be serving requests",
            f"alto burst {name} --to {cloud} --end leads them away, then removes it.",
        )
    if cloud:
        return
    steps = [
        f"alto burst {name} --to {each.partition(SEPARATOR)[2]} --end"
        for each in copies_among(cli.stacks(), name)
        if each != home and world.made(cli, each)
    ]
    move = Records(paths.home() / "moves").load(name)
    ended = f"alto burst {name} --to {move.cloud} --end" if move is not None and not move.passed else None
    if ended is not None and ended not in steps:
        steps.append(ended)
    if cli.exists(stack_of(name)):
        steps.append(f"alto front {name} --end")
    if steps:
        raise BadInput(
            f"{name} is more than {stack}: it has copies, a move under way, or a front door",
            f"First: {'; '.join(steps)}",
        )


def _inside(cli: Pulumi, cloud: str) -> Iterator[str]:
    for stack in cli.stacks():
        if stack.startswith(PREFIX):
            try:
                there = AppStack.read(cli, stack).cloud == cloud
            except ConfigUnreadable:
                continue
        else:
            there = stack == f"platform-{cloud}"
        if there and world.made(cli, stack):
            yield stack

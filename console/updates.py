"""Updates that a person asks for, with the same runner as the autoscaler's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.guards import arguments
from autoscaler.act.pulumi_cli import Pulumi, UpdateResult
from console import orphans
from console.errors import BadInput

Say = Callable[[str], None]


def known(stack: str) -> Pulumi:
    """The CLI. Raises BadInput for a stack that there is not."""
    cli = pulumi()
    if not cli.exists(stack):
        there = ", ".join(cli.stacks()) or "none yet; `alto demo` makes the first"
        raise BadInput(f"there is no stack {stack}", f"Stacks here: {there}.")
    return cli


def recovered(cli: Pulumi, stack: str) -> list[str]:
    """Clear what a killed update left, in Pulumi's state and in the Docker engine."""
    done = cli.recover(stack)
    kind, _, name = stack.partition("-")
    if done and kind in {"hosts", "platform"}:
        done += orphans.sweep(cli, name)
    if done and kind == "front":
        from console.front_door import sweep  # uses this module

        done += sweep(cli, name)
    return done


def clear(cli: Pulumi, stack: str) -> None:
    """The same, telling what was cleared."""
    for each in recovered(cli, stack):
        print(f"{stack}: {each}")


def change(
    cli: Pulumi, stack: str, settings: Mapping[str, Any], *arguments: str, listen: Say | None = None
) -> None:
    """Write settings and update by them, whatever a killed update left. `arguments` are of `pulumi up`."""
    clear(cli, stack)
    cli.configure(stack, settings)
    tell(stack, cli.up(stack, *arguments, listen=listen))


def update(stack: str, packs: Sequence[Path] = (), configs: Sequence[Path] = ()) -> None:
    """`alto up`. Raises NoPolicyPack."""
    from console.building import before_update  # uses this module

    cli, guards = known(stack), arguments(packs, configs)
    clear(cli, stack)
    before_update(cli, stack)
    tell(stack, cli.up(stack, *guards, listen=print))


def show_preview(stack: str, packs: Sequence[Path], configs: Sequence[Path] = ()) -> None:
    """`alto preview`. Raises NoPolicyPack."""
    print(known(stack).preview(stack, *arguments(packs, configs)))


def tell(stack: str, result: UpdateResult) -> None:
    """Print the counts of an update."""
    counts = ", ".join(f"{count} {operation}" for operation, count in result.changes.items())
    print(f"{stack}: {counts or 'no resources'}")

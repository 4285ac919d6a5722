"""An application named on the command line, and its stack."""

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from console.errors import BadInput


def known(application: str) -> tuple[Pulumi, str]:
    """The CLI and the application's stack. Raises BadInput, naming the applications there are."""
    cli = pulumi()
    stack = f"app-{application}"
    if not cli.exists(stack):
        raise unknown(cli, application)
    return cli, stack


def unknown(cli: Pulumi, application: str) -> BadInput:
    """What is said of an application that there is not: the applications there are."""
    names = ", ".join(s.removeprefix("app-") for s in cli.stacks() if s.startswith("app-")) or "none"
    return BadInput(f"there is no application {application}", f"Applications here: {names}.")

"""Commands that make copies of applications in other clouds, and move applications."""

from typing import Annotated

import typer

Application = Annotated[str, typer.Argument(help="The application's name.")]
Cloud = Annotated[str, typer.Option("--to", help="The other cloud.", metavar="CLOUD")]


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(burst)
    app.command()(migrate)


def burst(
    application: Application,
    to: Cloud,
    end: Annotated[bool, typer.Option("--end", help="Drain the copy there and remove it.")] = False,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="With --end: the cloud is gone for good; drop what is known of it."),
    ] = False,
) -> None:
    """Make a copy of an application in another cloud and share its traffic; or end one."""
    from console.bursting import burst as run
    from console.errors import BadInput

    if forget and not end:
        raise BadInput("--forget goes with --end", f"alto burst {application} --to {to} --end --forget")
    run(application, to, end=end, forget=forget)


def migrate(application: Application, to: Cloud) -> None:
    """Move an application to another cloud: copy up, traffic by steps, the old one drained and removed."""
    from console.migration import migrate as run

    run(application, to)

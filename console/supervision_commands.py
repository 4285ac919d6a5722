"""Commands that keep applications whole."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(supervise)


def supervise(
    applications: Annotated[
        list[str] | None, typer.Argument(help="The applications' names; without them, all.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One pass: restart what has failed, and end.")] = False,
) -> None:
    """Restart what an application's termination behaviour says when a cluster stays under its minimum."""
    from console.supervision import supervise as run

    if not run(applications or [], once=once):
        raise typer.Exit(1)

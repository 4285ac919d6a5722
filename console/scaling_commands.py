"""Commands that set how many members run."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(scale)


def scale(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    targets: Annotated[list[str], typer.Argument(help="ALIAS=MEMBERS, such as web=5.", metavar="ALIAS=N...")],
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the change; write and run nothing.")
    ] = False,
) -> None:
    """Set the members of clusters (or the instances of groups): edits the stack's config and updates it."""
    from console.scaling import scale as run

    run(application, targets, preview=preview)

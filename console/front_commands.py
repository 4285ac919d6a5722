"""The command `alto front`."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `alto`."""
    app.command()(front)


def front(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    port: Annotated[
        int | None,
        typer.Option(min=1024, max=65535, help="Its port; left out, a free one is chosen once and kept."),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="The address of this machine it listens on; at first 127.0.0.1.")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="Remove it.")] = False,
) -> None:
    """Give an application one stable address over all its copies, or bring that up to date."""
    from console import front_door

    if end:
        front_door.end(application)
    else:
        front_door.front(application, port, listen)

"""The command `alto place`."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `alto`."""
    app.command(name="place")(place)


def place(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[DOCUMENTS]... APPLICATION",
            help="The application, after its documents; without them, those of its stack.",
        ),
    ],
    live: Annotated[
        Path | None,
        typer.Option(
            help="JSON with free capacity, running members and used quotas.", exists=True, dir_okay=False
        ),
    ] = None,
    scale: Annotated[
        list[str] | None, typer.Option(help="ALIAS=N: members or instances to place instead.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Ask the clouds what they have free, and what runs.")
    ] = False,
    cloud: Annotated[
        str | None,
        typer.Option(help="The cloud of what no policy sends anywhere; left out, its stack's, else local."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show where each member goes by the policies, and why."""
    from console.placement import show

    show(words, live, scale or [], cloud, ask=now, as_json=as_json)

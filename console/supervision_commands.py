"""Commands that keep applications whole, or let them rest."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Switch(StrEnum):
    """On or off."""

    on = "on"
    off = "off"


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(supervise)
    app.command()(maintenance)
    app.command()(rollback)


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


def maintenance(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    switch: Annotated[Switch, typer.Argument(help="on or off.")],
    page: Annotated[Path | None, typer.Option(help="A file with the page's HTML.")] = None,
    retry_after: Annotated[
        str | None, typer.Option(help="When clients may ask again, such as 5m.", metavar="TIME")
    ] = None,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the change; write and run nothing.")
    ] = False,
) -> None:
    """Answer an application's public web ports with a page, and leave it alone, until it is off again."""
    from console.maintenance import switch as run

    run(application, on=switch is Switch.on, page=page, retry_after=retry_after, preview=preview)


def rollback(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    to: Annotated[
        str | None, typer.Option(help="The revision, or its first digits; left out, the last that worked.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Show the revisions there were.")] = False,
    forward: Annotated[bool, typer.Option("--forward", help="Let the documents count again.")] = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Show the change; write and run nothing.")
    ] = False,
) -> None:
    """Go back to an earlier revision of an application: its documents, and its images by digest."""
    from console import rollback as run

    if listing:
        run.show(application)
    elif forward:
        run.forward(application, preview=preview)
    else:
        run.rollback(application, to, preview=preview)

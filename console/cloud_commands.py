"""The command `alto clouds`."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `alto`."""
    app.command(name="clouds")(clouds)


def clouds(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show every cloud: its hosts, what they have free, the copies there, and what is wrong."""
    from console.clouds import show

    show(as_json=as_json)

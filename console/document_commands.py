"""Commands on documents alone: they need neither a cluster nor Pulumi."""

import typer

imports = typer.Typer(help="Turn another tool's documents into ours.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""

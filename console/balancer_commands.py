"""The command `alto lb`: an application's load balancers, live."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to `alto`."""
    app.command()(lb)


def lb(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, a second between readings.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs: one JSON object a line.")] = False,
    authority: Annotated[
        bool, typer.Option("--authority", help="Print the certificate that clients check https with, as PEM.")
    ] = False,
) -> None:
    """Show an application's load balancers: routes, members, weights, and requests in flight."""
    from console.balancer_view import show, show_authority

    if authority:
        show_authority(application)
        return
    show(application, watch=watch, as_json=json)

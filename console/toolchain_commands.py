"""`alto toolchain`: the pinned tools of this project on this machine."""

from typing import Annotated

import typer

app = typer.Typer(help="The pinned tools: what is there, install the rest, clean up.", no_args_is_help=True)


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show each tool, its version, where it was found and how it got there."""
    from dataclasses import asdict
    from json import dumps

    from toolchain import install

    found = install.status()
    if json:
        print(dumps([asdict(each) for each in found], indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("tool", "version", "source", "path")
    for each in found:
        table.add_row(each.name, each.version, each.source, str(each.path or "not installed"))
    Console().print(table)


@app.command(name="install")
def install_tools() -> None:
    """Find, download or build every tool, the Docker engine, the base image and the plugins."""
    from console.demonstration import prepare
    from toolchain.progress import Progress

    with Progress("alto toolchain install") as progress:
        prepare(progress)


@app.command()
def clean() -> None:
    """Stop the engine that was started here and remove built tools and cached images."""
    from toolchain import install

    for line in install.clean():
        print(line)

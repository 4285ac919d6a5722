"""`alto toolchain`: the pinned tools of this project on this machine."""

from typing import Annotated

import typer

app = typer.Typer(help="The pinned tools: what is there, install the rest, clean up.", no_args_is_help=True)


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show each tool, its version, where it was found and how it got there."""
    from dataclasses import asdict
    from json import dumps

    from toolchain import install, plugin_install

    found = install.status()
    if json:
        print(dumps([asdict(each) for each in found], indent=2, default=str))
        return
    for each in found:
        standing = each.problem or (f"{each.source}: {each.path}" if each.path else "not installed")
        print(f"{each.name:<20}{each.version or each.wanted:<12}{standing}")
    for plugin in plugin_install.status():
        print(f"{plugin.name:<20}{plugin.version:<12}{plugin.source}: {plugin.path}")


@app.command(name="install")
def install_tools() -> None:
    """Find, download or build every tool, the Docker engine, the base image and the plugins."""
    from console.demonstration import prepare
    from toolchain.progress import Progress

    with Progress("alto toolchain install") as progress:
        prepare(progress)


@app.command()
def clean() -> None:
    """Remove built tools, and the data of an engine that was started here, from the cache."""
    from toolchain import install

    for line in install.clean():
        print(line)

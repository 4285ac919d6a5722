"""Commands on documents alone: they need neither a cluster nor Pulumi."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

imports = typer.Typer(help="Turn another tool's documents into ours.", no_args_is_help=True)


class Format(StrEnum):
    """How findings are written."""

    human = "human"
    json = "json"
    sarif = "sarif"


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(validate)
    app.command()(schema)


def validate(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders of documents.")],
    form: Annotated[
        Format, typer.Option("--format", help="For people, programs or code scanning.")
    ] = Format.human,
) -> None:
    """Check documents, each by itself and all against each other; every error at once."""
    from blueprints.render.human import render_report
    from blueprints.render.machine import render_json
    from blueprints.render.sarif import render_sarif
    from blueprints.validate import validate as run

    report = run(paths)
    if form is Format.json:
        print(render_json(report))
    elif form is Format.sarif:
        print(render_sarif(report))
    else:
        print(render_report(report, colour=sys.stdout.isatty()))
    if not report.ok:
        raise typer.Exit(2)


def schema(folder: Annotated[Path, typer.Argument(help="Where to write them.")]) -> None:
    """Write the JSON Schema of every kind of document, one file each, for editors."""
    from blueprints.schema import write_schemas

    for path in write_schemas(folder):
        print(path)

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


class Drawing(StrEnum):
    """How a plan is drawn."""

    tree = "tree"
    dot = "dot"
    svg = "svg"


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(validate)
    app.command()(schema)
    app.command()(plan)


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


def plan(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Its documents; without them, those of its stack, at the stack's scale."),
    ] = None,
    drawing: Annotated[Drawing, typer.Option("--as", help="A tree, or a graph.")] = Drawing.tree,
) -> None:
    """Show what an application expands to: clusters, members, startup order, links."""
    from blueprints.drawing.dot import render_dot
    from blueprints.drawing.svg import render_svg
    from blueprints.drawing.tree import render_tree
    from blueprints.scale import ScaleState
    from blueprints.workspace import Workspace

    if paths:
        planned = Workspace.load(paths).plan(application, ScaleState())
    else:
        from console.scaling import current_plan

        planned = current_plan(application)
    render = {Drawing.tree: render_tree, Drawing.dot: render_dot, Drawing.svg: render_svg}[drawing]
    print(render(planned))


@imports.command()
def stratos(
    folder: Annotated[Path, typer.Argument(help="A folder with Stratos 4.1 JSON documents.")],
    out: Annotated[Path, typer.Option(help="A new folder for our documents.")],
    artifacts: Annotated[
        bool, typer.Option(help="Carry over repositories; without them members run, but have no code.")
    ] = True,
) -> None:
    """Turn Stratos 4.1 documents into ours; the report says what changed, why, and what was left out."""
    from blueprints.stratos.importer import import_stratos

    report = import_stratos(folder, out, artifacts=artifacts)
    print(report.render())
    if report.of("broken"):
        raise typer.Exit(2)

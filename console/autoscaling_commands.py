"""Commands on the autoscaler's controller alone: decide over a stream, replay a trace."""

import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer

Policy = Annotated[Path, typer.Option("--policy", help="A file with an AutoscalingPolicy document.")]
Name = Annotated[str | None, typer.Option(help="Which policy, where the file has several.")]
Minimum = Annotated[int, typer.Option("--min", help="Fewest members.", min=0)]
Maximum = Annotated[int, typer.Option("--max", help="Most members.", min=1)]


def register(app: typer.Typer) -> None:
    """Add the commands to `alto`."""
    app.command()(autoscale)
    app.command()(autoscaler_image)
    app.command()(explain)
    app.command()(sla)
    app.command()(decide)
    app.command()(replay)


def autoscale(
    application: Annotated[
        list[str] | None, typer.Option("--app", help="Only this application; several times for several.")
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="A YAML file with the autoscaler's settings.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and say why; change and write down nothing.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Decide and act once, then end.")] = False,
) -> None:
    """Scale every application by its policies, and bring failed parts back, until interrupted."""
    from console.autoscaler import autoscale as run

    run(application or [], settings, dry_run=dry_run, once=once)


def autoscaler_image(
    cloud: Annotated[str, typer.Option(help="The cloud whose registry takes it.")] = "local",
) -> None:
    """Build the autoscaler of this checkout as an image, push it, and print its reference."""
    from console.autoscaler_image import publish

    print(publish(cloud))


def explain(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    at: Annotated[str | None, typer.Option(help="As it was then: 14:05, or ISO 8601.")] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Lines of history.")] = 15,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG of members over time instead.")] = None,
    since: Annotated[str, typer.Option(help="How far the picture reaches back: 15m, 6h, 2d.")] = "1h",
) -> None:
    """Say why an application has the members that it has: inputs, forecast, winning factor, history."""
    if plot is not None:
        from console.autoscaling_picture import plot as draw

        draw(application, plot, since, at)
        return
    from console.autoscaling_story import explain as run

    run(application, at, as_json=json, limit=limit)


def sla(
    application: Annotated[str, typer.Argument(help="The application's name.")],
    since: Annotated[
        str | None, typer.Option(help="From 14:05, ISO 8601, or so long ago: 7d, 12h; else its window.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Report the service levels that an application promises: achieved, budget left, burn, worst hours."""
    from console.sla import sla as run

    run(application, since, as_json=json)


def decide(
    policy: Policy,
    stream: Annotated[bool, typer.Option("--stream", help="One JSON observation a line in.")] = True,
    name: Name = None,
    minimum: Minimum = 1,
    maximum: Maximum = 1000,
) -> None:
    """Answer each JSON observation on standard input with one JSON decision on standard output.

    A line in, a line out, for as long as standard input is open: a simulator can send a look at its
    cluster, wait for the answer, act on it, and go on. The fields are in
    docs/schemas/observation.schema.json and decision.schema.json, and told in docs/autoscaler.md.

    blueprints/library/samples/decide/ has a policy and observations to begin with. A line in:

        {"time": 0, "ready": 2, "period": 5, "requests": 85, "missed": 0}

    A line that cannot be used is answered by {"error": ..., "line": ...} and changes nothing. The exit
    code is 2 if any line was refused, else 0.
    """
    from autoscaler.decide.policy import PolicyError
    from autoscaler.decide.stream import decide_stream, read_policy
    from console.errors import BadInput

    if not stream:
        raise BadInput("decisions are made on a stream", "Leave out --no-stream.")
    try:
        chosen = read_policy(policy, name=name, minimum=minimum, maximum=maximum)
    except PolicyError as error:
        raise BadInput(str(error)) from error
    if isinstance(sys.stdin, TextIOWrapper):
        # JSON is UTF-8 whatever the locale; what is not is refused, or a name like another.
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    if decide_stream(chosen, sys.stdin, sys.stdout):
        raise typer.Exit(2)


def replay(
    trace: Annotated[Path, typer.Option(help="A CSV with the columns timestamp,value.")],
    policy: Policy,
    against: Annotated[str, typer.Option(help="Peers to compare with.")] = "hpa,keda,kpa,phpa,stratos",
    name: Name = None,
    minimum: Minimum = 2,
    maximum: Maximum = 120,
    start: Annotated[
        int | None, typer.Option(help="Members at the first tick; else what its load needs.")
    ] = None,
    smooth: Annotated[float, typer.Option(help="Smooth the trace over this many seconds first.")] = 0.0,
    first_day: Annotated[float, typer.Option(help="Start this many days into the trace.")] = 0.0,
    days: Annotated[float | None, typer.Option(help="Replay only so many days.")] = None,
    equal_misses: Annotated[bool, typer.Option(help="Also tune each peer to the same miss rate.")] = False,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Write an SVG of demand and supply.")] = None,
) -> None:
    """Replay a load trace under the controller and under other autoscalers' algorithms."""
    from json import dumps
    from os import W_OK, access

    from autoscaler.decide.policy import PolicyError
    from autoscaler.decide.stream import read_policy
    from autoscaler.replay.fluid import FluidModel
    from autoscaler.replay.report import prepared
    from autoscaler.replay.report import replay as run
    from autoscaler.replay.trace import TraceError, read_trace
    from console.errors import BadInput

    model = FluidModel(minimum=minimum, maximum=maximum)
    peers = [peer.strip() for peer in against.split(",") if peer.strip()]
    if plot is not None and (plot.is_dir() or not access(plot if plot.exists() else plot.parent, W_OK)):
        raise BadInput(f"--plot {plot}: no file can be written there", "Name a file in a folder that exists.")
    try:
        chosen = read_policy(policy, name=name, minimum=minimum, maximum=maximum)
        load = prepared(read_trace(trace), model, smooth=smooth, first_day=first_day, days=days)
        report = run(load, chosen, peers, model=model, equal_misses=equal_misses, start=start)
    except (PolicyError, TraceError) as error:
        raise BadInput(str(error)) from error
    if plot is not None:
        report.plot(plot)
    print(dumps(report.as_json(), indent=2) if json else report.table())

"""The commands of `alto`. Each imports what it needs when it runs: `alto --help` stays instant."""

from pathlib import Path
from typing import Annotated

import typer

from console import (
    autoscaling_commands,
    balancer_commands,
    cloud_commands,
    document_commands,
    front_commands,
    moving_commands,
    placement_commands,
    scaling_commands,
    supervision_commands,
    toolchain_commands,
)

app = typer.Typer(
    help="Provision composite, self-scaling applications on your own hosts and clouds, with Pulumi.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(toolchain_commands.app, name="toolchain")
app.add_typer(document_commands.imports, name="import")
document_commands.register(app)
placement_commands.register(app)
scaling_commands.register(app)
supervision_commands.register(app)
autoscaling_commands.register(app)
balancer_commands.register(app)
front_commands.register(app)
moving_commands.register(app)
cloud_commands.register(app)

Stack = Annotated[str, typer.Argument(help="The stack's name, such as app-hello.")]
PolicyPacks = Annotated[
    list[Path] | None, typer.Option(help="A policy pack to pass, such as policies/guardrails.")
]
PackConfigs = Annotated[list[Path] | None, typer.Option(help="The configuration (JSON) of a policy pack.")]


@app.command()
def demo(
    down: Annotated[bool, typer.Option("--down", help="Remove every trace of the demo.")] = False,
    cloud: Annotated[str, typer.Option(help="The cloud's name.")] = "local",
    application: Annotated[str, typer.Option(help="The application's name.")] = "hello",
    hosts: Annotated[int, typer.Option(min=1, max=9, help="Hosts of the cluster.")] = 3,
    clouds: Annotated[int, typer.Option(min=1, max=2, help="2: a second cloud, of one host.")] = 1,
    away: Annotated[str, typer.Option(help="The second cloud's name.")] = "away",
) -> None:
    """Make a three-host cluster, a registry and a PHP application on this machine; print its URL.

    With `--clouds 2`, a second cluster with a registry of its own is there for it to burst and to move to.
    """
    from console import demonstration, demonstration_end

    if down:
        demonstration_end.run(cloud, application)
    else:
        demonstration.start(cloud, application, hosts, away if clouds == 2 else None)


@app.command()
def env(
    cloud: Annotated[str | None, typer.Option(help="The cloud that kubectl and etcdctl talk to.")] = None,
) -> None:
    """Print shell lines that put the tools, state and cluster in reach: eval "$(./alto env)"."""
    from console.shell_environment import lines

    print("\n".join(lines(cloud)))


@app.command()
def status(json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show clouds, hosts, applications, members and URLs."""
    from console import status_report

    status_report.show(as_json=json)


@app.command()
def url(application: Annotated[str, typer.Argument(help="The application's name.")]) -> None:
    """Print the addresses of an application."""
    from console.status_report import addresses

    print("\n".join(addresses(application)))


@app.command()
def up(stack: Stack, policy_pack: PolicyPacks = None, policy_pack_config: PackConfigs = None) -> None:
    """Update a stack: as `pulumi up --yes`, after clearing what a killed update left behind."""
    from console.updates import update

    update(stack, policy_pack or [], policy_pack_config or [])


@app.command()
def build(application: Annotated[str, typer.Argument(help="The application's name.")]) -> None:
    """Build every image that an application needs and its cloud has not got."""
    from console.building import build as run

    run(application)


@app.command()
def preview(stack: Stack, policy_pack: PolicyPacks = None, policy_pack_config: PackConfigs = None) -> None:
    """Show what an update would change."""
    from console.updates import show_preview

    show_preview(stack, policy_pack or [], policy_pack_config or [])


@app.command()
def destroy(
    stack: Stack, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Remove everything a stack made."""
    from console import destroying

    for note in destroying.check(stack):
        typer.echo(f"{stack}: {note}", err=True)
    if not yes:
        typer.confirm(f"Remove everything that {stack} made?", abort=True)
    destroying.destroy(stack)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="Only what needs no cluster (under 30 s).")] = False,
) -> None:
    """Run the project's checks and tests; what follows is passed to pytest."""
    from console.test_run import run

    raise typer.Exit(run(quick=quick, arguments=context.args))

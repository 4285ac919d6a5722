"""`alto status`: clouds, hosts, applications, members and URLs, from state and the live clusters."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from autoscaler.act.app_stack import AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_lock import locks
from autoscaler.burst.records import Records
from autoscaler.observe.members_watch import ask, client
from autoscaler.serve.state import read_state
from autoscaler.supervise import memory
from console import credentials, supervision
from console.application_states import ClusterState, State, cluster_states, overall
from console.applications import known
from console.errors import BadInput
from console.live_cluster import Host, LiveCluster, Member
from toolchain import paths


@dataclass
class CloudStatus:
    """A host cluster as seen now; `problem` says why it could not be asked."""

    name: str
    hosts: list[Host] = field(default_factory=list)
    registry: str | None = None
    problem: str | None = None


@dataclass
class ApplicationStatus:
    """An application's copy in one cloud."""

    name: str
    cloud: str | None
    urls: list[str]
    members: list[Member] = field(default_factory=list)
    state: State | None = None
    clusters: list[ClusterState] = field(default_factory=list)
    updating: str | None = None
    problem: str | None = None
    front: list[str] = field(default_factory=list)
    """The addresses of the front door over all its copies; told with the first of them."""


@dataclass
class Status:
    clouds: list[CloudStatus]
    applications: list[ApplicationStatus]
    autoscaler: dict[str, Any] | None = None
    """What a running autoscaler wrote down last."""
    moves: list[str] = field(default_factory=list)
    """Copies and migrations under way, or left by a process that was killed; and ends that are owed."""


def stack_outputs(cli: Pulumi, stack: str) -> dict[str, Any]:
    """The stack's plain outputs from its checkpoint; encrypted ones stay as they are."""
    for resource in cli.deployment(stack).get("resources", []):
        if resource["type"] == "pulumi:pulumi:Stack":
            return dict(resource.get("outputs") or {})
    return {}


def collect() -> Status:
    """Read every stack of this checkout and ask each cloud once."""
    cli = pulumi()
    stacks = cli.stacks()
    clusters: dict[str, LiveCluster] = {}
    clouds = []
    for name in (stack.removeprefix("hosts-") for stack in stacks if stack.startswith("hosts-")):
        status = CloudStatus(name)
        try:
            path = credentials.refresh(cli, name)
            if path is None:
                status.problem = "its stack has made no cluster yet"
            else:
                clusters[name] = LiveCluster(path)
                status.hosts = clusters[name].hosts()
        except ConnectionError as error:
            status.problem = str(error)
        registry = (
            stack_outputs(cli, f"platform-{name}").get("registry") if f"platform-{name}" in stacks else None
        )
        status.registry = registry.get("address") if isinstance(registry, dict) else None
        clouds.append(status)
    applications = [_application(cli, stack, clusters) for stack in stacks if stack.startswith("app-")]
    return Status(clouds, applications, read_state(paths.home() / "autoscaler"), _moves())


def _moves() -> list[str]:
    records = Records(paths.home() / "moves")
    return [
        *(f"{each.words} (at: {each.step or 'its beginning'})" for each in records.all()),
        *(f"{each.words} is owed: its cloud does not answer" for each in records.owed()),
    ]


def _application(cli: Pulumi, stack: str, clusters: dict[str, LiveCluster]) -> ApplicationStatus:
    outputs = stack_outputs(cli, stack)
    cloud = outputs.get("cloud")
    status = ApplicationStatus(stack.removeprefix("app-"), cloud, _urls(outputs))
    status.front = _urls(stack_outputs(cli, f"front-{status.name}"))
    holder = next(locks(cli.state, "altostratus", stack), None)
    if holder is not None:
        status.updating = f"left by a dead {holder}" if holder.is_dead() else str(holder)
    if not outputs:
        status.problem = "not deployed yet"
    elif cloud not in clusters:
        status.problem = f"its cloud {cloud} does not answer"
    else:
        try:
            status.members = clusters[cloud].members(outputs["namespace"])
            status.clusters = _clusters(cli, stack, outputs)
            status.state = overall(status.clusters)
        except ConnectionError as error:
            status.problem = str(error)
    return status


def _clusters(cli: Pulumi, stack: str, outputs: dict[str, Any]) -> list[ClusterState]:
    said = AppStack.read(cli, stack)
    return cluster_states(
        outputs.get("clusters") or {},
        ask(client(paths.kubeconfig(outputs["cloud"])), (outputs["namespace"], said.copy)),
        said.scale,
        memory.load(supervision.folder() / f"{stack}.json"),
        maintenance=said.in_maintenance,
    )


def _urls(outputs: dict[str, Any]) -> list[str]:
    urls = outputs.get("urls") or []
    return [url for url in urls if isinstance(url, str)]


def _named(urls: list[str], balancers: dict[str, Any]) -> list[str]:
    """Each URL with the host names that its load balancer knows."""
    hosts = {url: ", ".join(each.get("hosts") or []) for each in balancers.values() for url in each["urls"]}
    return [f"{url}  {hosts[url]}" if hosts.get(url) else url for url in urls]


def addresses(application: str) -> list[str]:
    """The URLs of an application's stack, with the host names they answer to; its front door's come first.

    Raises BadInput naming the applications there are.
    """
    cli, stack = known(application)
    outputs = stack_outputs(cli, stack)
    urls = _named(_urls(outputs), outputs.get("balancers") or {})
    if not urls:
        raise BadInput(
            f"{application} has no public port, or is not deployed yet", f"`alto up {stack}` deploys it."
        )
    return [*_urls(stack_outputs(cli, f"front-{application}")), *urls]


def show(*, as_json: bool) -> None:
    """Print the status, for people or as one JSON object."""
    status = collect()
    if as_json:
        print(json.dumps(asdict(status), indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not status.clouds:
        console.print("No clouds yet. `./alto demo` makes the first.")
        return
    hosts = Table("cloud", "host", "address", "roles", "state", title="Hosts", title_justify="left")
    for cloud in status.clouds:
        if cloud.problem:
            hosts.add_row(cloud.name, "", "", "", f"[red]{cloud.problem}")
        for host in cloud.hosts:
            colour = "green" if host.ready else "red"
            hosts.add_row(
                cloud.name, host.name, host.address, ", ".join(host.roles), f"[{colour}]{host.state}"
            )
    console.print(hosts)
    members = Table(
        "application", "cloud", "cluster", "member", "host", "state", title="Members", title_justify="left"
    )
    for application in status.applications:
        if application.problem:
            members.add_row(
                application.name, application.cloud or "", "", "", "", f"[red]{application.problem}"
            )
        for member in application.members:
            colour = "green" if member.ready else "yellow"
            row = (application.name, application.cloud, member.cluster, member.name, member.host)
            members.add_row(*row, f"[{colour}]{member.state}")
    if status.applications:
        console.print(members)
    if any(application.clusters for application in status.applications):
        console.print(_cluster_table(status))
    for line in autoscaling_lines(status.autoscaler):
        console.print(line, soft_wrap=True, markup=False)
    for move in status.moves:
        console.print(move, soft_wrap=True, markup=False)
    for application in status.applications:
        if application.updating:
            console.print(f"{application.name}: update by {application.updating}")
        for url in application.front:
            console.print(f"{application.name}: {url}  (front door)", soft_wrap=True)
        for url in application.urls:
            console.print(f"{application.name}: {url}", soft_wrap=True)


def autoscaling_lines(state: dict[str, Any] | None) -> list[str]:
    """What a running autoscaler is at, a line for each thing."""
    if state is None:
        return []
    lines = [f"autoscaler: process {state['pid']}, {state['lagSeconds']:.1f} s behind at most"]
    lines += [f"autoscaler: {where}: {problem}" for where, problem in state["problems"].items()]
    for stack, application in state["applications"].items():
        name = stack.removeprefix("app-")
        doing = application["resting"] or (application["update"] if application["update"] != "idle" else "")
        if doing:
            lines.append(
                f"{name}: {doing}" + (f": {application['trouble']}" if application["trouble"] else "")
            )
        lines += [f"{name}: automatic updates: {note}" for note in application.get("waiting", ())]
        lines += [
            f"{name} {path}: {each['asked']} of {each['min']} to {each['max']} by {each['policy']}. "
            + each["reason"]
            for path, each in application["clusters"].items()
            if each["policy"]
        ]
    return lines


def _cluster_table(status: Status) -> Any:
    from rich.markup import escape
    from rich.table import Table

    colours = {"ready": "green", "stalled": "red", "starting": "yellow"}
    table = Table("application", "cluster", "ready", "range", "state", title="Clusters", title_justify="left")
    for application in status.applications:
        for each in application.clusters:
            told = f"{each.state}: {each.reason.splitlines()[0]}" if each.reason else each.state
            table.add_row(
                application.name,
                each.cluster,
                f"{each.ready} of {each.members}",
                f"{each.min} to {each.max}",
                f"[{colours.get(each.state, 'cyan')}]{escape(told)}",
            )
    return table

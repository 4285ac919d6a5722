"""`alto status`: clouds, hosts, applications, members and URLs, from state and the live clusters."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from autoscaler.act.app_stack import PREFIX, AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.lease import holder
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_lock import locks
from autoscaler.burst.records import Move, Records
from autoscaler.observe.members import SeenCluster
from autoscaler.serve.state import read_state
from autoscaler.supervise import memory
from console import credentials, supervision
from console.application_states import ClusterState, State, cluster_states, overall
from console.applications import known
from console.errors import BadInput
from console.live_cluster import Host, LiveCluster, Member
from console.side_by_side import side_by_side
from toolchain import paths

HOSTS = "hosts-"
DEAD = "left by a dead "
PATIENCE = 8.0
"""Seconds until a cloud that has not answered counts as away; all are asked at once."""


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
    namespace: str = ""


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


def collect(patience: float = PATIENCE) -> Status:
    """Read every stack of this checkout, and ask the clouds side by side; who is late is told as that."""
    cli = pulumi()
    stacks = cli.stacks()
    applications = [_application(cli, stack) for stack in stacks if stack.startswith(PREFIX)]
    there: dict[str, list[tuple[str, ApplicationStatus]]] = {}
    for stack, application in applications:
        there.setdefault(application.cloud or "", []).append((stack, application))
    clouds = [_cloud(cli, stack.removeprefix(HOSTS), stacks) for stack in stacks if stack.startswith(HOSTS)]
    answers = side_by_side(
        {each.name: partial(_ask, cli, each.name, there.get(each.name, [])) for each in clouds}, patience
    )
    for cloud in clouds:
        answer = answers.get(cloud.name) or TimeoutError(f"it has not answered within {patience:g} s")
        if isinstance(answer, Exception):
            cloud.problem = str(answer) or type(answer).__name__
        else:
            cloud.hosts = answer.hosts
            for stack, application in there.get(cloud.name, []):
                _fill(cli, stack, application, answer.applications.get(stack))
    known = {cloud.name: cloud for cloud in clouds}
    for _, application in applications:
        if application.cloud and not application.problem:
            application.problem = _away(application.cloud, known.get(application.cloud))
    shown = [application for _, application in applications]
    return Status(clouds, shown, read_state(paths.home() / "autoscaler"), _moves())


@dataclass
class _Answer:
    """What one cloud says: its hosts, and by application its members and clusters, or why not."""

    hosts: list[Host]
    applications: dict[str, tuple[list[Member], Mapping[str, SeenCluster]] | ConnectionError]


def _cloud(cli: Pulumi, name: str, stacks: Sequence[str]) -> CloudStatus:
    platform = f"platform-{name}"
    registry = stack_outputs(cli, platform).get("registry") if platform in stacks else None
    return CloudStatus(name, registry=registry.get("address") if isinstance(registry, dict) else None)


def _ask(cli: Pulumi, cloud: str, applications: Iterable[tuple[str, ApplicationStatus]]) -> _Answer:
    """Runs beside others. Raises ConnectionError, in words."""
    kubeconfig = credentials.refresh(cli, cloud)
    if kubeconfig is None:
        raise ConnectionError("its stack has made no cluster yet")
    with LiveCluster(kubeconfig) as cluster:
        answer = _Answer(cluster.hosts(), {})
        for stack, application in applications:
            try:
                space, copy = application.namespace, AppStack.read(cli, stack).copy
                answer.applications[stack] = cluster.members(space), cluster.clusters(space, copy)
            except ConnectionError as error:
                answer.applications[stack] = error
    return answer


def _away(name: str, cloud: CloudStatus | None) -> str | None:
    """Why nothing is known of an application by its cloud; None where the cloud answered."""
    if cloud is None:
        return f"there is no cloud {name} here any more: no stack {HOSTS}{name}"
    return f"its cloud {name} cannot be asked" if cloud.problem else None


def _moves() -> list[str]:
    folder = paths.home() / "moves"
    records = Records(folder)
    return [
        *(_move(each, holder(folder, each.application)) for each in records.all()),
        *(f"{each.words} is owed: its cloud does not answer" for each in records.owed()),
    ]


def _move(move: Move, by: str | None) -> str:
    at = f"{move.words} (at: {move.step or 'its beginning'})"
    if by is not None:
        return f"{at} goes on, by {by}"
    verb = "migrate" if move.kind == "migrate" else "burst"
    end = " --end" if move.kind == "end" else ""
    undo = (
        "" if move.passed or end else f"; to undo it: alto burst {move.application} --to {move.cloud} --end"
    )
    return (
        f"{at} was interrupted; a running autoscaler goes on with it, or: "
        f"alto {verb} {move.application} --to {move.cloud}{end}{undo}"
    )


def _application(cli: Pulumi, stack: str) -> tuple[str, ApplicationStatus]:
    """What its stack says, before its cloud is asked."""
    outputs = stack_outputs(cli, stack)
    status = ApplicationStatus(stack.removeprefix(PREFIX), outputs.get("cloud"), _urls(outputs))
    status.namespace = str(outputs.get("namespace") or "")
    status.front = _urls(stack_outputs(cli, f"front-{status.name}"))
    lock = next(locks(cli.state, "altostratus", stack), None)
    if lock is not None:
        status.updating = f"{DEAD}{lock}" if lock.is_dead() else str(lock)
    if not outputs:
        status.problem = "not deployed yet"
    return stack, status


def _fill(
    cli: Pulumi,
    stack: str,
    status: ApplicationStatus,
    answer: tuple[list[Member], Mapping[str, SeenCluster]] | ConnectionError | None,
) -> None:
    if answer is None or isinstance(answer, ConnectionError):
        status.problem = str(answer or "its cloud says nothing of it")
        return
    said = AppStack.read(cli, stack)
    status.members = answer[0]
    status.clusters = cluster_states(
        stack_outputs(cli, stack).get("clusters") or {},
        answer[1],
        said.scale,
        memory.load(supervision.folder() / f"{stack}.json"),
        maintenance=said.in_maintenance,
    )
    status.state = overall(status.clusters)


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
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    if not status.clouds:
        console.print("No clouds yet. `./alto demo` makes the first.")
        return
    hosts = Table("cloud", "host", "address", "roles", "state", title="Hosts", title_justify="left")
    for cloud in status.clouds:
        if cloud.problem:
            hosts.add_row(cloud.name, "", "", "", f"[red]{escape(cloud.problem)}")
        for host in cloud.hosts:
            colour = "green" if host.ready else "red"
            hosts.add_row(
                cloud.name, host.name, host.address, ", ".join(host.roles), f"[{colour}]{escape(host.state)}"
            )
    console.print(hosts)
    members = Table(
        "application", "cloud", "cluster", "member", "host", "state", title="Members", title_justify="left"
    )
    for application in status.applications:
        if application.problem:
            members.add_row(
                application.name, application.cloud or "", "", "", "", f"[red]{escape(application.problem)}"
            )
        for member in application.members:
            colour = "green" if member.ready else "yellow"
            row = (application.name, application.cloud, member.cluster, member.name, member.host)
            members.add_row(*row, f"[{colour}]{escape(member.state)}")
    if status.applications:
        console.print(members)
    if any(application.clusters for application in status.applications):
        console.print(_cluster_table(status))
    if status.autoscaler is None and any(application.clusters for application in status.applications):
        console.print("autoscaler: none runs here (`alto autoscale` starts one)", markup=False)
    for line in autoscaling_lines(status.autoscaler):
        console.print(line, soft_wrap=True, markup=False)
    for move in status.moves:
        console.print(move, soft_wrap=True, markup=False)
    for application in status.applications:
        if application.updating:
            left = application.updating.startswith(DEAD)
            said = "an update was interrupted, its lock" if left else "is being updated by"
            console.print(f"{application.name}: {said} {application.updating}", soft_wrap=True)
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

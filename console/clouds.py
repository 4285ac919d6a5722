"""`alto clouds`: every cloud that this checkout knows, and what each has room for now."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from autoscaler.act.app_stack import AppStack
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import PROJECT, Pulumi
from autoscaler.act.stack_config import ConfigUnreadable, read
from autoscaler.act.stack_lock import locks
from autoscaler.observe.members_watch import client
from console import credentials
from console.side_by_side import side_by_side
from console.status_report import stack_outputs
from policies.placement.observed import APPLICATION, CLUSTER, ZONE, CloudView, free_hosts
from toolchain.plugins.kubernetes.client import ApiError, Unreachable

PATIENCE = 8.0
"""Seconds until a cloud that has not answered counts as unreachable; all are asked at once."""

HOSTS, PLATFORM = "hosts-", "platform-"
HOSTS_KEY = "altostratus:hosts"
COPY = "altostratus.dev/copy"
GIB = 2**30
_WITHOUT_HOSTS = ("cold", "being made")


@dataclass(frozen=True)
class Room:
    """What hosts that take members have free: processors, bytes, and further Pods.

    `shared`: the hosts are containers without limits, so that each counts its whole machine.
    """

    cpus: float
    memory: int
    pods: int
    shared: bool = False


@dataclass(frozen=True)
class CopyHere:
    """An application's copy in a cloud. `stack` is empty where no stack of this checkout made it."""

    application: str
    copy: str
    stack: str
    ready: int
    members: int


@dataclass
class Cloud:
    """What is known of a cloud.

    `state`: `warm` (it answers and takes copies), `no platform` (hosts only), `cold` (a config without
    hosts), `being made`, or `unreachable`, for `problem`. `zones`: hosts that are Ready, by zone.
    """

    name: str
    driver: str
    state: str
    address: str = ""
    platform: str = ""
    """Its registry's address."""
    hosts: int = 0
    ready: int = 0
    zones: dict[str, int] = field(default_factory=dict)
    free: Room | None = None
    copies: list[CopyHere] = field(default_factory=list)
    problem: str = ""


def collect(cli: Pulumi, patience: float = PATIENCE) -> list[Cloud]:
    """Every cloud with a stack, a config or a kubeconfig here; those with hosts are asked side by side."""
    stacks = cli.stacks()
    copies = _stacks_by_cloud(cli, stacks)
    found = [_known(cli, name, stacks) for name in names(cli, stacks)]
    for cloud in found:
        mine = copies.get(cloud.name, {})
        cloud.copies = [CopyHere(*key, stack, 0, 0) for key, stack in sorted(mine.items())]
    made = {
        cloud.name: partial(_view, cli, cloud.name) for cloud in found if cloud.state not in _WITHOUT_HOSTS
    }
    answers = side_by_side(made, patience)
    for cloud in found:
        _answered(cloud, answers.get(cloud.name), copies.get(cloud.name, {}), patience)
    return found


def names(cli: Pulumi, stacks: Sequence[str]) -> list[str]:
    """The clouds there are: stacks, and configs of stacks that are not made yet."""
    made = [stack.removeprefix(HOSTS) for stack in stacks if stack.startswith(HOSTS)]
    folder = cli.config_path("any").parent
    planned = [path.stem.removeprefix(f"Pulumi.{HOSTS}") for path in folder.glob(f"Pulumi.{HOSTS}*.yaml")]
    return sorted({*made, *planned})


def asked(cloud: Cloud, view: CloudView, stacks: Mapping[tuple[str, str], str]) -> None:
    """Fill in what its API server says. `stacks`: those that run there, by application and copy."""
    cloud.hosts = len(view.nodes)
    ready = [node for node in view.nodes if _has(node, "Ready")]
    cloud.ready = len(ready)
    for node in ready:
        zone = (node["metadata"].get("labels") or {}).get(ZONE, "")
        cloud.zones[zone] = cloud.zones.get(zone, 0) + 1
    free = free_hosts(view)
    cloud.free = Room(
        cpus=sum(host.cpu for host in free) / 1000,
        memory=sum(host.memory for host in free),
        pods=sum(host.members for host in free),
        shared=cloud.free is not None and cloud.free.shared,
    )
    cloud.copies = _copies(view.pods, stacks)
    cloud.state = "warm" if cloud.platform else "no platform"


def show(*, as_json: bool) -> None:
    """Print the clouds, for people or as JSON."""
    clouds = collect(pulumi())
    if as_json:
        print(json.dumps([asdict(cloud) for cloud in clouds], indent=2))
        return
    from rich.console import Console

    console = Console()
    if not clouds:
        console.print("No clouds yet. `./alto demo` makes the first, `./alto demo --clouds 2` two.")
        return
    console.print(_table(clouds))
    for cloud in clouds:
        if cloud.problem:
            console.print(f"{cloud.name}: {cloud.problem}", markup=False, soft_wrap=True)
        if cloud.state == "cold":
            console.print(
                f"{cloud.name}: not made yet; ./alto up hosts-{cloud.name}, then platform-{cloud.name}"
            )
    if any(cloud.free and cloud.free.shared for cloud in clouds):
        console.print("* These hosts are containers without limits: each counts the whole machine as free.")


def _known(cli: Pulumi, name: str, stacks: Sequence[str]) -> Cloud:
    try:
        settings = read(cli.config_path(f"{HOSTS}{name}")).get(HOSTS_KEY) or {}
    except ConfigUnreadable as error:
        return Cloud(name, "", "unreachable", problem=str(error))
    outputs = stack_outputs(cli, f"{HOSTS}{name}") if f"{HOSTS}{name}" in stacks else {}
    driver = str(outputs.get("driver") or settings.get("driver", "docker"))
    if not outputs.get("kubeconfig"):
        holder = next(locks(cli.state, PROJECT, f"{HOSTS}{name}"), None)
        state = "being made" if holder is not None and not holder.is_dead() else "cold"
        return Cloud(name, driver, state, hosts=int(settings.get("hosts", 0)))
    platform = stack_outputs(cli, f"{PLATFORM}{name}") if f"{PLATFORM}{name}" in stacks else {}
    registry = platform.get("registry")
    limited = bool(settings.get("memory")) and bool(settings.get("cpus"))
    return Cloud(
        name,
        driver,
        "unreachable",
        str(outputs.get("address") or ""),
        str(registry.get("address", "")) if isinstance(registry, dict) else "",
        hosts=len(outputs.get("nodes") or ()),
        free=Room(0, 0, 0, shared=True) if driver == "docker" and not limited else None,
    )


def _stacks_by_cloud(cli: Pulumi, stacks: Iterable[str]) -> dict[str, dict[tuple[str, str], str]]:
    found: dict[str, dict[tuple[str, str], str]] = {}
    for stack in stacks:
        if stack.startswith("app-"):
            try:
                app = AppStack.read(cli, stack)
            except ConfigUnreadable:
                continue
            found.setdefault(app.cloud, {})[app.application, app.copy] = stack
    return found


def _view(cli: Pulumi, cloud: str) -> CloudView:
    """Raises ConnectionError, in words."""
    path = credentials.refresh(cli, cloud)
    if path is None:
        raise ConnectionError("its stack has made no cluster yet")
    # Not the typed client: its decoder does not survive being begun in two threads at once.
    server = client(path)
    try:
        found = [server.get(f"/api/v1/{kind}").get("items") or [] for kind in ("nodes", "pods")]
    except (ApiError, Unreachable) as error:
        raise ConnectionError(f"its API server does not answer: {error}") from error
    finally:
        server.close()
    return CloudView(*found)


def _copies(pods: Iterable[Mapping[str, Any]], stacks: Mapping[tuple[str, str], str]) -> list[CopyHere]:
    counts: dict[tuple[str, str], list[int]] = {key: [0, 0] for key in stacks}
    for pod in pods:
        labels = pod["metadata"].get("labels") or {}
        if CLUSTER not in labels or pod.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            continue
        count = counts.setdefault((labels.get(APPLICATION, ""), labels.get(COPY, "")), [0, 0])
        count[0] += _has(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")
        count[1] += 1
    return [CopyHere(*key, stacks.get(key, ""), *count) for key, count in sorted(counts.items())]


def _has(thing: Mapping[str, Any], condition: str) -> bool:
    found = (thing.get("status") or {}).get("conditions") or []
    return any(each["type"] == condition and each["status"] == "True" for each in found)


def _answered(
    cloud: Cloud, answer: CloudView | Exception | None, stacks: Mapping[tuple[str, str], str], patience: float
) -> None:
    if isinstance(answer, CloudView):
        asked(cloud, answer, stacks)
        return
    cloud.free = None
    if isinstance(answer, Exception):
        cloud.problem = str(answer) or type(answer).__name__
    elif cloud.state == "unreachable" and not cloud.problem:
        cloud.problem = f"it has not answered within {patience:g} s"


def _table(clouds: Iterable[Cloud]) -> Any:
    from rich.table import Table

    colours = {"warm": "green", "unreachable": "red"}
    table = Table("cloud", "driver", "state", "hosts", "zones", "free", "applications", "registry")
    for cloud in clouds:
        counted = f"{cloud.ready} of {cloud.hosts} Ready" if cloud.free else f"{cloud.hosts or ''}"
        table.add_row(
            cloud.name,
            cloud.driver,
            f"[{colours.get(cloud.state, 'yellow')}]{cloud.state}",
            counted,
            ", ".join(f"{zone or '-'}: {hosts}" for zone, hosts in sorted(cloud.zones.items())),
            _room(cloud.free),
            "\n".join(_copy(each, cloud) for each in cloud.copies),
            cloud.platform,
        )
    return table


def _room(room: Room | None) -> str:
    if room is None:
        return ""
    mark = "*" if room.shared else ""
    return f"{room.cpus:.1f} CPU{mark}, {room.memory / GIB:.1f} GiB{mark}, {room.pods} Pods"


def _copy(copy: CopyHere, cloud: Cloud) -> str:
    name = copy.application if copy.copy in ("home", "") else f"{copy.application} ({copy.copy})"
    known = f" {copy.ready} of {copy.members}" if cloud.free else ""
    return name + known + ("" if copy.stack else ", of no stack here")

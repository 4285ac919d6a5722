"""`alto front`: makes, updates and removes the one address that an application has over all its copies."""

import random
import socket
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.act.app_stack import PREFIX, copies_among
from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from autoscaler.burst.front_door import FrontDoor, FrontDoorUnreachable, FrontState, stack_of
from autoscaler.burst.front_shares import Address, addresses_of, is_ip, scheme_of
from autoscaler.burst.records import Records
from console import credentials, updates
from console.applications import unknown
from console.errors import BadInput, ConsoleError
from console.live_cluster import LiveCluster
from console.status_report import stack_outputs
from toolchain import engine, paths

FRONT = "altostratus:front"
LABEL = "altostratus.front"
"""The label of a door's container: the application."""
APPLICATION = "altostratus:application"
PORTS = range(21000, 22000)
"""Where a door's ports are chosen from: below those that the kernel gives to whoever asks for any."""
READY_SECONDS = 60.0
MOVES = "moves"
"""The folder of what is under way, in the checkout's home."""


@dataclass(frozen=True)
class Copy:
    """A copy of the application as its stack says, with the members that are ready now."""

    cloud: str
    addresses: list[Address]
    scheme: str
    hosts: tuple[str, ...]
    ready: int


def front(application: str, port: int | None, listen: str | None) -> None:
    """Write the config, update the stack, tell the door which copies there are. Raises ConsoleError."""
    cli = pulumi()
    copies = list(copies_of(cli, application))
    _check(cli, application, copies)
    stack = stack_of(application)
    settings = chosen_settings(
        dict(read(cli.config_path(stack)).get(FRONT) or {}), copies[0], port, listen, _taken_ports(cli, stack)
    )
    if settings.get("driver", "docker") == "docker":
        _check_addresses(copies)
        engine.ensure()
    cli.init(stack)
    cli.configure(stack, {APPLICATION: application, FRONT: settings})
    updates.clear(cli, stack)
    updates.tell(stack, cli.up(stack, listen=print))
    door = FrontDoor.of(cli, application)
    if door is None:
        raise ConsoleError(f"{stack} is gone", "Somebody removed it at the same time; try again.")
    _fill(door, application, copies)
    state = await_serving(door)
    for cloud, share in state.clouds.items():
        print(f"{application} in {cloud}: {share.share:.0%}")
    print(f"{application} answers at {' '.join(door.urls)}")


def end(application: str) -> None:
    """Remove the front door. Raises BadInput where there is none."""
    cli, stack = pulumi(), stack_of(application)
    if not cli.exists(stack):
        raise BadInput(f"{application} has no front door", f"alto front {application} makes one.")
    updates.clear(cli, stack)
    updates.tell(stack, cli.destroy(stack, "--refresh=false", listen=print))
    cli.remove(stack)


def copies_of(cli: Pulumi, application: str) -> Iterator[Copy]:
    """The copies that are there, the home first. Those that show themselves nowhere have no addresses."""
    known = (stack_outputs(cli, stack) for stack in copies_among(cli.stacks(), application))
    made = [outputs for outputs in known if outputs.get("cloud")]
    # Data that is at home only carries no traffic of its own.
    common = set.intersection(*(set(outputs.get("clusters") or {}) for outputs in made)) if made else set()
    for outputs in made:
        balancers = (outputs.get("balancers") or {}).values()
        yield Copy(
            str(outputs["cloud"]),
            addresses_of(outputs),
            scheme_of(outputs) or "http",
            tuple(dict.fromkeys(host for each in balancers for host in each.get("hosts") or [])),
            _ready(cli, outputs, common or set(outputs.get("clusters") or {})),
        )


def chosen_settings(
    kept: Mapping[str, Any], home: Copy, port: int | None, listen: str | None, taken: Mapping[int, str]
) -> dict[str, Any]:
    """The door's settings: what a person wrote stays, what is missing is filled in.

    `taken`: whose ports are whose, of the other doors. Raises BadInput for a port that somebody has.
    """
    found = {**kept, "copies": home.scheme}
    found.setdefault("scheme", home.scheme)
    if home.hosts:
        found.setdefault("hosts", list(home.hosts))
    if listen is not None:
        found["listen"] = listen
    if port is not None:
        found["port"] = port
    if found.get("driver", "docker") == "docker":
        for key in ("port", "statePort"):
            if found.get(key) is None:
                found[key] = free_port(taken)
            elif found[key] in taken or (found[key] != kept.get(key) and not _is_free(found[key])):
                # Two doors of one user could both have it, and would share their clients.
                whose = taken.get(found[key], "somebody on this machine")
                raise BadInput(f"{key} {found[key]} is taken by {whose}", "Name another with --port.")
            taken = {**taken, found[key]: "this door itself"}
    return found


def free_port(taken: Collection[int]) -> int:
    """Any port of PORTS that no door has and nobody on this machine listens on. Raises ConsoleError.

    At random: it is bound seconds later, and two that choose meanwhile are not to choose the same.
    """
    for port in random.sample(PORTS, len(PORTS)):
        if port not in taken and _is_free(port):
            return port
    raise ConsoleError(
        f"no port from {PORTS.start} to {PORTS.stop - 1} is free on this machine", "Name one with --port."
    )


def await_serving(door: FrontDoor, limit: float = READY_SECONDS) -> FrontState:
    """The door's state once it serves with a copy. Raises ConsoleError after `limit` seconds."""
    deadline, said = time.monotonic() + limit, "no copy answers it"
    while time.monotonic() < deadline:
        try:
            state = door.state()
            if state.ready and any(each.serving and each.share for each in state.clouds.values()):
                return state
            said = state.problem or "no copy answers it"
        except FrontDoorUnreachable as error:
            said = str(error)
        time.sleep(0.1)
    raise ConsoleError(
        f"the front door of {door.application} does not serve: {said}",
        f"`alto lb {door.application}` shows what it sees, its container's log more.",
    )


def sweep(cli: Pulumi, application: str) -> list[str]:
    """Remove containers of the door that no stack knows, as a killed update leaves them; what was done."""
    from console.orphans import sweep_labelled

    known = {
        str(resource.get("id"))
        for resource in cli.deployment(stack_of(application)).get("resources", [])
        if resource["type"].startswith("docker:")
    }
    return sweep_labelled(f"{LABEL}={application}", known)


def _fill(door: FrontDoor, application: str, copies: list[Copy]) -> None:
    records = Records(paths.home() / MOVES)
    move = records.load(application)
    if move is not None:
        print(f"{application}: {move.words} is under way; it tells the door what it has to")
        return
    owed = {each.cloud for each in records.owed(application)}  # out of use, whatever answers there
    reached = {each.cloud: each.addresses for each in copies if each.addresses and each.cloud not in owed}
    weights = {each.cloud: each.ready for each in copies if each.cloud in reached}
    if not any(weights.values()):
        weights[next(iter(reached))] = 1
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            door.put(reached)
            door.share(weights)
            return
        except FrontDoorUnreachable as error:
            if time.monotonic() > deadline:
                raise ConsoleError(str(error), f"`docker ps --filter label={LABEL}={application}`") from error
            time.sleep(0.2)


def _check(cli: Pulumi, application: str, copies: list[Copy]) -> None:
    if not copies:
        if cli.exists(f"{PREFIX}{application}"):
            raise BadInput(
                f"{application} is not deployed yet", f"`alto up {PREFIX}{application}` deploys it."
            )
        raise unknown(cli, application)
    if not any(each.addresses for each in copies):
        raise BadInput(
            f"no copy of {application} can be reached from outside its cloud",
            "Give its document a loadBalancer of exposure node, or a port of exposure node.",
        )
    schemes = {each.scheme for each in copies if each.addresses}
    if len(schemes) > 1:
        raise BadInput(
            f"the copies of {application} speak {' and '.join(sorted(schemes))}", "Update them all first."
        )


def _check_addresses(copies: list[Copy]) -> None:
    names = [host for each in copies for host, _ in each.addresses if not is_ip(host)]
    if names:
        raise BadInput(
            f"a front door on this machine reaches copies by IP address only, not by {', '.join(names)}",
            f"Set {FRONT} to {{driver: aws, options: {{zone: ..., name: ...}}}}.",
        )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As the door's own: a port whose last connections are just ending is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _taken_ports(cli: Pulumi, own: str) -> dict[int, str]:
    """The ports of all doors of this checkout but this one's, with the door's stack."""
    found: dict[int, str] = {}
    for stack in cli.stacks():
        if stack.startswith("front-") and stack != own:
            settings = read(cli.config_path(stack)).get(FRONT) or {}
            ports = [settings.get(key) for key in ("port", "statePort")]
            found |= {port: stack for port in ports if isinstance(port, int)}
    return found


def _ready(cli: Pulumi, outputs: Mapping[str, Any], clusters: set[str]) -> int:
    """Members of these clusters that are ready now; those it should have where its cloud does not say."""
    try:
        kubeconfig = credentials.refresh(cli, str(outputs["cloud"]))
        if kubeconfig is not None:
            members = LiveCluster(kubeconfig).members(str(outputs["namespace"]))
            return sum(each.ready for each in members if each.cluster in clusters)
    except ConnectionError:
        return 0
    return sum(int(each) for id, each in (outputs.get("members") or {}).items() if id in clusters)

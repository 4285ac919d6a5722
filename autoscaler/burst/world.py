"""What a move can look at and change: everything outside its own record, behind a few small doors."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from autoscaler.act.app_stack import PREFIX, SEPARATOR, copies_among
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.balancer_control import Further, Served
from autoscaler.burst.front_shares import Address, addresses_of

_STACK = "pulumi:pulumi:Stack"


class Shared(Protocol):
    """One cloud behind a front door, as far as a move looks at it."""

    @property
    def weight(self) -> int: ...
    @property
    def serving(self) -> bool: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def queued(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def errors(self) -> int: ...


class Seen(Protocol):
    """A front door's state."""

    @property
    def clouds(self) -> Mapping[str, Shared]: ...
    @property
    def counted(self) -> bool: ...
    @property
    def settles(self) -> float: ...


class Front(Protocol):
    """An application's front door (`burst.front_door`)."""

    def state(self) -> Seen: ...
    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None: ...
    def share(self, weights: Mapping[str, int]) -> None: ...
    def hold(self, clouds: Sequence[str]) -> bool: ...


class CommandFailed(Exception):
    """A program in a member ended with another code than 0; the text is what it said."""


class Clouds(Protocol):
    """The clouds' API servers."""

    def answers(self, cloud: str) -> bool:
        """Whether its API server answers now; never raises."""
        ...

    def ready(self, cloud: str, namespace: str, copy: str) -> Mapping[str, tuple[int, int]]:
        """Members asked for and ready, by cluster's Kubernetes name. Raises ConnectionError."""
        ...

    def namespace(self, cloud: str, name: str) -> Mapping[str, str] | None:
        """The labels of a namespace; None where there is none. Raises ConnectionError."""
        ...

    def has_data(self, cloud: str, namespace: str) -> bool:
        """Whether claims are in it. Raises ConnectionError."""
        ...

    def drop(self, cloud: str, namespace: str) -> None:
        """Begin to delete it. Raises ConnectionError."""
        ...

    def run(self, cloud: str, namespace: str, member: str, command: Sequence[str]) -> str:
        """What a program in a member's main container says. Raises CommandFailed, ConnectionError."""
        ...

    def lead(self, cloud: str, namespace: str, service: str, selector: Mapping[str, str], port: int) -> None:
        """Let a Service lead to a port of the Pods with these labels. Raises ConnectionError."""
        ...

    def told(self, cloud: str, namespace: str) -> Mapping[str, frozenset[str]]:
        """The clouds that each load balancer has further members of. Raises ConnectionError."""
        ...

    def tell(self, cloud: str, namespace: str, balancer: str, further: Further, only: Sequence[str]) -> bool:
        """Have a load balancer know these members of the clouds `only`. Raises ConnectionError."""
        ...

    def holding(self, cloud: str, namespace: str, beyond: str) -> int | None:
        """Requests that load balancers have with members of another cloud; None where they know none.
        Raises ConnectionError."""
        ...

    def served(self, cloud: str, namespace: str, balancer: str) -> Served:
        """What a load balancer has served. Raises ConnectionError."""
        ...

    def sweep(self, cloud: str, namespace: str, beyond: str) -> None:
        """Remove links to another cloud. Raises ConnectionError."""
        ...


@dataclass(frozen=True, slots=True)
class Times:
    """How long things are waited for, in seconds.

    silent: an API server that does not answer for so long is away. drain: requests in flight of a copy that
    leaves. serve: until a copy's address answers, after its members are ready. watch: each step of a
    migration is watched for so long. look: between two looks. locked: somebody else's update. held: requests
    in flight before data changes hands. caught_up: followers' data after home takes no writes any more.
    """

    silent: float = 20.0
    drain: float = 60.0
    serve: float = 60.0
    watch: float = 5.0
    look: float = 0.25
    locked: float = 600.0
    namespace: float = 120.0
    held: float = 10.0
    caught_up: float = 30.0


@dataclass(frozen=True)
class World:
    """The doors. `prepare` builds a stack's images; `recovered` clears what a killed update left;
    `dropped` removes what was kept on this machine for a cloud that was destroyed."""

    cli: Pulumi
    clouds: Clouds
    front: Callable[[str], Front | None]
    serves: Callable[[Mapping[str, Any]], bool]
    prepare: Callable[[Pulumi, str], None]
    recovered: Callable[[Pulumi, str], Sequence[str]]
    dropped: Callable[[str], None]
    times: Times = field(default_factory=Times)
    now: Callable[[], float] = time.time
    wait: Callable[[float], object] = time.sleep


def outputs(cli: Pulumi, stack: str) -> dict[str, Any]:
    """The stack's plain outputs from its checkpoint; encrypted ones stay as they are."""
    for resource in cli.deployment(stack).get("resources", []):
        if resource["type"] == _STACK:
            return dict(resource.get("outputs") or {})
    return {}


def made(cli: Pulumi, stack: str) -> bool:
    """Whether the stack has made anything that is still there."""
    return any(each["type"] != _STACK for each in cli.deployment(stack).get("resources", []))


def mark_of(cli: Pulumi, stack: str) -> str:
    """What is another one after each update of the stack, whoever made it."""
    return str((cli.deployment(stack).get("manifest") or {}).get("time", ""))


def home_of(application: str) -> str:
    """The stack of the application's home."""
    return f"{PREFIX}{application}"


def copies(cli: Pulumi, application: str) -> dict[str, str]:
    """The application's stacks that have made something, by cloud, its home's first."""
    home = home_of(application)
    found = {}
    for stack in copies_among(cli.stacks(), application):
        cloud = outputs(cli, stack).get("cloud") or stack.removeprefix(home).removeprefix(SEPARATOR)
        if cloud and made(cli, stack):
            found[str(cloud)] = stack
    return found


def addresses(cli: Pulumi, stack: str) -> list[Address]:
    """Where a copy is reached from outside its cloud."""
    return addresses_of(outputs(cli, stack))

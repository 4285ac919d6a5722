"""The interface of a front door's driver. A third one is a class like these two, named by an entry point."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

import pulumi

Scheme = Literal["http", "https"]


@dataclass(frozen=True)
class FrontCloud:
    """A cloud behind the door: its weight, and where its copy is reached (host, port)."""

    weight: int
    addresses: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class GivenPair:
    """Names of the stack's secrets with a certificate and its key (PEM)."""

    certificate: str
    key: str


@dataclass(frozen=True)
class Front:
    """What a front door is to be. Ports and addresses are this machine's, for drivers that listen."""

    application: str
    scheme: Scheme = "http"
    """What clients speak to it."""
    copies: Scheme = "http"
    """What it speaks to the copies."""
    listen: str = "127.0.0.1"
    port: int = 0
    state_port: int = 0
    hosts: tuple[str, ...] = ()
    """Host names that its certificate is for."""
    certificate: GivenPair | None = None
    """Left out, one is made."""
    health_path: str | None = None
    """What a copy is asked for; left out, its port is opened only."""
    answer_within: str | None = None
    """How long a copy may be silent before a request that is safe to repeat goes to another; None: 60 s, and
    it fails."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Settings of the driver's own."""
    clouds: Mapping[str, FrontCloud] = field(default_factory=dict)
    """Who stands behind it, for drivers that are steered by config."""


@dataclass(frozen=True)
class Place:
    """Where a door is made. `secret` looks up a secret of the stack by (name, who wants it)."""

    folder: Path
    """A folder of the door's own that is kept."""
    owner: int
    """The numeric user that its files belong to, and that it runs as."""
    secret: Callable[[str, str], pulumi.Output[str]]


@dataclass(frozen=True)
class Made:
    """What a driver made. `outputs` are exported beside `urls`.

    With `steering` "file" they name `folder`, `state`, `token` and `authority`: the door follows its files.
    With "config" it follows `altostratus:clouds` of its stack, and `settles` says how many seconds it takes
    until everybody knows.
    """

    urls: pulumi.Output[list[str]]
    steering: Literal["file", "config"]
    outputs: Mapping[str, Any] = field(default_factory=dict)


class FrontDriver(Protocol):
    """Makes front doors. One object serves any number of them."""

    def problems(self, front: Front) -> Sequence[str]:
        """What it cannot do of that, in words, before anything is made. Pure."""

    def create(self, front: Front, place: Place, parent: pulumi.Resource) -> Made:
        """Register the resources as children of `parent`."""

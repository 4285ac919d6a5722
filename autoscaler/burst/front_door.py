"""The front door of an application, while it runs: which clouds stand behind it, and who gets how much.

Nothing here is an update of a stack where the door's driver can be told directly: what is set is in force
within a second, and kept over restarts of the door, of its engine, and over updates of its stack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_shares import Address, addresses_of, scheme_of

__all__ = [
    "Address",
    "CloudShare",
    "FrontDoor",
    "FrontDoorUnreachable",
    "FrontState",
    "addresses_of",
    "scheme_of",
    "stack_of",
]

PREFIX = "front-"


class FrontDoorUnreachable(Exception):
    """The door does not answer, or did not take what it was told; the text is for people.

    What was to be set is kept all the same where it could be written: it is in force when the door is back.
    """

    exit_code = 1


@dataclass(frozen=True)
class CloudShare:
    """One cloud behind the door. Counts are the door's since it started."""

    weight: int
    """As told; only proportions count."""
    share: float
    """Its part of the requests now, 0 to 1: 0 while it cannot serve and another can."""
    serving: bool
    """Whether any of its addresses passes its checks."""
    in_flight: int
    """Requests that it is answering now."""
    queued: int
    """Requests that wait for it to serve."""
    requests: int
    errors: int
    """Answered 5xx, or broken off, by it or by the door in its name."""
    unanswered: int = 0
    """Those of the errors that no copy answered in whole, so that none has counted them."""


@dataclass(frozen=True)
class FrontState:
    """The door by cloud, in the order they were told.

    `counted` is False where the driver knows no figures (DNS): then shares are what was told, all serve, and
    the counts are 0; a move takes what the clouds' own balancers tell (`front_figures`). `settles`: seconds
    until clients have followed a change, or where it is counted, the age of the figures.
    """

    clouds: Mapping[str, CloudShare]
    ready: bool = True
    problem: str = ""
    counted: bool = True
    settles: float = 1.0


class Steering(Protocol):
    """How one driver's doors are told, and asked."""

    def state(self) -> FrontState: ...

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None: ...

    def share(self, weights: Mapping[str, int]) -> None: ...

    def hold(self, clouds: Sequence[str]) -> bool: ...


def stack_of(application: str) -> str:
    """The name of the stack of an application's front door."""
    return f"{PREFIX}{application}"


class FrontDoor:
    """The front door of one application."""

    def __init__(self, application: str, urls: Sequence[str], steering: Steering) -> None:
        self.application, self.urls = application, tuple(urls)
        self._steering = steering

    @classmethod
    def of(cls, cli: Pulumi, application: str) -> FrontDoor | None:
        """The door of an application; None where there is no stack `front-<application>`.

        Reads the stack's state and starts no program. Raises FrontDoorUnreachable where the stack is there
        and the door was never made, or not on this machine.
        """
        from autoscaler.burst import front_steering

        stack = stack_of(application)
        if not cli.exists(stack):
            return None
        outputs = _outputs(cli, stack)
        if "steering" not in outputs:
            raise FrontDoorUnreachable(f"{stack} is not made yet; alto front {application} makes it")
        return cls(application, outputs.get("urls") or (), front_steering.of(cli, stack, outputs))

    def state(self) -> FrontState:
        """What it says now. Raises FrontDoorUnreachable."""
        return self._steering.state()

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None:
        """Tell which clouds stand behind it, and at which addresses (IP, port); returns when in force.

        A cloud that is not named gets no new requests first and is then out; what it has in flight it may
        finish (30 s). One that is new has weight 0, unless nobody has any: then the first named gets all.
        Raises ValueError for addresses that are none, FrontDoorUnreachable.
        """
        self._steering.put(clouds)

    def share(self, weights: Mapping[str, int]) -> None:
        """Tell the weights (0 to 1,000,000); clouds not named keep theirs. Returns when they are in force.

        Raises ValueError for a cloud that was not put, FrontDoorUnreachable.
        """
        self._steering.share(weights)

    def hold(self, clouds: Sequence[str]) -> bool:
        """Let requests for these clouds wait (30 s at most), and no others' any more; what is in flight
        goes on. Where a cloud is let go of without a share, those that waited for it go to the others.

        False where the driver cannot let requests wait. Raises ValueError, FrontDoorUnreachable.
        """
        return self._steering.hold(clouds)


def _outputs(cli: Pulumi, stack: str) -> dict[str, Any]:
    """The stack's outputs; the secret ones stay as they are."""
    for resource in cli.deployment(stack).get("resources") or ():
        if resource["type"] == "pulumi:pulumi:Stack":
            return dict(resource.get("outputs") or {})
    return {}

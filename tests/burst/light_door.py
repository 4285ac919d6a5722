"""A front door in memory, in which every effect is a place to be killed at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autoscaler.burst.balancer_control import Served
from autoscaler.burst.front_door import CloudShare, FrontState
from autoscaler.burst.front_shares import Address

SETTLES = 50.0
"""Seconds until clients of a door that is a name go where it leads."""


class Killed(BaseException):
    """The process is gone: nothing in it may go on."""


@dataclass
class Fate:
    """Counts the effects; kills at one of them, before it or after it."""

    at: int = 0
    after: bool = False
    effects: list[str] = field(default_factory=list)

    def act(self, name: str, do: Any) -> Any:
        self.effects.append(name)
        here = len(self.effects) == self.at
        if here and not self.after:
            raise Killed(name)
        try:
            return do()
        finally:
            if here:
                raise Killed(name)


@dataclass
class LightDoor:
    """A front door. `errs`: of a hundred requests, so many fail at a cloud. `counted`: False for one that
    tells nothing but its shares, while the balancers behind it count."""

    fate: Fate
    clouds: dict[str, CloudShare] = field(default_factory=dict)
    errs: dict[str, int] = field(default_factory=dict)
    shares: list[Mapping[str, int]] = field(default_factory=list)
    away: bool = False
    held: tuple[str, ...] = ()
    counted: bool = True

    def state(self) -> FrontState:
        """A hundred requests come between two looks, shared by weight."""
        whole = sum(each.weight for each in self.clouds.values()) or 1
        for name, each in self.clouds.items():
            more = 100 * each.weight // whole
            failed = more * self.errs.get(name, 0) // 100
            self.clouds[name] = replace(
                each, requests=each.requests + more, errors=each.errors + failed, in_flight=0
            )
        if self.counted:
            return FrontState(dict(self.clouds))
        told = {name: CloudShare(e.weight, 0.0, True, 0, 0, 0, 0) for name, e in self.clouds.items()}
        return FrontState(told, counted=False, settles=SETTLES)

    def served(self, cloud: str) -> Served:
        """What the balancer of the copy in a cloud has served."""
        each = self.clouds[cloud]
        return Served(each.serving, each.in_flight, each.queued, each.requests, each.errors)

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None:
        def do() -> None:
            fresh = CloudShare(0, 0.0, True, 0, 0, 0, 0)
            self.clouds = {name: self.clouds.get(name, fresh) for name in clouds}
            self.held = tuple(name for name in self.held if name in clouds)
            if not any(each.weight for each in self.clouds.values()) and self.clouds:
                first = next(iter(self.clouds))
                self.clouds[first] = replace(self.clouds[first], weight=100)

        self.fate.act(f"put {' '.join(clouds)}", do)

    def share(self, weights: Mapping[str, int]) -> None:
        def do() -> None:
            self.shares.append(dict(weights))
            for name, weight in weights.items():
                self.clouds[name] = replace(self.clouds[name], weight=weight, in_flight=weight and 3)

        self.fate.act(f"share {dict(weights)}", do)

    def hold(self, clouds: Sequence[str]) -> bool:
        if not self.counted:
            return False

        def do() -> None:
            self.held = tuple(clouds)

        self.fate.act(f"hold {' '.join(clouds)}", do)
        return True

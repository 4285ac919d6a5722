"""A front door that counts nothing itself (DNS): what its copies' own load balancers tell stands in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from autoscaler.burst.balancer_control import Served
from autoscaler.burst.front_shares import Address
from autoscaler.burst.world import Front, Seen, Shared

Ask = Callable[[str], Served | None]
"""What a cloud's copy has served; None where nothing counts it. Raises ConnectionError."""


@dataclass(frozen=True)
class _Filled:
    clouds: Mapping[str, Shared]
    counted: bool
    settles: float


class Figured:
    """The same door, whose state has figures wherever there are any.

    A balancer that cannot be asked has served what it told last, and serves still until it has been silent
    for `silent` seconds; one that was never heard does not serve.
    """

    def __init__(self, door: Front, ask: Ask, now: Callable[[], float], silent: float) -> None:
        self._door, self._ask, self._now, self._silent = door, ask, now, silent
        self._heard: dict[str, tuple[float, Served]] = {}

    def state(self) -> Seen:
        told = self._door.state()
        if told.counted:
            return told
        found = {name: self._filled(name, each) for name, each in told.clouds.items()}
        return _Filled(found, told.counted, told.settles)

    def put(self, clouds: Mapping[str, Sequence[Address]]) -> None:
        self._door.put(clouds)

    def share(self, weights: Mapping[str, int]) -> None:
        self._door.share(weights)

    def hold(self, clouds: Sequence[str]) -> bool:
        return self._door.hold(clouds)

    def _filled(self, cloud: str, each: Shared) -> Shared:
        try:
            served = self._ask(cloud)
        except ConnectionError:
            at, served = self._heard.get(cloud, (float("-inf"), Served()))
            if self._now() - at > self._silent:
                served = replace(served, serving=False)
        else:
            if served is None:
                return each
            self._heard[cloud] = self._now(), served
        return replace(served, weight=each.weight)

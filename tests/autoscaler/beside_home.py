"""An application whose clusters overflow singly, in simulated time: as `two_clouds`, with a load balancer at
home that is told of members elsewhere, and no whole copies."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from autoscaler.act.stack_config import replace_file
from autoscaler.burst.moves import Ended
from autoscaler.burst.watching_balancers import Balancers
from autoscaler.burst.watching_room import Listing
from autoscaler.decide.policy import REQUEST_RATE
from autoscaler.observe.source import Measurement, Place
from blueprints.scale import ScaleState
from policies.placement.problem import Host
from tests.autoscaler import two_clouds
from tests.autoscaler.two_clouds import CLOUDS, COPY, HOME, LEAD_SECONDS, MEMBER_RATE, PERIOD, AtOnce, World

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
loadBalancer: entrance
deployment: home-first
cartridges: [{alias: web, cartridge: php, members: {min: 1, max: 9}, autoscaling: by-rate}]
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: entrance
listeners: [{name: http, port: 80}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: local
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: away
partitions: [{name: room}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: home-first
hold: 30s
networkPartitions:
  - {name: home, partitions: [{name: room, max: 2}]}
  - {name: rented, partitions: [{name: room, max: 3}]}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: by-rate
thresholds: {requestRate: 10}
damping: {settle: 10s}
"""
ROOMY = Listing((Host("host1", 64_000, 2**40, 500),), {}, {})


class Stacks(two_clouds.Stacks):
    """Stands where `Moves` do."""

    def overflow(self, application: str, cloud: str, clusters: Sequence[str], scale: ScaleState) -> Ended:
        world = self.world
        assert isinstance(world, BesideWorld)
        move = world.record = world.record or self._move("overflow")
        if not world.exists(COPY):
            world.configure(COPY, scale.to_data())
        world.record = None
        return Ended(move, "done", LEAD_SECONDS)

    def end(self, application: str, cloud: str) -> Ended:
        world = self.world
        assert isinstance(world, BesideWorld)
        move = world.record = world.record or self._move("end")
        world.further.pop(cloud, None)
        world.remove(COPY)
        world.record = None
        return Ended(move, "done", two_clouds.END_SECONDS)


@dataclass
class BesideWorld(World):
    """`further`: members in other clouds that the home's load balancer knows, by cloud; `free`: room."""

    further: dict[str, int] = field(default_factory=dict)
    free: dict[str, Listing | None] = field(default_factory=lambda: {"local": ROOMY, "away": ROOMY})

    def __post_init__(self) -> None:
        super().__post_init__()
        (self.folder / "shop.yaml").write_text(SHOP)

    def start(self) -> None:
        super().start()
        self.watching.doors = None
        self.watching.balancers = Balancers(self._told, lambda: self.clock.now, AtOnce(self.clock))
        self.watching.capacity.of = lambda cloud: (  # type: ignore[method-assign]
            None if cloud in self.away else self.free[cloud]
        )

    def _moves(self, say: Any, give_up: Any) -> Stacks:
        return Stacks(self, say, give_up)

    def _told(
        self, cloud: str, namespace: str, balancer: str, further: Mapping[str, Any], only: Sequence[str]
    ) -> bool:
        assert cloud == CLOUDS[HOME]
        names = [each["name"] for members in further.values() for each in members]
        for other in only:
            self.further[other] = sum(name.startswith(f"{other}.") for name in names)
        return True

    def configure(self, stack: str, scale: Mapping[str, Any]) -> int:
        members = super().configure(stack, scale)
        if stack != COPY:
            return members
        path = self.cli.config_path(stack)
        config = yaml.safe_load(path.read_text())
        config["config"]["altostratus:clusters"] = ["web"]
        replace_file(path, yaml.safe_dump(config))
        state = self.cli.state_path(stack)
        data = json.loads(state.read_text())
        outputs = data["checkpoint"]["latest"]["resources"][0]["outputs"]
        outputs["links"] = {"web:http": {"host": "10.96.0.9", "port": 80}}
        state.write_text(json.dumps(data))
        return members

    def _load(self, rate: float) -> None:
        """All requests come in at home, and are counted there only."""
        members = self.ready(HOME) + min(self.further.get(CLOUDS[COPY], 0), self.serving(COPY))
        carried = min(rate, 1.3 * MEMBER_RATE * members)
        place = Place(CLOUDS[HOME], "app-shop", "home", "web")
        self.board.take(Measurement(place, REQUEST_RATE, "", rate, self.clock.now, PERIOD))
        self.lost += max(0.0, rate - carried) * PERIOD

    def serving(self, stack: str) -> int:
        return 0 if CLOUDS[stack] in self.away else self.ready(stack)

"""A shop for tests of the loop: real files, a board, and members that do as they are told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.edits import Outcome, ScaleEdit, Ticket
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.decide.policy import LOAD_AVERAGE
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.watched import Watched
from autoscaler.observe.board import Board
from autoscaler.observe.members import SeenCluster, SeenMember
from autoscaler.observe.source import Measurement, Place
from blueprints.scale import ScaleState

NOW = 1_700_000_000.0
PERIOD = 5.0
STACK = "app-shop"

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, members: {min: 2, max: 8}, autoscaling: busy}
  - {alias: cache, cartridge: redis, members: {min: 1, max: 6}}
  - {alias: db, cartridge: mysql, members: {min: 1, max: 2}}
groups:
  - alias: search
    instances: {min: 1, max: 3}
    cartridges:
      - {alias: engine, cartridge: tomcat, members: {min: 1, max: 2}, autoscaling: busy}
scaling: [{members: [web, cache], ratio: 2:1}]
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: busy
thresholds: {loadAverage: 50}
"""


class Office:
    """Stands where the runner does: takes edits, and writes them when it is told to."""

    def __init__(self, cli: Pulumi) -> None:
        self.cli = cli
        self.edits: list[ScaleEdit] = []
        self.applied: list[tuple[str, str]] = []
        self.tickets: list[Ticket] = []

    def submit(self, edit: ScaleEdit) -> Ticket:
        self.edits.append(edit)
        return self._ticket(edit.stack)

    def apply(self, stack: str, reason: str) -> Ticket:
        self.applied.append((stack, reason))
        return self._ticket(stack)

    def _ticket(self, stack: str) -> Ticket:
        self.tickets.append(Ticket(len(self.tickets) + 1, stack))
        return self.tickets[-1]

    def write(self) -> ScaleState:
        """What the last edit makes of the config."""
        path = self.cli.config_path(STACK)
        config = yaml.safe_load(path.read_text())
        scale = self.edits[-1].onto(ScaleState.parse(config["config"].get("altostratus:scale")))
        config["config"]["altostratus:scale"] = scale.to_data()
        path.write_text(yaml.safe_dump(config))
        self.tickets[-1].succeed(Outcome("applied", scale.generation))
        return scale


class Shop:
    """One application over files in a folder, with members that are told."""

    def __init__(self, folder: Path) -> None:
        self.cli = Pulumi(folder, folder / "pulumi", folder / "state", folder / "logs", {})
        self.documents = folder / "shop.yaml"
        self.documents.write_text(SHOP)
        self.configure({})
        self.state({"web": 2, "cache": 1, "db": 1, "search.1/engine": 1})
        self.office = Office(self.cli)
        self.board = Board()
        self.loop = ApplicationLoop(Watched(self.cli, STACK), self.board, self.office)
        self.now = NOW
        self.gone: set[str] = set()

    def configure(self, scale: Mapping[str, Any], **more: Any) -> None:
        keys: dict[str, Any] = {"blueprint": "shop.yaml", "application": "shop", "cloud": "local", **more}
        if scale:
            keys["scale"] = dict(scale)
        path = self.cli.config_path(STACK)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in keys.items()}}))

    def scaled(self, **clusters: int) -> None:
        """The config asks for these members, and the last update has made them."""
        self.configure({"clusters": clusters, "groups": {}, "generation": 4})
        self.state({"web": 2, "cache": 1, "db": 1, "search.1/engine": 1, **clusters})

    def state(self, members: Mapping[str, int]) -> None:
        path = self.cli.state_path(STACK)
        path.parent.mkdir(parents=True, exist_ok=True)
        stack = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": {"members": dict(members)}}
        path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [stack]}}}))

    def edit(self, old: str, new: str) -> None:
        text = self.documents.read_text()
        assert old in text
        self.documents.write_text(text.replace(old, new))

    def seen(self, starting: int = 0) -> dict[str, SeenCluster]:
        """Everything that is asked for runs; of web, the last `starting` members do not start."""
        view = self.loop.view
        assert view is not None
        found = {}
        for cluster in view.plan.clusters.values():
            members = tuple(
                self._member(
                    f"{cluster.name}-{n}", not (cluster.id == "web" and n >= cluster.members - starting)
                )
                for n in range(cluster.members)
            )
            found[cluster.name] = SeenCluster(cluster.name, cluster.members, members)
        return found

    def _member(self, name: str, ready: bool) -> SeenMember:
        state = "Ready" if ready else "web: ImagePullBackOff"
        started = 3.0 if ready else None
        return SeenMember(name, "host1", ready, False, False, state, self.now - 20, started, cpu=1.0)

    def tick(self, loads: Mapping[str, float], starting: int = 0, cloud: bool = True) -> None:
        """One period; `loads` by cluster id is what its members share; clusters left out are silent."""
        self.now += PERIOD
        self.loop.read(self.now)
        if self.loop.view is None:
            return
        seen = self.seen(starting)
        for cluster in self.loop.view.plan.clusters.values():
            place = Place("local", self.loop.view.plan.namespace, "home", cluster.id)
            ready = [member.name for member in seen[cluster.name].members if member.ready]
            for name in ready if cluster.id in loads else ():
                each = loads[cluster.id] / len(ready)
                if name not in self.gone:
                    self.board.take(Measurement(place, LOAD_AVERAGE, name, each, self.now - 1, 4.0))
        self.loop.tick(self.now, PERIOD, seen if cloud else None)

    def run(self, loads: Mapping[str, float], ticks: int, **more: Any) -> None:
        for _ in range(ticks):
            self.tick(loads, **more)

    @property
    def kinds(self) -> list[str]:
        return [row.action for row in self.loop.notes.decisions]


ENGINE = {"search.1/engine": 30.0}
CALM = {"web": 60.0, **ENGINE}
# What two members of web carry at 90 % each, and four at 45 %.
BUSY = {"web": 180.0, **ENGINE}

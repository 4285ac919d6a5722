"""One application over two clouds, its front door, and the autoscaler that watches it."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_door import CloudShare, FrontDoor, FrontDoorUnreachable
from autoscaler.burst.records import Records
from tests.autoscale_process import AutoscaleProcess
from tests.cluster import applications
from tests.demo import ROOT, Demo
from toolchain import paths

DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: {name}
loadBalancer: entrance
placement: home-then-away
deployment: little-at-home
objectives: {{availability: 99.9%, latency: [{{within: 300ms, share: 95%}}], window: 1d}}
cartridges:
  - {{alias: web, cartridge: php, members: {{min: 1, max: 5}}, autoscaling: by-rate}}
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: home
cloud: {home}
partitions: [{{name: room}}]
---
apiVersion: altostratus/v1
kind: NetworkPartition
name: rented
cloud: {away}
partitions: [{{name: room}}]
---
apiVersion: altostratus/v1
kind: DeploymentPolicy
name: little-at-home
networkPartitions:
  - {{name: home, partitions: [{{name: room, max: 2}}]}}
  - {{name: rented, partitions: [{{name: room, max: 3}}]}}
---
apiVersion: altostratus/v1
kind: ApplicationPolicy
name: home-then-away
networkPartitions: [home, rented]
burst: {{at: 90%, hold: {hold}}}
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: entrance
scope: application
driver: haproxy
replicas: {{min: 1, max: 1}}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: by-rate
thresholds: {{requestRate: 10}}
damping: {{settle: 10s}}
"""


def checkout(home: str, name: str) -> Demo:
    """This checkout as tests drive it, with `home` as its cloud."""
    base = Demo(home, name, "", {**os.environ, "ALTO_HOME": str(paths.home())})
    lines = base.alto("env", "--cloud", home).stdout
    exports = base.run("sh", "-c", f"{lines}\nenv -0").stdout
    return replace(base, environment=dict(each.split("=", 1) for each in exports.split("\0") if "=" in each))


@dataclass
class Bursting:
    """`folder` holds the documents, the autoscaler's settings and its log. `beside`: by leases."""

    demo: Demo
    away: str
    folder: Path
    beside: bool = False
    hold: str = "10s"
    cli: Pulumi = field(default_factory=pulumi)

    @property
    def name(self) -> str:
        return self.demo.application

    @property
    def home(self) -> str:
        return self.demo.cloud

    @property
    def copy(self) -> str:
        return f"app-{self.name}--{self.away}"

    @property
    def log(self) -> Path:
        return self.folder / "autoscale.log"

    def make(self) -> AutoscaleProcess:
        """The application at home and its front door; the autoscaler is not started yet."""
        blueprint = self.folder / f"{self.name}.yaml"
        text = DOCUMENTS.format(name=self.name, home=self.home, away=self.away, hold=self.hold)
        blueprint.write_text(text)
        applications.make(self.demo, self.name, blueprint, self.name)
        self.demo.alto("front", self.name)
        settings: dict[str, Any] = {"serve": {"port": 0}}
        if self.beside:
            settings["sharing"] = {
                "cloud": self.home,
                "namespace": f"app-{self.name}",
                "identity": self.name,
            }
        file = self.folder / "settings.yaml"
        file.write_text(yaml.safe_dump(settings))
        return AutoscaleProcess(self.demo, self.name, file, self.log)

    def remove(self) -> None:
        """All of it, in order, whatever came before."""
        for end in (
            lambda: self.demo.alto("burst", self.name, "--to", self.away, "--end"),
            lambda: self.demo.alto("front", self.name, "--end"),
            lambda: applications.remove(self.demo, self.name),
        ):
            try:
                end()
            except Exception as error:
                print(f"  {error}", flush=True)
        # What is known about an application outlives it, as its backups do: here it was for this run only.
        home = paths.home()
        known = (
            "autoscaler/journal-{}*",
            "autoscaler/learnt/app-{}*",
            "supervision/app-{}.*",
            "leases/app-{}.lease",
        )
        for path in (path for each in known for path in home.glob(each.format(self.name))):
            path.unlink()

    def url(self) -> str:
        return str(self.cli.outputs(f"front-{self.name}")["urls"][0])

    def moving(self) -> bool:
        return Records(paths.home() / "moves").load(self.name) is not None

    def behind(self, cloud: str) -> CloudShare | None:
        """What the front door says of a cloud."""
        try:
            door = FrontDoor.of(self.cli, self.name)
            return None if door is None else door.state().clouds.get(cloud)
        except FrontDoorUnreachable:
            return None

    def shared(self) -> bool:
        """Whether the copy gets requests, and no move goes on."""
        if self.moving():
            return False
        there = self.behind(self.away)
        return there is not None and there.share > 0

    def served_by_copy(self) -> int:
        """Requests that the copy has answered by the door's count."""
        there = self.behind(self.away)
        return 0 if there is None else there.requests

    def gone(self) -> bool:
        """Whether nothing is known of the copy any more."""
        return not self.cli.exists(self.copy) and not self.moving()

    def left(self) -> list[str]:
        """Everything that is left of the application, on this machine and in both clouds."""
        found = [f"stack {each}" for each in self.cli.stacks() if self.name in each]
        skipped = ("logs", "history", "backups")
        for root in (paths.home(), ROOT / "stacks" / "config"):
            found += [
                f"file {path}"
                for path in root.rglob(f"*{self.name}*")
                if not any(part in skipped for part in path.parts) and not _empty_folder(path)
            ]
        for cloud in (self.home, self.away):
            found += [f"{each} in {cloud}" for each in self._objects(cloud)]
        containers = self.demo.run("docker", "ps", "-a", "--format", "{{.Names}}").stdout
        found += [f"container {each}" for each in containers.split() if self.name in each]
        processes = self.demo.run("ps", "-eo", "args").stdout.splitlines()
        found += [f"process {each}" for each in processes if self.name in each and "burst_soak" not in each]
        return found

    def _objects(self, cloud: str) -> list[str]:
        kinds = "namespaces,persistentvolumes,clusterroles,clusterrolebindings,priorityclasses"
        listed = self.demo.at(cloud).run("kubectl", "get", kinds, "-o", "name").stdout
        return [each for each in listed.split() if self.name in each]


def _empty_folder(path: Path) -> bool:
    """Where Pulumi's lock of a stack was: it leaves the folder."""
    return path.is_dir() and not any(path.iterdir())

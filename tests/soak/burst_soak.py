"""Peaks in a row: the autoscaler bursts to a second cloud and comes back, by itself, again and again.

`nice python -m tests.soak.burst_soak 20 [--kill SEED] [--clouds local,away] [--beside]` makes an application
with a front door, runs the real `alto autoscale`, and puts a load on it that is over what the first cloud
may carry and then far under it, so many times, counting every request. With `--kill` the autoscaler is
killed in half of the moves, at a random moment, and started again. With `--beside` it works by leases, next
to another autoscaler of this checkout. It ends by itself, removes what it made, and prints what is left.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_door import FrontDoor, FrontDoorUnreachable
from autoscaler.burst.records import Records
from tests.demo import ROOT
from tests.steady_load import SteadyLoad
from toolchain import paths

HIGH, LOW = 28.0, 4.0
"""Requests a second: a member takes ten, and the first cloud has room for two."""
PHASE_SECONDS = 200.0
KINDS = {"burst", "end", "turned", "resumed", "interrupted", "done", "failed", "waits"}
"""What the journal says of moves."""
DOCUMENTS = """
apiVersion: altostratus/v1
kind: Application
name: {name}
loadBalancer: entrance
placement: home-then-away
deployment: little-at-home
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


@dataclass
class Report:
    """What was done, and what was found wrong; all is well when `faults` is empty. Times in seconds."""

    bursts: int = 0
    kills: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    served_after: list[float] = field(default_factory=list)
    gone_after: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


@dataclass
class Bursting:
    """One application over two clouds, its front door, and the autoscaler that watches it."""

    cli: Pulumi
    environment: dict[str, str]
    name: str
    home: str
    away: str
    folder: Path
    beside: bool = False
    hold: str = "10s"
    process: subprocess.Popen[str] | None = None

    @property
    def copy(self) -> str:
        return f"app-{self.name}--{self.away}"

    @property
    def log(self) -> Path:
        return self.folder / "autoscale.log"

    def alto(self, *arguments: str) -> str:
        """A command of ours. Raises RuntimeError with what it printed."""
        done = subprocess.run(
            ["./alto", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"alto {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def make(self) -> None:
        """The application at home, and its front door."""
        blueprint = self.folder / f"{self.name}.yaml"
        text = DOCUMENTS.format(name=self.name, home=self.home, away=self.away, hold=self.hold)
        blueprint.write_text(text)
        config = self.cli.config_path(f"app-{self.name}")
        self.cli.init(f"app-{self.name}")
        settings = (yaml.safe_load(config.read_text()) if config.exists() else None) or {}
        settings["config"] = {
            "altostratus:cloud": self.home,
            "altostratus:blueprint": str(blueprint),
            "altostratus:application": self.name,
        }
        config.write_text(yaml.safe_dump(settings))
        self.alto("up", f"app-{self.name}")
        self.alto("front", self.name)

    def remove(self) -> None:
        """All of it, in order, whatever came before."""
        self.stop()
        for end in (
            lambda: self.alto("burst", self.name, "--to", self.away, "--end"),
            lambda: self.alto("front", self.name, "--end"),
            lambda: self.alto("destroy", f"app-{self.name}", "--yes"),
            lambda: self.cli.remove(f"app-{self.name}"),
        ):
            try:
                end()
            except Exception as error:
                print(f"  {error}", flush=True)
        self.cli.config_path(f"app-{self.name}").unlink(missing_ok=True)
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

    def start(self) -> None:
        """The real process."""
        settings: dict[str, Any] = {"serve": {"port": 0}}
        if self.beside:
            settings["sharing"] = {
                "cloud": self.home,
                "namespace": f"app-{self.name}",
                "identity": self.name,
            }
        file = self.folder / "settings.yaml"
        file.write_text(yaml.safe_dump(settings))
        with self.log.open("a") as stream:
            self.process = subprocess.Popen(
                [*_python(), "-m", "console", "autoscale", "--app", self.name, "--settings", str(file)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
                text=True,
            )

    def kill(self) -> None:
        """As the power does: it alone, what it had started lives on."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        """In order."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(120)

    def url(self) -> str:
        return str(self.cli.outputs(f"front-{self.name}")["urls"][0])

    def moving(self) -> bool:
        return Records(paths.home() / "moves").load(self.name) is not None

    def shared(self) -> bool:
        """Whether the copy gets requests, and no move goes on."""
        door = FrontDoor.of(self.cli, self.name)
        if door is None or self.moving():
            return False
        try:
            there = door.state().clouds.get(self.away)
        except FrontDoorUnreachable:
            return False
        return there is not None and there.share > 0

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
        containers = _output("docker", "ps", "-a", "--format", "{{.Names}}", env=self.environment)
        found += [f"container {each}" for each in containers.split() if self.name in each]
        processes = _output("ps", "-eo", "args", env=self.environment).splitlines()
        found += [f"process {each}" for each in processes if self.name in each and "burst_soak" not in each]
        return found

    def _objects(self, cloud: str) -> list[str]:
        kubectl = ("kubectl", "--kubeconfig", str(paths.kubeconfig(cloud)), "get")
        kinds = "namespaces,persistentvolumes,clusterroles,clusterrolebindings,priorityclasses"
        return [
            each
            for each in _output(*kubectl, kinds, "-o", "name", env=self.environment).split()
            if self.name in each
        ]


def _empty_folder(path: Path) -> bool:
    """Where Pulumi's lock of a stack was: it leaves the folder."""
    return path.is_dir() and not any(path.iterdir())


def _python() -> tuple[str, ...]:
    return (sys.executable, "-P")


def _output(*command: str, env: dict[str, str]) -> str:
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60).stdout


@contextmanager
def loaded(url: str, rate: float, report: Report, cycle: str) -> Iterator[SteadyLoad]:
    """A load whose requests are counted in the report."""
    with SteadyLoad([url], rate) as load:
        yield load
    report.answered.update(load.seen.answered)
    if load.seen.failed:
        report.broken.append(f"{cycle}: {load.seen.failed}")


def soak(app: Bursting, cycles: int, kill: random.Random | None = None, share: float = 0.5) -> Report:
    """So many peaks; what went wrong is in the report. `share` of the moves see the autoscaler killed."""
    report = Report()
    url = app.url()
    app.start()
    for number in range(1, cycles + 1):
        for rate, done, took in (
            (HIGH, app.shared, report.served_after),
            (LOW, app.gone, report.gone_after),
        ):
            name = f"peak {number} at {rate:.0f} a second"
            begun = time.monotonic()
            with loaded(url, rate, report, name):
                if kill is not None and kill.random() < share:
                    _kill_in_a_move(app, kill, report)
                if not _until(done, PHASE_SECONDS):
                    report.faults.append(f"{name}: not done after {PHASE_SECONDS:.0f} s; {app.log}")
                    return report
                took.append(time.monotonic() - begun)
                if rate == HIGH:
                    report.bursts += 1
                    time.sleep(3.0)  # requests are counted while both serve
        print(
            f"{time.strftime('%H:%M:%S')} {number}: shared after {report.served_after[-1]:.0f} s, gone after "
            f"{report.gone_after[-1]:.0f} s; answers {dict(report.answered)}, {report.kills} kills"
            f"{'; ' + report.broken[-1] if report.broken else ''}",
            flush=True,
        )
    story = json.loads(app.alto("explain", app.name, "--json", "--limit", "300"))
    report.told = [f"{row['action']}: {row['reason']}" for row in story["history"] if row["action"] in KINDS]
    return report


def _kill_in_a_move(app: Bursting, choice: random.Random, report: Report) -> None:
    if not _until(app.moving, 90.0):
        return
    time.sleep(choice.uniform(0.0, 15.0))
    app.kill()
    report.kills += 1
    app.start()


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.5)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cycles", type=int)
    parser.add_argument("--kill", type=int, metavar="SEED")
    parser.add_argument("--share", type=float, default=0.5, help="of the moves that see it killed")
    parser.add_argument("--clouds", default="local,away")
    parser.add_argument("--name", default="c-soak")
    parser.add_argument("--beside", action="store_true")
    asked = parser.parse_args()
    home, away = asked.clouds.split(",")
    with tempfile.TemporaryDirectory(prefix="burst-soak-") as folder:
        app = Bursting(pulumi(), dict(os.environ), asked.name, home, away, Path(folder), asked.beside)
        try:
            app.make()
            chance = None if asked.kill is None else random.Random(asked.kill)  # noqa: S311
            report = soak(app, asked.cycles, chance, asked.share)
            if report.faults:
                print(app.log.read_text()[-6000:])
        finally:
            app.remove()
        report.faults += [f"left: {each}" for each in app.left()]
    print(json.dumps({**report.__dict__, "answered": dict(report.answered)}, indent=1))
    return 1 if report.faults or report.broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""Kills an autoscaler, and the updates that it runs, again and again; then looks whether all agrees.

`nice python -m tests.soak.kill_soak 300 SEED MINUTES` kills three hundred times, or for so many minutes,
and prints what it found. It ends by itself. Afterwards config, Pulumi's state and the cluster must say
the same, every edit that was submitted must have ended once, and every generation must stem from one
write. Between kills somebody edits the documents, without deploying them: an update that nobody asked for
must deploy nothing of that.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from autoscaler.act.stack_config import read
from autoscaler.journal.journal import Journal
from blueprints.scale import ScaleState
from tests import light_world
from tests.light_world import SCALE, World
from tests.soak.driver import CLUSTERS, NAME, STACK
from tests.waiting import until
from toolchain import paths

# Who dies: the autoscaler, the update's CLI, or everything at once, as when the power fails.
KINDS = ("autoscaler", "autoscaler", "update", "both", "all")
SETTLE_SECONDS = 600.0
UNWRITTEN = {"stale", "superseded", "unchanged", "overtaken"}


@dataclass
class Report:
    """What was done and what was found wrong; all is well when `faults` is empty."""

    kills: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    updates: Counter[str] = field(default_factory=Counter)
    generations: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def soak(world: World, kills: int, seed: int = 0, limit: float = 7200.0) -> Report:
    """Make the application; kill so many times, or for `limit` seconds; then settle and check."""
    choice, report = random.Random(seed), Report()  # noqa: S311
    world.application(NAME, CLUSTERS)
    documents = (world.folder / f"{NAME}.yaml").read_text()
    log, begun = world.folder / "soak.log", time.monotonic()
    log.touch()
    while sum(report.kills.values()) < kills and time.monotonic() - begun < limit:
        _edit(world.folder / f"{NAME}.yaml", documents, choice)
        _one_kill(world, log, choice, report)
    ended = _start(world, log, 0, "settle")
    try:
        code = ended.wait(SETTLE_SECONDS)
    except subprocess.TimeoutExpired:
        ended.kill()
        code = ended.wait()
    if code != 0:
        report.faults.append(f"it did not settle; see {log.with_suffix('.err')}")
    check(world, log, report)
    report.seconds = time.monotonic() - begun
    return report


def _edit(path: Path, documents: str, choice: random.Random) -> None:
    """A person's half-edited documents: another image, no YAML, nothing, or as they were."""
    other, broken = documents.replace("0" * 64, "1" * 64), documents.replace("kind: App", "kind: [App")
    path.write_text(choice.choice((documents, other, broken, "")))


def _start(world: World, log: Path, seed: int, harm: str) -> "subprocess.Popen[bytes]":
    with log.with_suffix(".err").open("ab") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.soak.driver", str(world.folder), str(log), str(seed), harm],
            cwd=paths.root(),
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,
        )


def _one_kill(world: World, log: Path, choice: random.Random, report: Report) -> None:
    """Start an autoscaler, kill something of it at a random moment, and itself in the end."""
    by_itself, before = choice.random() < 0.4, len(_submitted(log))
    process = _start(world, log, choice.randrange(1 << 30), str(choice.randint(1, 14)) if by_itself else "0")
    try:
        if by_itself:
            process.wait(60)
            report.kills["at an effect"] += 1
            return
        until(lambda: process.poll() is not None or len(_submitted(log)) > before, "it edits")
        time.sleep(choice.uniform(0.0, 6.0))  # the moment is what is random here
        kind = choice.choice(KINDS)
        report.kills[kind] += 1
        family = descendants(process.pid)
        if kind == "update":
            _kill(pid for pid in family if _name(pid) == "pulumi")
            time.sleep(choice.uniform(0.0, 2.0))
        elif kind == "all":
            _kill([process.pid, *family])
        elif kind == "both":
            _kill([process.pid, *(pid for pid in family if _name(pid) == "pulumi")])
    except subprocess.TimeoutExpired:
        report.kills["late"] += 1
    finally:
        process.kill()
        process.wait()


def _submitted(log: Path) -> list[str]:
    """The names of all edits so far."""
    return [line.split()[1] for line in log.read_text().splitlines() if line.startswith("submitted ")]


def descendants(root: int) -> list[int]:
    """Every process that this one started, and theirs."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        more = children.get(todo.pop(), [])
        found += more
        todo += more
    return found


def _name(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "comm").read_text().strip()
    except OSError:
        return ""


def _kill(pids: "object") -> None:
    for pid in pids:  # type: ignore[attr-defined]
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def check(world: World, log: Path, report: Report) -> None:
    """Compare config, state and cluster, and count what became of every edit."""
    wanted = ScaleState.parse(read(world.cli.config_path(STACK))[SCALE])
    client = world.client()
    in_cluster = world.replicas(client, NAME)
    client.close()
    deployment = world.cli.deployment(STACK)
    in_state = {
        each["inputs"]["metadata"]["labels"]["altostratus.dev/cluster"]: int(
            each["inputs"]["spec"]["replicas"]
        )
        for each in deployment["resources"]
        if each["type"] == "kubernetes:apps/v1:Deployment"
    }
    if "1" * 64 in json.dumps(deployment["resources"]):
        report.faults.append("an image was deployed that somebody was only editing")
    for name, found in (("the cluster", in_cluster), ("the state", in_state)):
        if found != dict(wanted.clusters):
            report.faults.append(f"the config asks for {dict(wanted.clusters)}, {name} has {found}")
    if deployment.get("pending_operations"):
        report.faults.append(f"pending operations are left: {deployment['pending_operations']}")
    if locks := list((world.cli.state / ".pulumi" / "locks").rglob("*.json")):
        report.faults.append(f"locks are left: {locks}")
    journal = Journal(world.folder / "journal.db", read_only=True)
    edits = journal.edits(STACK, 1_000_000)
    report.outcomes = Counter(str(edit.outcome) for edit in edits)
    report.updates = Counter(update.result for update in journal.updates(STACK, 1_000_000))
    report.generations = wanted.generation
    if still := [edit.reason for edit in edits if edit.stage != "done"]:
        report.faults.append(f"edits are still open: {still}")
    names = Counter(edit.reason for edit in edits)
    if lost := [name for name in _submitted(log) if name not in names]:
        report.faults.append(f"edits were lost: {lost}")
    if twice := [name for name, count in names.items() if count > 1]:
        report.faults.append(f"edits are there twice: {twice}")
    # Edits that came together share one write; an edit that was written twice would leave a generation bare.
    written: dict[int, set[str]] = {}
    for edit in edits:
        if edit.target is not None and edit.outcome not in UNWRITTEN:
            written.setdefault(edit.target["generation"], set()).add(json.dumps(edit.target, sort_keys=True))
    if sorted(written) != list(range(2, wanted.generation + 1)):
        missing = sorted(set(range(2, wanted.generation + 1)) ^ set(written))
        report.faults.append(f"generations without exactly one applied write: {missing}")
    if several := [number for number, targets in written.items() if len(targets) > 1]:
        report.faults.append(f"generations that were written as two different scales: {several}")


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    minutes = float(sys.argv[3]) if len(sys.argv) > 3 else 120.0
    with (
        tempfile.TemporaryDirectory(prefix="alto-soak-") as folder,
        light_world.running(Path(folder)) as world,
    ):
        report = soak(world, kills, seed, 60 * minutes)
        print(f"{sum(report.kills.values())} kills in {report.seconds:.0f} s: {dict(report.kills)}")
        print(
            f"generation {report.generations}; edits {dict(report.outcomes)}; updates {dict(report.updates)}"
        )
        print("\n".join(report.faults) or "config, state and cluster agree; no edit lost, none done twice")
        if report.faults:
            errors = (world.folder / "soak.err").read_text().splitlines()
            print("\n".join(errors[-40:]))
    sys.exit(1 if report.faults else 0)


if __name__ == "__main__":
    main()

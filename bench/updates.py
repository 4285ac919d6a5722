"""How fast a decision becomes a replica count in the API server, and what that costs.

`nice python -m bench.updates [ROUNDS]`: the project's own program, the CLI and the bundled plugin on a bare
control plane (no hosts; a small kubelet says of every Pod that it is ready). One application of 20
clusters, then several small ones side by side. Ratios come from one run; wall-clock times say little on a
busy machine, so CPU seconds of the whole chain stand beside them.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autoscaler.act.edits import ScaleEdit
from autoscaler.act.lease import FileLeases
from autoscaler.act.runner import Runner, RunnerSettings
from autoscaler.act.stack_config import read
from autoscaler.journal.journal import Journal
from bench import machine
from blueprints.scale import ScaleState
from tests import light_world
from tests.light_world import SCALE, World
from tests.soak.kill_soak import descendants
from toolchain.plugins.kubernetes.client import Client, Unreachable

TICKS = os.sysconf("SC_CLK_TCK")
LIMIT = 300.0


class Arrivals:
    """When the API server first had a replica count, by watching it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._changed = threading.Condition()
        self._seen: dict[tuple[str, int], float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        path = f"/apis/apps/v1/namespaces/{self._namespace}/deployments"
        while True:
            try:
                for _, about in self._client.watch(path):
                    now = time.monotonic()
                    cluster = about["metadata"].get("labels", {}).get("altostratus.dev/cluster")
                    with self._changed:
                        self._seen.setdefault((cluster, about.get("spec", {}).get("replicas")), now)
                        self._changed.notify_all()
            except Unreachable:
                continue

    def forget(self, cluster: str, replicas: int) -> None:
        with self._changed:
            self._seen.pop((cluster, replicas), None)

    def of(self, cluster: str, replicas: int) -> float:
        """The time, by the monotonic clock, at which the count was there."""
        with self._changed:
            assert self._changed.wait_for(lambda: (cluster, replicas) in self._seen, LIMIT)
            return self._seen[cluster, replicas]


def cpu_seconds() -> float:
    """CPU time of all that was started for updates, ended or not: not of this process, nor of the cluster."""
    found = sum(os.times()[2:4])
    for pid in descendants(os.getpid()):
        try:
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        except OSError:
            continue
        words = rest.split()
        if not any(part in name for part in ("kube-", "etcd")) and words[0] != "Z":
            found += sum(int(word) for word in words[11:15]) / TICKS
    return found


def resident_sizes() -> dict[str, int]:
    """MiB of each process that stays, pages shared between them counted in each."""
    names = {"plugins.language": "language host", "fork_server": "program", "plugins.kubernetes": "plugin"}
    found = {}
    for pid in descendants(os.getpid()):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_text()
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            continue
        for part, name in names.items():
            if part in command:
                found[name] = pages * os.sysconf("SC_PAGE_SIZE") // (1 << 20)
    return found


def scale(world: World, stack: str) -> ScaleState:
    return ScaleState.parse(read(world.cli.config_path(stack))[SCALE])


def edit(world: World, stack: str, **clusters: int) -> ScaleEdit:
    return ScaleEdit(stack, scale(world, stack), "bench", clusters=clusters)


@contextmanager
def running(world: World, side_by_side: int = 2) -> Iterator[Runner]:
    """A runner that has done its first, slow update."""
    folder = Path(tempfile.mkdtemp(dir=world.folder))
    settings = RunnerSettings(side_by_side=side_by_side)
    runner = Runner(
        world.cli, Journal(folder / "journal.db"), settings, leases=FileLeases(world.folder / "leases")
    )
    runner.start()
    try:
        yield runner
    finally:
        runner.close()


def told(name: str, values: list[float]) -> str:
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))]
    return f"{name:<44} median {statistics.median(ordered):6.2f}   p95 {high:6.2f}   n {len(ordered)}"


def by_hand(world: World, stack: str, arrivals: Arrivals, rounds: int) -> tuple[list[float], list[float]]:
    """The same edits as `alto scale` makes them: everything started for each update."""
    times, costs = [], []
    for round_ in range(rounds):
        wanted = 10 + round_
        begun, spent = time.monotonic(), cpu_seconds()
        state = edit(world, stack, c3=wanted).onto(scale(world, stack))
        world.cli.configure(stack, {SCALE: state.to_data()})
        world.cli.up(stack, "--refresh=false")
        times.append(arrivals.of("c3", wanted) - begun)
        costs.append(cpu_seconds() - spent)
    return times, costs


def by_runner(
    world: World, runner: Runner, stack: str, arrivals: Arrivals, rounds: int
) -> tuple[list[float], list[float], list[float]]:
    """Decision to count, decision to the update's end, CPU seconds."""
    arrived, ended, costs = [], [], []
    for round_ in range(rounds + 1):
        cluster, wanted = f"c{round_ % 20}", 2 + round_ % 7
        if scale(world, stack).clusters[cluster] == wanted:
            wanted += 1
        arrivals.forget(cluster, wanted)
        request = edit(world, stack, **{cluster: wanted})
        begun, spent = time.monotonic(), cpu_seconds()
        outcome = runner.submit(request).result(LIMIT)
        if round_:  # the first starts what stays
            ended.append(outcome.seconds)
            arrived.append(arrivals.of(cluster, wanted) - begun)
            costs.append(cpu_seconds() - spent)
    return arrived, ended, costs


def nothing_to_do(world: World, runner: Runner, stack: str, rounds: int) -> tuple[list[float], float]:
    """Edits that change nothing: seconds each, and CPU seconds of processes started."""
    times: list[float] = []
    children = sum(os.times()[2:4])
    for _ in range(rounds):
        request = ScaleEdit(stack, scale(world, stack), "bench", clusters=dict(scale(world, stack).clusters))
        times.append(runner.submit(request).result(LIMIT).seconds)
    return times, sum(os.times()[2:4]) - children


def side_by_side(world: World, stacks: list[str], at_once: int, rounds: int) -> float:
    """Updates a second over several stacks."""
    with running(world, at_once) as runner:
        runner.submit(edit(world, stacks[0], c0=scale(world, stacks[0]).clusters["c0"] + 1)).result(LIMIT)
        begun = time.monotonic()
        for round_ in range(rounds):
            tickets = [
                runner.submit(
                    edit(world, stack, c1=1 + (scale(world, stack).clusters["c1"] + round_) % 4 + 1)
                )
                for stack in stacks
            ]
            for ticket in tickets:
                ticket.result(LIMIT)
        return rounds * len(stacks) / (time.monotonic() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=40)
    parser.add_argument("--stacks", type=int, default=4)
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="alto-bench-") as folder,
        light_world.running(Path(folder)) as world,
    ):
        stack = world.application("bench", 20)
        arrivals = Arrivals(world.client(), "app-bench")
        print(f"{len(world.cli.deployment(stack)['resources'])} resources; {machine.told()}")
        cold, cold_cost = by_hand(world, stack, arrivals, max(3, chosen.rounds // 8))
        with running(world) as runner:
            arrived, ended, costs = by_runner(world, runner, stack, arrivals, chosen.rounds)
            sizes = resident_sizes()
            idle, children = nothing_to_do(world, runner, stack, 50)
        print(told("seconds to the count, everything started anew", cold))
        print(told("seconds to the count, by the runner", arrived))
        print(told("seconds to the update's end, by the runner", ended))
        print(told("CPU seconds, everything started anew", cold_cost))
        print(told("CPU seconds, by the runner", costs))
        print(told("milliseconds of a decision that changes nothing", [1000 * value for value in idle]))
        print(f"CPU seconds of processes started by those: {children:.2f}")
        print("resident memory: " + ", ".join(f"{name} {size} MiB" for name, size in sizes.items()))
        stacks = [world.application(f"bench-{n}", 5) for n in range(chosen.stacks)]
        for at_once in (1, 2, 4):
            rate = side_by_side(world, stacks, at_once, 4)
            print(f"{len(stacks)} stacks of 5 clusters, {at_once} at once: {rate:.2f} updates a second")
        print(machine.told())


if __name__ == "__main__":
    main()

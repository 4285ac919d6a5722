"""What a copy in another cloud takes: from the decision to its first served request, and its end.

Run: python -m bench.bursting [HOME [AWAY [ROUNDS]]]       (two clouds that are there: alto demo --clouds 2)

An application of one cluster bursts and ends under 200 requests a second at its front door, then one of five
clusters is copied. Times are of the whole; the members' own start, from creation to readiness by the API
server's clock, is told beside them.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.burst.front_door import FrontDoor, FrontDoorUnreachable
from autoscaler.burst.moves import Ended
from autoscaler.burst.world import outputs
from autoscaler.observe.members_watch import ask, client
from console import credentials
from console.bursting import moves
from tests.steady_load import SteadyLoad

ROOT = Path(__file__).resolve().parents[1]
RATE = 200.0
ONE, FIVE = "bench-burst", "bench-burst-five"


def document(cli: Pulumi, home: str, name: str, clusters: int) -> str:
    """An application of PHP clusters; the first shows the demo's page."""
    repositories = outputs(cli, f"platform-{home}").get("gitRepositories") or {}
    artifact = (
        {"artifact": {"git": next(iter(repositories.values())), "branch": "main"}} if repositories else {}
    )
    uses = [
        {"alias": f"web{number}", "cartridge": "php", "members": {"min": 1, "max": 4}, **artifact}
        for number in range(1, clusters + 1)
    ]
    return yaml.safe_dump(
        {"apiVersion": "altostratus/v1", "kind": "Application", "name": name, "cartridges": uses},
        sort_keys=False,
    )


@contextmanager
def application(cli: Pulumi, home: str, away: str, name: str, clusters: int) -> Iterator[None]:
    """One at home, with its front door; both removed in the end."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "application.yaml"
        path.write_text(document(cli, home, name, clusters))
        stack = f"app-{name}"
        try:
            cli.init(stack)
            cli.configure(
                stack,
                {
                    "altostratus:cloud": home,
                    "altostratus:blueprint": [str(path)],
                    "altostratus:application": name,
                },
            )
            alto("up", stack)
            alto("front", name)
            yield
        finally:
            alto("burst", name, "--to", away, "--end")
            alto("front", name, "--end")
            alto("destroy", stack, "--yes")
            cli.remove(stack)


def alto(*arguments: str) -> None:
    """A command as a person runs it."""
    done = subprocess.run(["./alto", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"alto {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def first_served(
    door: FrontDoor, cloud: str, begun: float, found: list[float], over: threading.Event
) -> None:
    """Note when the copy has answered its first request through the front door."""
    while not over.wait(0.1):
        with suppress(FrontDoorUnreachable):
            known = door.state().clouds.get(cloud)
            if known is not None and known.requests:
                found.append(time.monotonic() - begun)
                return


def own_start(cli: Pulumi, application: str, cloud: str) -> float:
    """Of the copy's members, the longest from creation to readiness, in seconds."""
    kubeconfig = credentials.refresh(cli, cloud)
    assert kubeconfig is not None
    seen = ask(client(kubeconfig), (f"app-{application}", cloud))
    return max(member.started or 0.0 for each in seen.values() for member in each.members)


def told(ended: Ended) -> str:
    """What each step took."""
    return ", ".join(f"{name} {seconds:.1f}" for name, seconds in ended.steps.items() if seconds >= 0.05)


def bursts(cli: Pulumi, away: str, rounds: int) -> None:
    """Burst and end under load."""
    door = FrontDoor.of(cli, ONE)
    assert door is not None
    for number in range(1, rounds + 1):
        with SteadyLoad([f"{door.urls[0]}/"], RATE) as load:
            begun, found, over = time.monotonic(), list[float](), threading.Event()
            watch = threading.Thread(target=first_served, args=(door, away, begun, found, over))
            watch.start()
            made = moves(cli, say=quiet).burst(ONE, away)
            watch.join(10)
            over.set()
            start, wrong = own_start(cli, ONE, away), load.seen.failed
            print(
                f"{number}: first request served {found[0]:.1f} s after the decision, "
                f"{found[0] - start:.1f} s without the members' own start ({start:.0f} s); "
                f"load {os.getloadavg()[0]:.0f}\n   {told(made)}",
                flush=True,
            )
            ended = moves(cli, say=quiet).end(ONE, away)
        failed = f"{', '.join(wrong) or 'none'} before it, {', '.join(load.seen.failed) or 'none'} in all"
        print(
            f"   un-burst {ended.seconds:.1f} s; {load.answered()} requests, "
            f"failed: {failed}\n   {told(ended)}",
            flush=True,
        )


def quiet(text: str) -> None:
    """A move's lines are not wanted here."""


def main(home: str = "local", away: str = "away", rounds: str = "3") -> None:
    """Print the figures."""
    cli = pulumi()
    with application(cli, home, away, ONE, 1):
        bursts(cli, away, int(rounds))
    with application(cli, home, away, FIVE, 5):
        for number in range(1, int(rounds) + 1):
            made = moves(cli, say=quiet).burst(FIVE, away)
            start = own_start(cli, FIVE, away)
            print(
                f"{number}: copy of 5 clusters {made.seconds:.1f} s (members' own start {start:.0f} s); "
                f"load {os.getloadavg()[0]:.0f}\n   {told(made)}",
                flush=True,
            )
            moves(cli, say=quiet).end(FIVE, away)


if __name__ == "__main__":
    main(*sys.argv[1:])

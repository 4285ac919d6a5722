"""Peaks in a row: the autoscaler bursts to a second cloud and comes back, by itself, again and again.

`nice python -m tests.soak.burst_soak 20 [--kill SEED] [--clouds local,away] [--beside]` makes an application
with a front door, runs the real `alto autoscale`, and puts a load on it that is over what the first cloud
may carry and then far under it, so many times, counting every request. With `--kill` the autoscaler is
killed in half of the moves, at a random moment, and started again. With `--beside` it works by leases, next
to another autoscaler of this checkout. It ends by itself, removes what it made, and prints what is left.
"""

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.autoscale_process import AutoscaleProcess
from tests.soak.bursting import Bursting, checkout
from tests.steady_load import SteadyLoad
from tests.waiting import until

HIGH, LOW = 28.0, 4.0
"""Requests a second: a member takes ten, and the first cloud has room for two."""
PHASE_SECONDS = 200.0
SERVED = 20
"""Requests that the copy is to have answered before a peak ends."""
KINDS = {"burst", "end", "turned", "resumed", "interrupted", "done", "failed", "waits"}
"""What the journal says of moves."""


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
    service: dict[str, Any] = field(default_factory=dict)
    """What `alto sla` said in the end."""
    faults: list[str] = field(default_factory=list)


@contextmanager
def loaded(url: str, rate: float, report: Report, cycle: str) -> Iterator[SteadyLoad]:
    """A load whose requests are counted in the report."""
    with SteadyLoad([url], rate) as load:
        yield load
    report.answered.update(load.seen.answered)
    if load.seen.failed:
        report.broken.append(f"{cycle}: {load.seen.failed}")


def soak(
    app: Bursting,
    process: AutoscaleProcess,
    cycles: int,
    kill: random.Random | None = None,
    share: float = 0.5,
) -> Report:
    """So many peaks; what went wrong is in the report. `share` of the moves see the autoscaler killed."""
    report = Report()
    url = app.url()
    process.start()
    for number in range(1, cycles + 1):
        try:
            for rate in (HIGH, LOW):
                killed = kill is not None and kill.random() < share
                _phase(
                    app,
                    process,
                    url,
                    f"peak {number} at {rate:.0f} a second",
                    report,
                    kill if killed else None,
                )
        except AssertionError as error:
            report.faults.append(f"peak {number}: {error}; {app.log}")
            return report
        print(
            f"{time.strftime('%H:%M:%S')} {number}: shared after {report.served_after[-1]:.0f} s, gone after "
            f"{report.gone_after[-1]:.0f} s; answers {dict(report.answered)}, {report.kills} kills"
            f"{'; ' + report.broken[-1] if report.broken else ''}",
            flush=True,
        )
    story = json.loads(app.demo.alto("explain", app.name, "--json", "--limit", "300").stdout)
    report.told = [f"{row['action']}: {row['reason']}" for row in story["history"] if row["action"] in KINDS]
    report.service = json.loads(app.demo.alto("sla", app.name, "--json").stdout)
    return report


def _phase(
    app: Bursting, process: AutoscaleProcess, url: str, name: str, report: Report, kill: random.Random | None
) -> None:
    """A load until what it has to lead to is done. Raises AssertionError where it is not in time."""
    high = f"at {HIGH:.0f} " in name
    begun = time.monotonic()
    with loaded(url, HIGH if high else LOW, report, name):
        if kill is not None:
            _kill_in_a_move(app, process, kill, report)
        if high:
            until(app.shared, f"{name}: the copy has its share", PHASE_SECONDS)
            report.served_after.append(time.monotonic() - begun)
            report.bursts += 1
            # Its place in the door may have counts of the peak before.
            before = app.served_by_copy()
            until(lambda: app.served_by_copy() >= before + SERVED, f"{name}: the copy serves", PHASE_SECONDS)
        else:
            until(app.gone, f"{name}: nothing of the copy is left", PHASE_SECONDS)
            report.gone_after.append(time.monotonic() - begun)


def _kill_in_a_move(app: Bursting, process: AutoscaleProcess, choice: random.Random, report: Report) -> None:
    until(app.moving, "a move", PHASE_SECONDS)
    time.sleep(choice.uniform(0.0, 15.0))  # the moment is what is random here
    process.kill()
    report.kills += 1
    process.start()


def _figures(report: Report) -> str:
    """The run in a few lines, for people."""

    def line(name: str, seconds: list[float]) -> str:
        if not seconds:
            return f"{name}: never"
        return f"{name}: median {statistics.median(seconds):.0f} s, longest {max(seconds):.0f} s"

    return "\n".join(
        (
            f"{report.bursts} bursts, {report.kills} kills, {report.answered.total()} requests "
            f"{dict(report.answered)}",
            line("shared after", report.served_after),
            line("gone after", report.gone_after),
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cycles", type=int)
    parser.add_argument("--kill", type=int, metavar="SEED")
    parser.add_argument("--share", type=float, default=0.5, help="of the moves that see it killed")
    parser.add_argument("--clouds", default="local,away")
    parser.add_argument("--name", default="c-soak")
    parser.add_argument("--beside", action="store_true")
    asked = parser.parse_args()
    # Told to end, it too removes what it made.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    home, away = asked.clouds.split(",")
    with tempfile.TemporaryDirectory(prefix="burst-soak-") as folder:
        app = Bursting(checkout(home, asked.name), away, Path(folder), asked.beside)
        process: AutoscaleProcess | None = None
        try:
            process = app.make()
            chance = None if asked.kill is None else random.Random(asked.kill)  # noqa: S311
            report = soak(app, process, asked.cycles, chance, asked.share)
            if report.faults:
                print(app.log.read_text()[-6000:])
        finally:
            if process is not None:
                process.stop()
            app.remove()
        report.faults += [f"left: {each}" for each in app.left()]
    print(_figures(report))
    print(json.dumps({**report.__dict__, "answered": dict(report.answered)}, indent=1))
    return 1 if report.faults or report.broken else 0


if __name__ == "__main__":
    sys.exit(main())

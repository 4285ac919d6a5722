"""An autoscaler to be killed: edits one application without an end, or ends what was left open.

`python -m tests.soak.driver FOLDER LOG SEED HARM`: HARM is the number of the effect (a row of the journal,
a written config) at which the process kills itself, 0 for never; or `settle` to finish and leave.
"""

import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autoscaler.act.edits import ScaleEdit
from autoscaler.act.lease import FileLeases
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import Refusal
from autoscaler.act.runner import Runner, RunnerSettings
from autoscaler.act.saved_file import SavedFile
from autoscaler.act.stack_config import read
from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.journal import store
from autoscaler.journal.journal import Journal
from blueprints.scale import ScaleState
from tests.light_world import SCALE, project

NAME = "soak"
STACK = f"app-{NAME}"
CLUSTERS = 3
MOST = 4
PATIENCE = 480.0


class Effects:
    """Counts effects, and kills this process at the chosen one: before it or after it."""

    def __init__(self, at: int, before: bool) -> None:
        self._left, self._before = at, before

    def around(self, effect: Callable[[], Any]) -> Any:
        self._left -= 1
        if self._left == 0 and self._before:
            os.kill(os.getpid(), signal.SIGKILL)
        done = effect()
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return done


def arm(effects: Effects) -> None:
    """Count every transaction of the journal and every written file from now on."""
    transaction, replace = store.Store.transaction, SavedFile.replace

    @contextmanager
    def counted(self: store.Store) -> Iterator[Any]:
        held = transaction(self)
        connection = held.__enter__()
        try:
            yield connection
        except BaseException:
            if not held.__exit__(*sys.exc_info()):
                raise
        else:
            effects.around(lambda: held.__exit__(None, None, None))

    store.Store.transaction = counted  # type: ignore[method-assign]
    SavedFile.replace = lambda *words: effects.around(lambda: replace(*words))  # type: ignore[assignment, method-assign]


def main() -> None:
    folder, log, seed, harm = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    cli, choice = project(folder), random.Random(seed)  # noqa: S311
    if harm not in {"0", "settle"}:
        arm(Effects(int(harm), choice.random() < 0.5))
    journal = Journal(folder / "journal.db")
    runner = Runner(cli, journal, RunnerSettings(side_by_side=1), leases=FileLeases(folder / "leases"))
    runner.start()
    if harm == "settle":
        settle(runner, journal)
        return
    with log.open("a", buffering=1) as told:
        while True:
            drive(runner, cli, choice, told)


def settle(runner: Runner, journal: Journal) -> None:
    """Wait until nothing is open, then leave in order."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        states = runner.states().values()
        if not journal.open_edits() and all(state.health == "idle" for state in states):
            runner.close()
            return
        time.sleep(0.1)
    raise SystemExit(f"not settled: {runner.states()}, open: {journal.open_edits()}")


def drive(runner: Runner, cli: Pulumi, choice: random.Random, told: Any) -> None:
    """One edit of some clusters, on the scale that the config has now."""
    seen = ScaleState.parse(read(cli.config_path(STACK))[SCALE])
    clusters = {
        f"c{n}": choice.randint(0, MOST) for n in choice.sample(range(CLUSTERS), choice.randint(1, 2))
    }
    name = f"{os.getpid()}-{time.monotonic_ns()}"
    ticket = runner.submit(ScaleEdit(STACK, seen, name, clusters=clusters))
    told.write(f"submitted {name}\n")
    try:
        told.write(f"{ticket.result(PATIENCE).kind} {name}\n")
    except (Refusal, StackConflict, UpdateError) as error:
        told.write(f"{type(error).__name__} {name}\n")


if __name__ == "__main__":
    main()

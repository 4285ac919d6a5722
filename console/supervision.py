"""`alto supervise`: the termination behaviour of applications at run time, alone, without autoscaling."""

import fcntl
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from autoscaler.act.environment import pulumi
from autoscaler.supervise.supervised import Supervised
from autoscaler.supervise.supervisor import Supervisor
from autoscaler.supervise.updates import DirectUpdates
from console import credentials
from console.applications import known
from console.errors import ConsoleError
from toolchain import paths


class AlreadySupervised(ConsoleError):
    """Another supervisor of this checkout runs."""

    exit_code = 3


def folder() -> Path:
    """Where supervisors remember applications: one file for each stack."""
    return paths.home() / "supervision"


def supervise(applications: list[str], *, once: bool) -> bool:
    """Supervise applications (all of them, where none is named) until interrupted, or once.

    False when one pass was asked for and an application could not be brought back. Raises BadInput for an
    application that there is not, and AlreadySupervised.
    """
    with supervisor_for(applications) as supervisor:
        _end_on_signals(supervisor)
        if once:
            return supervisor.run_once()
        supervisor.run()
    return True


@contextmanager
def supervisor_for(applications: list[str]) -> Iterator[Supervisor]:
    """The one supervisor of this checkout. Raises BadInput and AlreadySupervised."""
    cli = pulumi()
    wanted = [known(name)[1] for name in applications]
    with _alone():
        yield Supervisor(
            find=lambda: wanted or [s for s in cli.stacks() if s.startswith("app-")],
            supervised=lambda stack: Supervised(cli, stack),
            updates=DirectUpdates(cli),
            kubeconfig=lambda cloud: credentials.refresh(cli, cloud),
            folder=folder(),
            tell=_say,
        )


@contextmanager
def _alone() -> Iterator[None]:
    """The kernel frees the lock with its holder, however that ends."""
    path = folder() / "lock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadySupervised(
                "another `alto supervise` of this checkout runs", "One looks after all applications."
            ) from None
        yield


def _end_on_signals(supervisor: Supervisor) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _say(stack: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {stack.removeprefix('app-')}: {text}", flush=True, file=sys.stdout)

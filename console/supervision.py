"""`alto supervise`: the termination behaviour of applications at run time, alone, without autoscaling."""

import fcntl
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.runner import Runner
from autoscaler.journal.journal import Journal
from autoscaler.supervise.supervised import Supervised
from autoscaler.supervise.supervisor import Supervisor
from autoscaler.supervise.updates import RunnerUpdates
from console import credentials
from console.applications import known
from console.errors import ConsoleError
from toolchain import paths


class AlreadySupervised(ConsoleError):
    """Another supervisor of this checkout looks after the application."""

    exit_code = 3


def folder() -> Path:
    """Where supervisors remember applications: one file for each stack."""
    return paths.home() / "supervision"


def supervise(applications: list[str], *, once: bool) -> bool:
    """Supervise applications (all of them, where none is named) until interrupted, or once.

    False when one pass was asked for and an application could not be brought back. Raises BadInput for an
    application that there is not, and AlreadySupervised.
    """
    cli = pulumi()
    with _runner(cli) as runner, supervisor_for(cli, applications, runner) as supervisor:
        _end_on_signals(supervisor)
        if once:
            return supervisor.run_once()
        supervisor.run()
    return True


@contextmanager
def _runner(cli: Pulumi) -> Iterator[Runner]:
    """A runner with a journal of its own, which keeps no processes: restarts are rare."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(Journal(folder() / "journal.sqlite")) as journal:
        runner = Runner(cli, journal, resident=_Nothing())
        runner.start()
        try:
            yield runner
        finally:
            runner.close()


class _Nothing:
    """In the place of resident processes: each update starts what it needs."""

    @contextmanager
    def attached(self) -> Iterator[Mapping[str, str]]:
        yield {}


@contextmanager
def supervisor_for(cli: Pulumi, applications: list[str], runner: Runner) -> Iterator[Supervisor]:
    """A supervisor of some applications, or of all that no other of this checkout looks after.

    Raises BadInput, and AlreadySupervised for a named application that has one.
    """
    wanted = [known(name)[1] for name in applications]
    with _Claims() as claims:
        for stack in wanted:
            if not claims.hold(stack):
                raise AlreadySupervised(
                    f"{stack} is looked after by another `alto supervise` or `alto autoscale`",
                    "One is enough; end that one first.",
                )

        def find() -> list[str]:
            return wanted or [s for s in cli.stacks() if s.startswith("app-") and claims.hold(s)]

        yield Supervisor(
            find=find,
            supervised=lambda stack: Supervised(cli, stack),
            updates=RunnerUpdates(cli, runner),
            kubeconfig=lambda cloud: credentials.refresh(cli, cloud),
            folder=folder(),
            tell=_say,
        )


class _Claims:
    """One supervisor for each application; the kernel frees a claim with its holder, however that ends."""

    def __init__(self) -> None:
        self._held: dict[str, IO[str]] = {}

    def __enter__(self) -> "_Claims":
        folder().mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    def __exit__(self, *error: object) -> None:
        for handle in self._held.values():
            handle.close()

    def hold(self, stack: str) -> bool:
        """Whether the application is ours to look after."""
        if stack in self._held:
            return True
        handle = (folder() / f"{stack}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._held[stack] = handle
        return True


def _end_on_signals(supervisor: Supervisor) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        supervisor.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)


def _say(stack: str, text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {stack.removeprefix('app-')}: {text}", flush=True, file=sys.stdout)

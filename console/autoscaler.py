"""`alto autoscale`: the loop, the runner, the supervisor and what they tell, in one process."""

import asyncio
import fcntl
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.lease import FileLeases
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.runner import Runner, RunnerSettings
from autoscaler.journal.journal import Journal
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.settings import Settings, load
from autoscaler.serve.server import Server
from autoscaler.serve.state import write_state
from autoscaler.supervise.supervisor import Supervisor
from console import credentials
from console.errors import BadInput
from toolchain import paths

TAKE_OVER_SECONDS = 5.0


def folder() -> Path:
    """Where the autoscaler keeps its journal, and what it has learnt."""
    path = paths.home() / "autoscaler"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def journal_file() -> Path:
    return folder() / "journal.sqlite"


def autoscale(applications: Sequence[str], settings_file: Path | None, *, dry_run: bool, once: bool) -> None:
    """Run until interrupted, or once. Raises BadInput, SettingsError, JournalUnusable."""
    settings = load(settings_file)
    cli = pulumi()
    for name in applications:
        _check(cli, name)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with ExitStack() as stack:
        runner, journal, leases = None, None, None
        if not dry_run:
            journal = Journal(journal_file())
            stack.callback(journal.close)
            leases = FileLeases(paths.home() / "leases")
            runner = Runner(
                cli,
                journal,
                RunnerSettings(side_by_side=settings.side_by_side, policy_packs=settings.policy_packs),
                leases=leases,
            )
            runner.start()
            stack.callback(runner.close)
        tell = _Teller()
        loop = _Loop(cli, settings, runner, journal, leases, applications, tell)
        if once:
            asyncio.run(loop.once())
            return
        if not dry_run:
            stack.enter_context(_supervised(applications))
        asyncio.run(loop.run(serve=not dry_run))


class _Loop:
    """Puts the parts together inside one event loop."""

    def __init__(
        self,
        cli: Pulumi,
        settings: Settings,
        runner: Runner | None,
        journal: Journal | None,
        leases: FileLeases | None,
        applications: Sequence[str],
        tell: Callable[[ApplicationLoop], None],
    ) -> None:
        self._settings = settings
        self._runner = runner
        self._journal = journal
        self._leases = leases
        self._cli, self._applications, self._tell = cli, applications, tell

    def _make(self) -> Autoscaler:
        return Autoscaler(
            self._cli,
            lambda cloud: credentials.refresh(self._cli, cloud),
            self._settings,
            folder() / "learnt",
            self._runner,
            self._journal,
            self._applications,
            self._tell,
            self._leases,
        )

    async def once(self) -> None:
        autoscaler = self._make()
        await autoscaler.run_once()
        for where, problem in autoscaler.problems().items():
            print(f"{where}: {problem}", file=sys.stderr)
        waiting = [each for each in autoscaler.applications.values() if each.under_way is not None]
        for application in waiting:
            assert application.under_way is not None
            await application.under_way

    async def run(self, serve: bool) -> None:
        autoscaler = self._make()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        with ExitStack() as stack:
            tasks: list[asyncio.Task[Any]] = []
            if serve:
                server = Server(autoscaler, self._runner, self._settings.serve, folder())
                stack.callback(server.close)
                print(f"metrics and health: {server.url} (token in {server.token_file})", flush=True)
                tasks.append(asyncio.create_task(self._keep_state(autoscaler, stop)))
                tasks.append(asyncio.create_task(self._rotate(stop)))
            await autoscaler.run(stop)
            for task in tasks:
                task.cancel()

    async def _keep_state(self, autoscaler: Autoscaler, stop: asyncio.Event) -> None:
        """For `alto status`: what goes on, in a file beside the journal."""
        first = _First()
        while not stop.is_set():
            if first:
                await asyncio.to_thread(write_state, folder(), autoscaler, self._runner)
            await asyncio.sleep(2.0)

    async def _rotate(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._journal is not None:
                await asyncio.to_thread(self._journal.rotate)
            await asyncio.sleep(3600.0)


class _Teller:
    """Prints decisions when they change: for people at a terminal, and for the system's journal."""

    def __init__(self) -> None:
        self._said: dict[str, object] = {}

    def __call__(self, application: ApplicationLoop) -> None:
        name = application.stack.removeprefix("app-")
        verdict = application.verdict
        if verdict is None:
            self._say(name, application.problem, application.problem)
            return
        if verdict.edit is not None:
            counts = ", ".join(
                f"{k}={n}" for k, n in {**verdict.edit.clusters, **verdict.edit.groups}.items()
            )
            self._say(name, counts, f"{counts}. {verdict.edit.reason}")
            return
        for path, decision in verdict.decisions.items():
            mark = (decision.members, decision.holds, verdict.holds.get(path, ""))
            self._say(f"{name} {path}", mark, decision.reason)
        self._said.pop(name, None)

    def _say(self, name: str, mark: object, text: str) -> None:
        if self._said.get(name) != mark and text:
            print(f"{time.strftime('%H:%M:%S')} {name}: {text}", flush=True)
        self._said[name] = mark


class _First:
    """Whether this process is the first of this checkout's autoscalers: it tells their state.

    The kernel frees the lock with its holder, however that ends, and the next one gets it.
    """

    def __init__(self) -> None:
        self._handle = (folder() / "lock").open("w")
        self._held = False

    def __bool__(self) -> bool:
        if not self._held:
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self._held = True
        return True


@contextmanager
def _supervised(applications: Sequence[str]) -> Iterator[None]:
    """The supervisor in a thread of its own; while another one runs, this one waits to take over."""
    from console.supervision import AlreadySupervised, supervisor_for

    ended = threading.Event()
    running: list[Supervisor] = []

    def run() -> None:
        while not ended.is_set():
            try:
                with supervisor_for(list(applications)) as supervisor:
                    running.append(supervisor)
                    if not ended.is_set():
                        supervisor.run()
                    return
            except AlreadySupervised:
                ended.wait(TAKE_OVER_SECONDS)

    thread = threading.Thread(target=run, name="supervisor", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        for supervisor in running:
            supervisor.stop()
        thread.join(60.0)


def _check(cli: Pulumi, application: str) -> None:
    if not cli.exists(f"app-{application}"):
        names = ", ".join(s.removeprefix("app-") for s in cli.stacks() if s.startswith("app-")) or "none"
        raise BadInput(f"there is no application {application}", f"Applications here: {names}.")

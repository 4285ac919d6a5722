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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.runner import Runner, RunnerSettings
from autoscaler.journal.damage import set_aside
from autoscaler.journal.journal import Journal
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.autoscaler import Autoscaler, Share
from autoscaler.loop.settings import Settings, load
from autoscaler.serve.server import Server
from autoscaler.serve.state import write_state
from autoscaler.supervise.supervisor import Supervisor
from console import credentials
from console.applications import unknown
from console.autoscaler_places import watching
from console.autoscaler_shares import Shares
from toolchain import paths

TAKE_OVER_SECONDS = 5.0
STAND_BY_SECONDS = 1.0

_log = logging.getLogger(__name__)


def folder() -> Path:
    """Where the autoscaler keeps its journal, and what it has learnt."""
    path = paths.home() / "autoscaler"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def journal_file() -> Path:
    return folder() / "journal.sqlite"


def autoscale(applications: Sequence[str], settings_file: Path | None, *, dry_run: bool, once: bool) -> None:
    """Run until interrupted, or once; waits while another one acts.

    Raises BadInput, SettingsError, NoPolicyPack and JournalUnusable.
    """
    settings = load(settings_file)
    # Whoever updates here does it by this CLI: runner, moves, front doors, supervisor.
    cli = pulumi(settings.policy_packs, settings.policy_pack_configs)
    for name in applications:
        _check(cli, name)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    with ExitStack() as stack:
        acting = None if dry_run else stack.enter_context(_acting(cli, settings))
        loop = _Loop(cli, settings, acting, applications, _Teller())
        if once:
            asyncio.run(loop.once())
            return
        if not dry_run:
            assert acting is not None
            stack.enter_context(_supervised(cli, applications, acting.runner))
        asyncio.run(loop.run())


@dataclass(frozen=True)
class _Acting:
    """What it takes to act; a dry run has none of it."""

    runner: Runner
    journal: Journal
    share: Share | None


@contextmanager
def _acting(cli: Pulumi, settings: Settings) -> Iterator[_Acting]:
    with ExitStack() as stack:
        shared = settings.sharing
        shares = None
        if shared is None:
            stack.enter_context(_first())
            journal = _journal(journal_file())
        else:
            shares = Shares(cli, shared)
            stack.callback(shares.close)
            # Two of one name would both believe to hold what the name holds.
            stack.enter_context(_first(f"lock-{shares.identity}"))
            journal = _journal(folder() / f"journal-{shares.identity}.sqlite")
        stack.callback(journal.close)
        runner = Runner(
            cli,
            journal,
            RunnerSettings(side_by_side=settings.side_by_side),
            leases=shares.stacks if shares is not None else None,
        )
        runner.start()
        stack.callback(runner.close)
        yield _Acting(runner, journal, shares.by(runner) if shares is not None else None)


def _journal(path: Path) -> Journal:
    """The journal, begun anew where it is damaged: the config and the state tell what is to be."""
    if (aside := set_aside(path)) is not None:
        _log.warning("the journal %s is damaged: it is %s now, and a new one begins", path, aside)
    return Journal(path)


class _Loop:
    """Puts the parts together inside one event loop."""

    def __init__(
        self,
        cli: Pulumi,
        settings: Settings,
        acting: _Acting | None,
        applications: Sequence[str],
        tell: Callable[[ApplicationLoop], None],
    ) -> None:
        self._settings = settings
        self._acting = acting
        self._runner = acting.runner if acting is not None else None
        self._journal = acting.journal if acting is not None else None
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
            self._acting.share if self._acting is not None else None,
            places=watching(
                self._cli, folder() / "learnt", self._settings.period, acts=self._acting is not None
            ),
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

    async def run(self) -> None:
        autoscaler = self._make()
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        with ExitStack() as stack:
            tasks: list[asyncio.Task[Any]] = []
            if self._acting is not None:
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
        while not stop.is_set():
            await _passing(write_state, folder(), autoscaler, self._runner)
            await asyncio.sleep(2.0)

    async def _rotate(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if self._journal is not None:
                await _passing(self._journal.rotate)
            await asyncio.sleep(3600.0)


async def _passing(work: Callable[..., object], *arguments: object) -> None:
    """Do it beside the loop. Trouble (a full disk) passes: it is told, and the next turn tries again."""
    try:
        await asyncio.to_thread(work, *arguments)
    except Exception as error:
        _log.warning("%s: %s", getattr(work, "__name__", work), error)


class _Teller:
    """Prints decisions when they change: for people at a terminal, and for the system's journal."""

    def __init__(self) -> None:
        self._said: dict[str, object] = {}

    def __call__(self, application: ApplicationLoop) -> None:
        name = application.stack.removeprefix("app-")
        for text in application.said:
            print(f"{time.strftime('%H:%M:%S')} {name}: {text}", flush=True)
        application.said.clear()
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


@contextmanager
def _first(name: str = "lock") -> Iterator[None]:
    """One autoscaler of a name acts for a checkout; another one waits, and goes on within seconds of its end.

    The kernel frees the lock with its holder, however that ends.
    """
    with (folder() / name).open("a") as handle:
        waiting = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waiting:
                    print("another autoscaler of this checkout runs: standing by to take over", flush=True)
                waiting = True
                time.sleep(STAND_BY_SECONDS)
        if waiting:
            print("the other autoscaler has ended: taking over", flush=True)
        yield


@contextmanager
def _supervised(cli: Pulumi, applications: Sequence[str], runner: Runner) -> Iterator[None]:
    """The supervisor in a thread of its own; while another one runs, this one waits to take over."""
    from console.supervision import AlreadySupervised, supervisor_for

    ended = threading.Event()
    running: list[Supervisor] = []

    def run() -> None:
        while not ended.is_set():
            try:
                with supervisor_for(cli, list(applications), runner) as supervisor:
                    running.append(supervisor)
                    if not ended.is_set():
                        supervisor.run()
                    return
            except AlreadySupervised:
                pass
            except Exception as error:  # one moment's trouble: healing goes on after it
                _log.warning("the supervisor begins anew: %s", error)
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
        raise unknown(cli, application)

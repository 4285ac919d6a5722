"""The program and the kubernetes plugin kept running between updates, for updates that start fast.

The engine attaches to them by port. What protects these ports: they listen on loopback, and serve
only connections that a process of this user, or root, owns (`toolchain.plugins.protocol.peers`).
Where that cannot be told, or one of them does not start, updates start everything themselves, as a
person's do.
"""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from select import select

from autoscaler.act.pulumi_cli import Pulumi
from toolchain import paths
from toolchain.plugins.kubernetes.kinds import VERSION
from toolchain.plugins.protocol import connections

# What an application's program imports; each run then starts with all of it at hand.
PRELOAD = (
    "stacks.__main__",
    "stacks.app",
    "pulumi_kubernetes.apps.v1",
    "pulumi_kubernetes.core.v1",
    "pulumi_kubernetes.policy.v1",
    "pulumi_kubernetes.networking.v1",
)
START_SECONDS = 30.0
# A program's process is forked for each run and keeps nothing; the plugin's is begun anew when it grew.
LARGEST_BYTES = 400 * 1024 * 1024
PAUSE_AFTER_FAILURE = 60.0


@dataclass
class _Process:
    """One resident process and the port it serves."""

    process: "subprocess.Popen[str]"
    port: int

    def alive(self) -> bool:
        return self.process.poll() is None

    def size(self) -> int:
        try:
            pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


class Resident:
    """Both processes, started when first needed. Thread-safe."""

    def __init__(
        self, cli: Pulumi, *, virtualenv: Path | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._cli = cli
        self._virtualenv = virtualenv or paths.root() / ".venv"
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._running: dict[str, _Process] = {}
        self._stamp: object = None
        self._attached = 0
        self._not_before = 0.0

    def start(self) -> bool:
        """Begin ahead of the first update; False where updates will have to do without."""
        with self._lock:
            return bool(self._ready())

    @contextmanager
    def attached(self) -> Iterator[Mapping[str, str]]:
        """Variables for an update's process; empty where nothing is resident. Leave when it has ended."""
        with self._lock:
            running = self._ready()
            variables = {
                f"PULUMI_DEBUG_{kind}": f"{name}:{running[name].port}"
                for kind, name in (("LANGUAGES", "python"), ("PROVIDERS", "kubernetes"))
                if name in running
            }
            self._attached += 1
        try:
            yield variables
        finally:
            with self._lock:
                self._attached -= 1

    def close(self) -> None:
        """End both."""
        with self._lock:
            self._end()

    def _ready(self) -> Mapping[str, _Process]:
        """What runs and may be attached to, begun anew where that is due and nobody is attached."""
        stamp = _code_stamp()
        worn = [each for each in self._running.values() if not each.alive() or each.size() > LARGEST_BYTES]
        if self._running and (worn or stamp != self._stamp):
            if self._attached:
                # The others go on with what they have; this update starts its own.
                return {}
            self._end()
        if not self._running and not self._attached and self._monotonic() >= self._not_before:
            self._stamp = stamp
            self._begin()
        return self._running

    def _begin(self) -> None:
        if not connections.supported():
            self._not_before = float("inf")
            return
        commands = {"python": self._language_host()}
        if self._plugin_is_ours():
            commands["kubernetes"] = [str(_plugins() / "kubernetes" / "pulumi-resource-kubernetes")]
        for name, command in commands.items():
            started = self._launch([*command, "--resident"], name)
            if started is None:
                self._not_before = self._monotonic() + PAUSE_AFTER_FAILURE
                self._end()
                return
            self._running[name] = started

    def _language_host(self) -> list[str]:
        host = _plugins() / "language" / "pulumi-language-python"
        return [str(host), f"--preload={','.join(PRELOAD)}", f"--virtualenv={self._virtualenv}"]

    def _plugin_is_ours(self) -> bool:
        """A vendor's plugin serves one engine only, and always wins where it is installed."""
        home = Path(self._cli.environment.get("PULUMI_HOME", ""))
        program = home / "plugins" / f"resource-kubernetes-v{VERSION}" / "pulumi-resource-kubernetes"
        return program.resolve() == (_plugins() / "kubernetes" / "pulumi-resource-kubernetes").resolve()

    def _launch(self, command: list[str], name: str) -> _Process | None:
        self._cli.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        log = os.open(self._cli.logs / f"resident-{name}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=dict(self._cli.environment),
                cwd=self._cli.root,
                start_new_session=True,  # a terminal's interrupt is for the update, not for these
            )
        except OSError:
            return None
        finally:
            os.close(log)
        assert process.stdout is not None
        readable, _, _ = select([process.stdout], [], [], START_SECONDS)
        line = process.stdout.readline().strip() if readable else ""
        if not line.isdecimal():
            _stop(process)
            return None
        return _Process(process, int(line))

    def _end(self) -> None:
        for each in self._running.values():
            _stop(each.process)
        self._running = {}


def _plugins() -> Path:
    return paths.root() / "toolchain" / "plugins"


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _code_stamp() -> object:
    """Changes with the code of the resident processes themselves; programs look after their own."""
    found = []
    for folder in ("language", "kubernetes", "protocol"):
        for entry in os.scandir(_plugins() / folder):
            if entry.name.endswith(".py"):
                stat = entry.stat()
                found.append((entry.path, stat.st_size, stat.st_mtime_ns))
    return sorted(found)

"""A Docker engine of our own, for a machine where none runs: started, remembered and stopped here.

Its data lives in the cache folder, so that images survive a restart and one folder removes all.
"""

import ctypes
import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from toolchain import engine_probe, paths
from toolchain.errors import ToolchainError

RUN = Path("/run/altostratus")  # sockets and process files; short, as a socket's path must be
START_SECONDS = 60.0
STOP_SECONDS = 40.0
_MNT_DETACH = 2


@dataclass(frozen=True)
class Record:
    """Which process is ours: a pid alone may have been given to another since."""

    pid: int
    started: int  # clock ticks since boot, from /proc/PID/stat
    boot: str
    host: str
    data: str
    execution: str


def folder() -> Path:
    path = paths.cache() / "engine"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def data_root() -> Path:
    return paths.cache() / "docker"


def log_file() -> Path:
    return folder() / "dockerd.log"


def _record_file() -> Path:
    return folder() / "engine.json"


def recorded() -> Record | None:
    """The engine we started last, running or not."""
    try:
        return Record(**json.loads(_record_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_ticks(pid: int) -> int | None:
    """When the process `pid` began, in clock ticks since boot; None when there is none."""
    try:
        # The second field is the program's name in brackets and may itself hold spaces.
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def is_ours(record: Record) -> bool:
    """Whether the recorded process still runs, and is the one we started."""
    return record.boot == _boot_id() and start_ticks(record.pid) == record.started


def start() -> Record:
    """Start dockerd and wait until it answers. Call with the engine's lock held.

    Raises ToolchainError when it ends, or does not answer within START_SECONDS.
    """
    binary = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not binary:
        raise ToolchainError(
            "the Docker engine (dockerd) is not installed",
            "Install it (on Debian: apt-get install docker.io iptables), or set DOCKER_HOST.",
        )
    execution = _execution_root()
    execution.mkdir(mode=0o711, parents=True, exist_ok=True)
    host = f"unix://{_free_socket(execution)}"
    pid_file = folder() / "dockerd.pid"
    _end_leftovers(str(execution))
    pid_file.unlink(missing_ok=True)
    command = [
        binary,
        f"--data-root={data_root()}",
        f"--exec-root={execution}",
        f"--pidfile={pid_file}",
        f"--host={host}",
        "--log-opt=max-size=10m",
        "--log-opt=max-file=3",
    ]
    if not Path("/run/systemd/system").is_dir():
        command.append("--exec-opt=native.cgroupdriver=cgroupfs")
    environment = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
    environment.pop("DOCKER_HOST", None)
    with log_file().open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment,
            cwd="/",
        )
    started = start_ticks(process.pid)
    if started is not None:
        record = Record(process.pid, started, _boot_id(), host, str(data_root()), str(execution))
        write_record(record)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        if started is not None and engine_probe.probe(host, timeout=2.0).ok:
            return record
        time.sleep(0.1)
    if process.poll() is None:
        process.terminate()
        process.wait(STOP_SECONDS)
    _record_file().unlink(missing_ok=True)
    raise ToolchainError(
        f"the Docker engine did not start: {_last_error()}",
        f"Its log is {log_file()}. Start an engine yourself, or set DOCKER_HOST to one that runs.",
    )


def write_record(record: Record) -> None:
    """Remember the engine we started."""
    beside = _record_file().with_suffix(".new")
    beside.write_text(json.dumps(asdict(record), indent=1))
    beside.replace(_record_file())


def _execution_root() -> Path:
    """Where the engine keeps its processes' files: one for each cache, as two engines must not share it."""
    return RUN / hashlib.sha256(str(data_root()).encode()).hexdigest()[:8]


def _free_socket(execution: Path) -> Path:
    """The default socket when nobody listens there (a dead one is left over), else one of our own."""
    default = engine_probe.DEFAULT_SOCKET
    if not default.exists():
        return default
    if engine_probe.probe(f"unix://{default}", timeout=2.0).ok:
        return execution / "docker.sock"
    default.unlink()
    return default


def _last_error() -> str:
    lines = log_file().read_text(errors="replace").strip().splitlines()
    for line in reversed(lines):
        if "level=" not in line or "level=error" in line or "level=fatal" in line:
            return line
    return lines[-1] if lines else "it said nothing"


def stop(record: Record) -> None:
    """Stop the engine that `record` names, its containerd and shims, and unmount what they left."""
    if is_ours(record):
        os.kill(record.pid, signal.SIGTERM)
        if not _ended(record, STOP_SECONDS):
            os.kill(record.pid, signal.SIGKILL)
            _ended(record, 5.0)
    _end_leftovers(record.execution)
    for place in (record.execution, record.data):
        unmount_below(Path(place))
    (folder() / "dockerd.pid").unlink(missing_ok=True)
    _record_file().unlink(missing_ok=True)


def _ended(record: Record, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            # A dockerd that this very process started stays a zombie until it is reaped.
            os.waitpid(record.pid, os.WNOHANG)
        except ChildProcessError:
            pass
        if not is_ours(record):
            return True
        time.sleep(0.05)
    return False


def _end_leftovers(execution: str) -> None:
    """End containerd and its shims that outlived a killed dockerd: known by our run folder in argv."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        program = Path(arguments[0]).name
        if program.startswith("containerd") and any(a.startswith(f"{execution}/") for a in arguments):
            try:
                os.kill(int(entry.name), signal.SIGKILL)
            except ProcessLookupError:
                continue


def unmount_below(place: Path) -> None:
    """Detach every mount at or below `place`, the deepest first."""
    libc = ctypes.CDLL(None, use_errno=True)
    points = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = line.split()[4].encode().decode("unicode_escape")
        if point == str(place) or point.startswith(f"{place}/"):
            points.append(point)
    for point in sorted(points, key=len, reverse=True):
        libc.umount2(point.encode(), _MNT_DETACH)

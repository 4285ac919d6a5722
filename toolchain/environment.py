"""Makes the checkout's Python environment from the lock file. Run by `alto` with the machine's Python.

Standard library only, as nothing else is there yet. Killed half-way it leaves no marker, so the next
run makes good; two at once take turns.
"""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MARKER = ".ready"


class EnvironmentFailure(Exception):
    """What went wrong and what to do about it, for a person."""


def wanted(root: Path) -> str:
    """What the marker must hold: the environment's absolute paths and its packages depend on both."""
    return f"{root}\n{(root / 'requirements.lock').read_text()}"


def is_ready(root: Path) -> bool:
    venv = root / ".venv"
    try:
        return os.access(venv / "bin/python", os.X_OK) and (venv / MARKER).read_text() == wanted(root)
    except OSError:
        return False


def make(root: Path) -> None:
    """Bring `.venv` to what `requirements.lock` says. Raises EnvironmentFailure."""
    with _turn(root):
        if is_ready(root):
            return
        venv = root / ".venv"
        (venv / MARKER).unlink(missing_ok=True)
        _say("Preparing the Python environment (first use, or the packages changed); about a minute")
        started = time.monotonic()
        _create(venv)
        _install(root, venv)
        for site in venv.glob("lib/python3*/site-packages"):
            (site / "altostratus.pth").write_text(f"{root}\n")
        beside = venv / f"{MARKER}.new"
        beside.write_text(wanted(root))
        beside.replace(venv / MARKER)
        _say(f"Python environment ready after {time.monotonic() - started:.0f} s")


@contextmanager
def _turn(root: Path) -> Iterator[None]:
    """Wait for any other run of this: the lock file itself is what both lock."""
    handle = os.open(root / "requirements.lock", os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another alto that prepares the Python environment")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _create(venv: Path) -> None:
    if _works(venv):
        return
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        _install_venv_package()
    command = [sys.executable, "-m", "venv", "--clear", str(venv)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise EnvironmentFailure(
            f"{sys.executable} could not make {venv}: {_last(result.stdout + result.stderr)}\n"
            "  Check that the folder can be written and the disk is not full, then run the command again."
        )


def _works(venv: Path) -> bool:
    """Whether there is an environment whose interpreter and pip start, of a Python new enough."""
    probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([venv / "bin/python", "-c", probe], capture_output=True).returncode == 0
    except OSError:
        return False


def _install_venv_package() -> None:
    """Debian keeps venv and ensurepip in a package of their own."""
    package = f"python3.{sys.version_info.minor}-venv"
    if os.geteuid() or not shutil.which("apt-get"):
        raise EnvironmentFailure(
            f"{sys.executable} lacks the modules venv and ensurepip.\n"
            f"  Install them (on Debian: apt-get install {package}), or set ALTO_PYTHON to another Python."
        )
    _say(f"Installing {package}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "--yes", "--no-install-recommends", package]
    for command in (install, ["apt-get", "update"], install):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if result.returncode == 0 and command is install:
            return
    raise EnvironmentFailure(
        f"apt-get could not install {package}: {_last(result.stderr)}\n"
        "  Install it by hand, or set ALTO_PYTHON to a Python that has venv and ensurepip."
    )


def _install(root: Path, venv: Path) -> None:
    """Install exactly the locked packages, each checked against its hash; pip's own settings hold."""
    lock = root / "requirements.lock"
    total = len(re.findall(r"^[A-Za-z0-9._-]+==", lock.read_text(), re.MULTILINE))
    command = [str(venv / "bin/python"), "-m", "pip", "install", "--require-hashes", "--no-input"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "-r", str(lock)]
    environment = {name: value for name, value in os.environ.items() if name != "PIP_REQUIRE_VIRTUALENV"}
    said: list[str] = []
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
    )
    with process:
        collected = 0
        for line in process.stdout or ():
            said.append(line)
            if line.startswith(("Collecting ", "Requirement already satisfied")):
                collected += 1
                _status(f"  fetching packages: {collected} of {total}")
            elif line.startswith("Installing collected packages"):
                _status(f"  installing {total} packages")
    _status("")
    if process.returncode:
        errors = [line for line in said if line.startswith("ERROR")] or said
        raise EnvironmentFailure(
            f"pip could not install the packages of {lock}: {_last(errors[-1] if errors else '')}\n"
            "  Check the network and pip's settings (pip config list), then run the command again."
        )


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it gave no reason"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _status(line: str) -> None:
    """A line that the next one overwrites; only where someone can see it change."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)


def main() -> int:
    try:
        make(Path(sys.argv[1]))
    except EnvironmentFailure as failure:
        print(f"alto: {failure}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"alto: the Python environment could not be made: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        _say("\nalto: interrupted; run the command again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

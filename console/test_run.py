"""`alto test`: static checks, then the tests; with clusters unless `--quick`."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from console.test_verdict import counts, verdict
from toolchain import engine, paths

Process = subprocess.Popen[bytes]
LONGEST = ("--durations=20", "--durations-min=5")

CHECKS = {
    "ruff": ["-m", "ruff", "check", "--quiet", "."],
    "format": ["-m", "ruff", "format", "--check", "--quiet", "."],
    "mypy": ["-m", "mypy", "--no-error-summary"],
    "layers": [
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ],
}


def run(*, quick: bool, arguments: Sequence[str]) -> int:
    """The exit code: 0 when every check and test passed, else 1 (130 interrupted).

    Whatever this starts (Docker engine, host clusters) it also ends.
    """
    # Started in the background (CI, nohup), interrupts are ignored, and every child would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    failed, counted = _checks(), ""
    if quick:
        tests = _pytest(["-m", "not cluster and not engine", "-n", "auto", *arguments], {})
    else:
        tests, counted = _with_clusters(arguments)
    if failed:
        print(f"failed checks: {', '.join(failed)}", file=sys.stderr)
    if counted:
        print(counted, flush=True)
    return 1 if failed or tests not in (0,) else 0


def _checks() -> list[str]:
    """Run the static checks side by side; the names of those that failed, after printing why."""
    begin = time.monotonic()
    running = {
        name: subprocess.Popen(
            [sys.executable, *command],
            cwd=paths.root(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name, command in CHECKS.items()
    }
    failed = []
    for name, process in running.items():
        output, _ = process.communicate()
        if process.returncode != 0:
            failed.append(name)
            print(f"--- {name}\n{output.rstrip()}")
    passed = ", ".join(name for name in CHECKS if name not in failed)
    print(f"checks in {time.monotonic() - begin:.0f} s; passed: {passed or 'none'}", flush=True)
    return failed


def _with_clusters(arguments: Sequence[str]) -> tuple[int, str]:
    """Every test, with tools, engine and base image made ready first: the exit code, and the counts of all
    parts where pytest does not say them itself."""
    from console.demonstration import prepare
    from toolchain.progress import Progress

    was_running = engine.find() is not None
    try:
        with Progress("alto test: tools, engine and base image") as progress:
            prepare(progress)
        found = engine.find()
        settings = {"ALTO_KEEP_ENGINE": "1", "DOCKER_HOST": found.host if found else ""}
        return (_pytest(list(arguments), settings), "") if arguments else _parts(settings)
    finally:
        if not was_running:
            engine.stop()


def _parts(extra: dict[str, str]) -> tuple[int, str]:
    """The tests on the demo's cluster, shown as they go, beside all others, shown when they have ended."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        reports = {part: folder / f"{part}.xml" for part in ("demo", "rest", "quick")}
        options = {part: [f"--part={part}", f"--junitxml={reports[part]}", *LONGEST] for part in reports}
        beside = []
        for part in ("rest", "quick"):
            output = stack.enter_context(tempfile.TemporaryFile("w+"))
            beside.append((_start(options[part], extra, output), output))
        try:
            codes = [_ended(_start(options["demo"], extra))]
        except KeyboardInterrupt:
            for process, _ in beside:
                process.send_signal(signal.SIGINT)
            raise
        finally:
            ended = [_ended(process) for process, _ in beside]
            for _, output in beside:
                output.seek(0)
                shutil.copyfileobj(output, sys.stdout)
        sys.stdout.flush()
        print("\n".join(verdict(reports.values())), file=sys.stderr)
        counted = counts(reports.values())
    return next((code for code in (*codes, *ended) if code), 0), counted


def _pytest(arguments: list[str], extra: dict[str, str]) -> int:
    return _ended(_start(arguments, extra))


def _start(arguments: list[str], extra: dict[str, str], output: IO[str] | None = None) -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=paths.root(),
        env={**os.environ, "PULUMI_ERROR_OUTPUT_STRING": "true", **extra},
        stdout=output,
        stderr=output,
        start_new_session=True,  # an interrupt reaches it once, through us
    )


def _ended(process: Process) -> int:
    """The exit code. Interrupted, it gets the time to take down what it has made."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGINT)
        process.wait()
        raise

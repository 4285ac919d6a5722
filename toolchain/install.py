"""The tools, found or made: what the rest of Altostratus calls to get a program to run."""

import errno
import os
import shutil
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain import bin_folder, fetch, find, gobuild, pins, store
from toolchain.errors import ToolchainError
from toolchain.find import Found
from toolchain.pins import Pin
from toolchain.progress import Progress


@dataclass(frozen=True)
class Status:
    """A tool's standing. `path` and `source` are empty when it is not there; `problem` says why a
    configured one will not do."""

    name: str
    wanted: str
    version: str = ""
    path: str = ""
    source: str = ""
    problem: str = ""


def locate(name: str) -> Path | None:
    """The program `name` (pulumi, kubectl, etcdctl...) where it is; never downloads or builds."""
    found = find.locate(_pin_of(name))
    return found.programs[name] if found else None


def folder(name: str) -> Path | None:
    """The folder that holds the programs of the tool `name` (kubernetes, etcd...), links of a
    multi-call binary included: copy it with its links. None when it is not there."""
    found = find.locate(_pin(name))
    return next(iter(found.programs.values())).parent if found else None


def ensure(names: Iterable[str] | None = None, progress: Progress | None = None) -> dict[str, Path]:
    """All programs of the tools `names` (default: every tool), by program name; missing ones are
    downloaded from their vendor, or built, side by side.

    Raises ToolchainError when one can be had in no way; the others are installed nevertheless.
    """
    wanted = [_pin(name) for name in names] if names is not None else list(pins.tools().values())
    located = {pin.name: find.locate(pin) for pin in wanted}
    missing = [pin for pin in wanted if located[pin.name] is None]
    if missing:
        _Installation(progress or Progress("", quiet=True)).run(missing)
        located |= {pin.name: find.locate(pin) for pin in missing}
    programs: dict[str, Path] = {}
    for pin in wanted:
        found = located[pin.name]
        if found is None:
            raise ToolchainError(
                f"{pin.name} {pin.version} was installed, but is gone again", "Run it again."
            )
        programs |= {name: found.programs[name] for name in pin.names}
    bin_folder.publish()
    return programs


def bin_dir() -> Path:
    """The folder with a link for each tool, to put on PATH; `ensure` keeps it right."""
    return bin_folder.path()


def stage(names: Iterable[str], into: Path) -> None:
    """Copy all files of the tools `names` into the folder `into`, links of a multi-call binary kept as
    links: what an image's Dockerfile then copies is right for a vendor's programs and for built ones.

    Raises ToolchainError when a tool is not there.
    """
    into.mkdir(parents=True, exist_ok=True)
    for name in names:
        located = find.locate(_pin(name))
        if located is None:
            raise ToolchainError(f"{name} is not installed", "Run `alto toolchain install` first.")
        for program in located.programs.values():
            target = into / program.name
            target.unlink(missing_ok=True)
            shutil.copy2(program, target, follow_symlinks=located.source in ("configured", "PATH"))


def status() -> list[Status]:
    """Each tool: what is wanted, what there is, and where it came from. Changes nothing."""
    return [_status(pin) for pin in pins.tools().values()]


def _status(pin: Pin) -> Status:
    try:
        found = find.locate(pin)
    except ToolchainError as error:
        return Status(pin.name, pin.accepted, problem=str(error))
    if found is None:
        return Status(pin.name, pin.accepted)
    place = found.programs[pin.names[0]]
    return Status(pin.name, pin.accepted, found.version, str(place), found.source)


def clean() -> Iterator[str]:
    """Remove all that the toolchain put on this machine; see `cleanup.clean`."""
    from toolchain import cleanup

    return cleanup.clean()


def _pin(name: str) -> Pin:
    known = pins.tools()
    if name not in known:
        raise ToolchainError(f"no tool is named {name}", f"Known are {', '.join(known)}.")
    return known[name]


def _pin_of(program: str) -> Pin:
    for pin in pins.tools().values():
        if program in pin.names:
            return pin
    names = [name for pin in pins.tools().values() for name in pin.names]
    raise ToolchainError(f"no tool has a program named {program}", f"Known are {', '.join(names)}.")


class _Installation:
    """One run over the missing tools: downloads go side by side, builds as many as the cores bear."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._vendors = fetch.Vendors()
        self._places = threading.Semaphore(max(1, (os.cpu_count() or 1) // 2))
        self._builder: gobuild.Builder | None = None
        self._lock = threading.Lock()
        self._cancelled = False

    def run(self, missing: list[Pin]) -> None:
        self._vendors.probe(download.url for pin in missing for download in pin.downloads)
        # The longest first: what is left at the end is then short.
        ordered = sorted(missing, key=lambda pin: -pin.build_seconds)
        downloadable = [pin for pin in ordered if self._downloadable(pin)]
        for pin in ordered:
            if pin not in downloadable:
                self._progress.expect(_build_name(pin), pin.build_seconds)
        errors: list[ToolchainError] = []
        downloads = ThreadPoolExecutor(max(1, len(downloadable)), "download")
        builds = ThreadPoolExecutor(len(ordered), "build")
        with downloads, builds:
            try:
                fetched = {pin: downloads.submit(self._download, pin) for pin in downloadable}
                built = [builds.submit(self._build, pin) for pin in ordered if pin not in fetched]
                for pin, download in fetched.items():
                    try:
                        if not download.result():
                            built.append(builds.submit(self._build, pin))
                    except ToolchainError as error:
                        errors.append(error)
                for build in built:
                    try:
                        build.result()
                    except ToolchainError as error:
                        errors.append(error)
            except BaseException:
                self._cancel()
                raise
        if errors:
            # Several tools often fail for one reason; saying it once is enough.
            different = list(dict.fromkeys(str(error) for error in errors))
            raise ToolchainError("\n".join(different))

    def _cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._builder:
                self._builder.cancel()

    def _downloadable(self, pin: Pin) -> bool:
        return bool(pin.downloads) and all(self._vendors.answers(d.url) for d in pin.downloads)

    def _turn(self, pin: Pin) -> AbstractContextManager[None]:
        return store.turn(pin, lambda: self._progress.say(f"  {pin.name}: another process installs it"))

    def _download(self, pin: Pin) -> bool:
        """Whether the vendor's files were had; False sends the caller to the build."""
        with self._turn(pin), _explained(pin):
            return store.find(pin) is not None or self._download_in_turn(pin)

    def _download_in_turn(self, pin: Pin) -> bool:
        step = self._progress.step(f"download {pin.name} {pin.version}")
        try:
            with store.staging(pin, "download") as programs:
                parts = len(pin.downloads)
                for number, download in enumerate(pin.downloads):
                    step.note(download.url.split("/")[2])

                    def advance(fraction: float, done: int = number) -> None:
                        if self._cancelled:
                            raise ToolchainError(f"the download of {pin.name} was cancelled")
                        step.advance((done + fraction) / parts)

                    fetch.fetch(download, programs, [*pin.names, *pin.extras], advance)
                _check(pin, programs)
        except fetch.Unavailable as reason:
            step.skip(f"not to be had, building it instead ({reason})")
            return False
        except BaseException as error:
            step.fail(_first_line(error))
            raise
        step.done()
        return True

    def _build(self, pin: Pin) -> None:
        # A place among the running builds is taken last: one that waits for another process holds none.
        with self._turn(pin), _explained(pin):
            if store.find(pin) is None:
                with self._places:
                    self._build_in_turn(pin)

    def _build_in_turn(self, pin: Pin) -> None:
        with self._lock:
            if self._cancelled:
                raise ToolchainError(f"the build of {pin.name} was cancelled")
            if self._builder is None:
                self._builder = gobuild.Builder(gobuild.find_go(self._progress))
        step = self._progress.step(_build_name(pin), pin.build_seconds)
        try:
            with store.staging(pin, "build") as programs:
                self._builder.build(pin, programs, step)
                _check(pin, programs)
        except BaseException as error:
            step.fail(_first_line(error))
            raise
        step.done()


@contextmanager
def _explained(pin: Pin) -> Iterator[None]:
    """Turn what the file system refuses into words."""
    try:
        yield
    except OSError as error:
        hint = f"Check that {store.folder()} can be written, or set ALTO_CACHE to another folder."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = (
                "The disk is full. Make room (all tools take about 2 GB), or set ALTO_CACHE to another disk."
            )
        raise ToolchainError(f"{pin.name} could not be installed: {error}", hint) from error


def _build_name(pin: Pin) -> str:
    return f"build {pin.name} {pin.version}"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check(pin: Pin, programs: Path) -> None:
    """What was made must run and be what the pin says, before anyone can find it."""
    for program in pin.programs:
        version, said = find.ask(programs / program.name, program)
        if version != pin.version:
            raise ToolchainError(
                f"{program.name} was made, but is not {pin.version}: {said.splitlines()[0][:200]}",
                "This is a fault of the pin; ALTO_TOOL_* can name another until it is mended.",
            )


def found(name: str) -> Found | None:
    """The tool `name` with all that is known of it."""
    return find.locate(_pin(name))

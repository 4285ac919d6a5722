"""Where a tool already is: a configured path, PATH with a right version, or the cache."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain import paths, pins, store
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive
from toolchain.pins import Pin, Program

_ASK_SECONDS = 60  # a busy machine takes its time to load a program of 100 MB


@dataclass(frozen=True)
class Found:
    """A tool's programs by name; `source` is configured, PATH, download or build."""

    programs: dict[str, Path]
    version: str
    source: str


def locate(pin: Pin) -> Found | None:
    """The tool where it is, in the order above. Installs nothing.

    Raises ToolchainError when a configured path does not lead to a program that will do.
    """
    if found := configured(pin) or on_path(pin):
        return found
    if stored := store.find(pin):
        return Found(stored.programs, stored.version, stored.source)
    return None


def variable(pin: Pin) -> str:
    """The environment variable that configures a tool's path."""
    return f"ALTO_TOOL_{pin.name.upper().replace('-', '_')}"


def configured(pin: Pin) -> Found | None:
    """What `ALTO_TOOL_<NAME>` names, or `tools: {name: path}` in tools.yaml of the home folder: a
    program, a multi-call binary, or the folder that holds the tool's programs."""
    where = variable(pin)
    value = os.environ.get(where)
    if not value:
        where = str(paths.home() / "tools.yaml")
        value = _settings(Path(where)).get(pin.name)
    if not value:
        return None
    path = Path(value).expanduser()
    programs = {name: path / name for name in pin.names} if path.is_dir() else dict.fromkeys(pin.names, path)
    for name, program in programs.items():
        if not os.access(program, os.X_OK) or program.is_dir():
            raise ToolchainError(
                f"{where} sets {pin.name} to {value}, but {program} is not a program that can be run",
                f"Set it to {name} {pin.accepted} (or its folder), or remove the setting.",
            )
    if not path.is_dir() and len(pin.programs) > 1:
        raise ToolchainError(
            f"{where} sets {pin.name} to the file {value}, but it has {len(pin.programs)} programs",
            f"Set it to the folder that holds {', '.join(pin.names)}.",
        )
    versions = {program.name: version_of(programs[program.name], program) for program in pin.programs}
    for name, version in versions.items():
        if version is None or not pin.accepts(version):
            raise ToolchainError(
                f"{where} sets {pin.name} to {value}, but {name} there is {version or 'no known version'}",
                f"{pin.accepted} is needed. Set it to such a one, or remove the setting.",
            )
    return Found(programs, str(versions[pin.names[0]]), "configured")


def _settings(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    import yaml

    try:
        document = yaml.safe_load(file.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise ToolchainError(f"{file} cannot be read: {error}", "Correct it, or remove it.") from error
    known = set(pins.tools())
    tools = document.get("tools") if isinstance(document, dict) else None
    if not isinstance(tools, dict) or not all(isinstance(value, str) for value in tools.values()):
        raise ToolchainError(
            f"{file} must hold `tools:` with a path for each name",
            "For example: tools: {pulumi: /opt/pulumi}",
        )
    if unknown := sorted(set(tools) - known):
        raise ToolchainError(
            f"{file} names unknown tools: {', '.join(unknown)}", f"Known are {', '.join(sorted(known))}."
        )
    return tools


def on_path(pin: Pin) -> Found | None:
    """All programs of the tool on PATH, each of a version that will do; ours from the cache do not count."""
    programs: dict[str, Path] = {}
    version = None
    for program in pin.programs:
        for candidate in _candidates(program.name):
            version = version_of(candidate, program)
            if version is not None and pin.accepts(version):
                programs[program.name] = candidate
                break
        else:
            return None
    return Found(programs, str(version), "PATH")


def _candidates(name: str) -> list[Path]:
    ours = paths.cache().resolve()
    found = []
    for place in os.environ.get("PATH", "").split(os.pathsep):
        path = shutil.which(name, path=place) if place else None
        if path and not Path(path).resolve().is_relative_to(ours):
            found.append(Path(path))
    return found


def version_of(path: Path, program: Program) -> str | None:
    """What version the program says it is; None when it says none.

    Asking starts it, so answers are remembered until the file changes.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    identity = f"{path.resolve()}|{status.st_mtime_ns}|{status.st_size}|{' '.join(program.asks)}|{path.name}"
    memory = paths.cache() / "versions.json"
    known = _remembered(memory)
    if identity in known:
        return known[identity]
    version, _ = ask(path, program)
    if version:
        _remember(memory, identity, version)
    return version


def ask(path: Path, program: Program) -> tuple[str | None, str]:
    """Start the program to hear its version: the version or None, and what it said."""
    try:
        result = subprocess.run(
            [path, *program.asks],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
            cwd="/",
            env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"},
        )
    except subprocess.TimeoutExpired:
        return None, f"it did not answer within {_ASK_SECONDS} s"
    except OSError as error:
        return None, str(error)
    said = f"{result.stdout}\n{result.stderr}".strip()
    if result.returncode:
        return None, f"it ended with {result.returncode}: {said}"
    return pins.read_version(said), f"it said: {said}"


def _remembered(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path, identity: str, version: str) -> None:
    beside = memory.with_suffix(f".{os.getpid()}.new")
    with exclusive(paths.cache() / "locks" / "versions"):
        beside.write_text(json.dumps(_remembered(memory) | {identity: version}, indent=1))
        beside.replace(memory)

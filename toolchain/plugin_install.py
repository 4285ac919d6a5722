"""The engine's plugins: the vendor's where they are or can be had, else the ones bundled here.

Installed into our own PULUMI_HOME, in the form that the engine recognises: a real folder (a link is
not looked into) named by kind, name and version, without a `.partial` file beside it.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from toolchain import fetch, find, paths, pins, store
from toolchain.errors import ToolchainError
from toolchain.locks import exclusive
from toolchain.pins import Pin
from toolchain.progress import Progress

_NOTE = "altostratus.json"
LANGUAGE_HOST = "pulumi-language-python"


@dataclass(frozen=True)
class Plugin:
    """A plugin in use. `source` is configured, PATH, installed (by the vendor's CLI), download or
    bundled; an empty one says that it is not there yet."""

    name: str
    version: str
    path: str
    source: str


def ensure(progress: Progress | None = None, *, look_again: bool = False) -> list[Plugin]:
    """Put the resource plugins where the engine looks. A bundled one, once chosen, stays until
    `look_again` asks for the vendor's anew, so that no command waits for the network.

    Raises ToolchainError when a configured path is wrong.
    """
    shown = progress or Progress("", quiet=True)
    vendors = fetch.Vendors()
    with exclusive(paths.cache() / "locks" / "plugins"):
        return [_ensure(name, pin, vendors, shown, look_again) for name, pin in pins.plugins().items()]


def status() -> list[Plugin]:
    """Which resource plugins and which language host the engine will use. Changes nothing."""
    plugins = []
    for name, pin in pins.plugins().items():
        current = _configured(name, pin) or _ambient(name, pin) or _installed(name, pin)
        plugins.append(current or Plugin(name, pin.version, "", ""))
    return [*plugins, language_host()]


def language_host() -> Plugin:
    """The Python language host: the vendor's on PATH or beside its CLI, else the bundled one."""
    if value := os.environ.get("ALTO_PLUGIN_PYTHON"):
        return Plugin("python", "", str(_program("ALTO_PLUGIN_PYTHON", value, LANGUAGE_HOST)), "configured")
    if ambient := _on_path(LANGUAGE_HOST):
        return Plugin("python", "", str(ambient), "PATH")
    cli = find.locate(pins.tools()["pulumi"])
    if cli and (beside := cli.programs["pulumi"].resolve().parent / LANGUAGE_HOST).exists():
        return Plugin("python", cli.version, str(beside), cli.source)
    return Plugin("python", "", str(_bundled("language", LANGUAGE_HOST)), "bundled")


def place(name: str, version: str) -> Path:
    """The folder in which the engine looks for a resource plugin."""
    return paths.pulumi_home() / "plugins" / f"resource-{name}-v{version}"


def _ensure(name: str, pin: Pin, vendors: fetch.Vendors, progress: Progress, look_again: bool) -> Plugin:
    program = pin.names[0]
    if configured := _configured(name, pin):
        return _put(name, pin, Path(configured.path), "configured")
    if ambient := _ambient(name, pin):
        return ambient
    current = _installed(name, pin)
    if current and not (look_again and current.source == "bundled") and current.source != "configured":
        return current
    if users := _users(name, pin):
        return _put(name, pin, users, "installed")
    if stored := store.find(pin) or _download(pin, vendors, progress):
        return _put(name, pin, stored.programs[program], "download")
    return _put(name, pin, _bundled(name, program), "bundled")


def _configured(name: str, pin: Pin) -> Plugin | None:
    variable = f"ALTO_PLUGIN_{name.upper()}"
    value = os.environ.get(variable)
    if not value:
        return None
    return Plugin(name, pin.version, str(_program(variable, value, pin.names[0])), "configured")


def _program(variable: str, value: str, program: str) -> Path:
    path = Path(value).expanduser().absolute()
    path = path / program if path.is_dir() else path
    if not path.is_file() or not os.access(path, os.X_OK):
        raise ToolchainError(
            f"{variable} is {value}, but {path} is not a program that can be run",
            f"Set it to {program} or to the folder that holds it, or unset it.",
        )
    return path


def _ambient(name: str, pin: Pin) -> Plugin | None:
    """The engine itself prefers a plugin on PATH to any installed one."""
    found = _on_path(pin.names[0])
    return Plugin(name, "", str(found), "PATH") if found else None


def _on_path(program: str) -> Path | None:
    ours = (paths.home().resolve(), paths.cache().resolve(), paths.root().resolve())
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which(program, path=folder) if folder else None
        if found and not any(Path(found).absolute().is_relative_to(our) for our in ours):
            return Path(found)
    return None


def _installed(name: str, pin: Pin) -> Plugin | None:
    """What is in our PULUMI_HOME; without a note of ours the vendor's CLI put it there."""
    folder = place(name, pin.version)
    program = folder / pin.names[0]
    if not os.access(program, os.X_OK) or folder.with_name(f"{folder.name}.partial").exists():
        return None
    try:
        source = str(json.loads((folder / _NOTE).read_text())["source"])
    except FileNotFoundError:
        source = "installed"
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if source == "bundled" and program.resolve() != _bundled(name, pin.names[0]).resolve():
        return None  # of a checkout that was here before
    return Plugin(name, pin.version, str(program), source)


def _users(name: str, pin: Pin) -> Path | None:
    """The same plugin in the user's own ~/.pulumi, whole."""
    folder = Path.home() / ".pulumi" / "plugins" / f"resource-{name}-v{pin.version}"
    program = folder / pin.names[0]
    partial = folder.with_name(f"{folder.name}.partial")
    return program if os.access(program, os.X_OK) and not partial.exists() else None


def _download(pin: Pin, vendors: fetch.Vendors, progress: Progress) -> store.Stored | None:
    if not all(vendors.answers(download.url) for download in pin.downloads):
        return None
    with store.turn(pin):
        if stored := store.find(pin):
            return stored
        step = progress.step(f"download {pin.names[0]} {pin.version}")
        try:
            with store.staging(pin, "download") as programs:
                for download in pin.downloads:
                    fetch.fetch(download, programs, pin.names, step.advance)
        except fetch.Unavailable as reason:
            step.skip(f"not to be had, using the bundled one ({reason})")
            return None
        except BaseException as error:
            step.fail(str(error).partition("\n")[0])
            raise
        step.done()
    return store.find(pin)


def _bundled(name: str, program: str) -> Path:
    return paths.root() / "toolchain" / "plugins" / name / program


def _put(name: str, pin: Pin, target: Path, source: str) -> Plugin:
    """Make the engine find `target`: a link in a real folder, whole at every moment for a reader."""
    folder = place(name, pin.version)
    partial = folder.with_name(f"{folder.name}.partial")
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial.touch()
        folder.mkdir()
    link = folder / pin.names[0]
    note = folder / _NOTE
    replace_link(link, target)
    beside = note.with_suffix(".new")
    beside.write_text(json.dumps({"source": source, "target": str(target)}))
    beside.replace(note)
    partial.unlink(missing_ok=True)
    return Plugin(name, pin.version, str(link), source)


def replace_link(link: Path, target: Path) -> None:
    """Point `link` at `target` in one step, whatever `link` was."""
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(target)
    beside.replace(link)

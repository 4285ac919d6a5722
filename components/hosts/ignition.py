"""From a host's files and units to its Ignition config, by the real butane and ignition-validate."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.hosts.host_files import HostFile

_FOLDER = Path(__file__).parent / "butane"
_TIMEOUT_SECONDS = 60


class ButaneError(RuntimeError):
    """A Butane document or the Ignition config made of it is refused; the text says where and why."""


@dataclass(frozen=True)
class Unit:
    name: str
    content: str


@cache
def units(folder: str = "units") -> tuple[Unit, ...]:
    """The systemd units of every host, sorted by name; or those in another folder beside them."""
    return tuple(Unit(path.name, path.read_text()) for path in sorted((_FOLDER / folder).iterdir()))


def machine_units() -> tuple[Unit, ...]:
    """The units that a host has beside those when it is a machine with a kernel of its own."""
    return units("machine/units")


def machine_files() -> dict[str, HostFile]:
    """The files that such a host has beside those of every host."""
    folder = _FOLDER / "machine" / "files"
    return {
        "/etc/modules-load.d/80-altostratus.conf": HostFile((folder / "modules.conf").read_text()),
        "/etc/sysctl.d/81-altostratus-machine.conf": HostFile((folder / "sysctl.conf").read_text()),
    }


def butane_document(files: Mapping[str, HostFile], disk: str | None = None, more: Sequence[Unit] = ()) -> str:
    """The Butane document (YAML, variant fcos 1.4.0) of a host with these files, every unit, and `more`.

    `disk`: the device that becomes /var; what is on it stays.
    """
    entries = [{"path": path, "mode": file.mode, "content": file.content} for path, file in files.items()]
    template = _environment().get_template("host.bu.j2")
    return template.render(files=entries, units=(*units(), *more), disk=disk)


def ignition_config(document: str, butane: Path, validate: Path) -> str:
    """Translate a Butane document into an Ignition config (JSON, spec 3.3.0) and check it.

    Raises ButaneError with the tool's own message and the line it points at.
    """
    translated = _run([str(butane), "--strict"], document)
    if translated.returncode != 0:
        raise ButaneError(_explain("butane refuses the host's document", translated.stderr, document))
    checked = _run([str(validate), "-"], translated.stdout)
    if checked.returncode != 0 or "error" in checked.stderr:
        message = checked.stderr + checked.stdout
        raise ButaneError(_explain("ignition-validate refuses the host's config", message, translated.stdout))
    return translated.stdout


def _run(command: list[str], text: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False
        )
    except OSError as error:
        raise ButaneError(f"{command[0]} cannot be started: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise ButaneError(f"{command[0]} did not answer within {_TIMEOUT_SECONDS} s") from None


def _explain(what: str, message: str, document: str) -> str:
    """The tool's message, and each line it names, unless that line may hold a key."""
    lines = document.splitlines()
    told = [f"{what}:", *(f"  {line}" for line in message.strip().splitlines())]
    for number in sorted({int(found) for found in re.findall(r"line (\d+)", message)}):
        if (
            0 < number <= len(lines)
            and "PRIVATE KEY" not in lines[number - 1]
            and len(lines[number - 1]) < 200
        ):
            told.append(f"  line {number}: {lines[number - 1].strip()}")
    return "\n".join(told)


@cache
def _environment() -> Environment:
    # YAML, not HTML; strings are written as JSON, which is YAML too.
    return Environment(  # noqa: S701
        loader=FileSystemLoader(_FOLDER), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

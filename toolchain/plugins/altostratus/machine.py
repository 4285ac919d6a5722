"""Machines, whatever makes them: running a program on one, putting files there.

Containers are reached through their engine, machines of clouds over SSH.
"""

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from toolchain.plugins.docker.session import Session, explained, not_found
from toolchain.plugins.protocol import Failure

PUBLIC = 0o644
REMOTE = ("openstack", "aws")
"""Drivers whose machines are reached over SSH."""

RENAME = 'for path in "$@"; do mv -f "$path.new" "$path" || exit 1; done'


class Unreachable(Failure):
    """There is no connection to the machine now; it may be starting, or the way to it be closed."""


@dataclass(frozen=True)
class Result:
    """How a program ended: its exit code and what it printed, both streams together."""

    code: int
    output: str


@dataclass(frozen=True)
class File:
    """What a file on a machine holds; it may be a key, so it is never shown."""

    content: str = field(repr=False)
    mode: int = PUBLIC


class Machine(Protocol):
    """One machine."""

    def alive(self) -> bool:
        """Whether it is there and runs."""

    def run(self, argv: Sequence[str]) -> Result:
        """Runs a program to its end. Raises `Failure`; `Unreachable` where there is no connection."""

    def put(self, files: Mapping[str, File]) -> None:
        """Writes files (by absolute path, owned by root): beside, then renamed. Raises `Failure`."""


class DockerMachine:
    """A machine that is a container, by id or name."""

    def __init__(self, session: Session, container: str) -> None:
        self._session = session
        self._container = container

    def alive(self) -> bool:
        from docker.errors import APIError

        try:
            state: dict[str, Any] = self._session.client.inspect_container(self._container)["State"]
        except APIError as error:
            if not_found(error):
                return False
            raise Failure(f"the machine {self._container} cannot be inspected: {error.explanation}") from None
        return bool(state["Running"]) and not state.get("Paused")

    def run(self, argv: Sequence[str]) -> Result:
        client = self._session.client
        with explained(f"{argv[0]} could not be run on {self._container}"):
            started = client.exec_create(self._container, list(argv))["Id"]
            output = client.exec_start(started).decode(errors="replace")
            code = client.exec_inspect(started)["ExitCode"]
        return Result(-1 if code is None else int(code), output.strip())

    def put(self, files: Mapping[str, File]) -> None:
        if not files:
            return
        with explained(f"files could not be written to {self._container}"):
            self._session.client.put_archive(self._container, "/", archive(files))
        renamed = self.run(["sh", "-c", RENAME, "rename", *files])
        if renamed.code != 0:
            raise Failure(f"files could not be renamed on {self._container}: {renamed.output}")


def machine_for(
    driver: str, session: Session, machine_id: str, access: Mapping[str, str] | None = None
) -> Machine:
    """The machine by its driver's name and its id. `access` holds keys, for machines reached over SSH.

    Raises `Failure` for a driver that is not there, and where keys are missing.
    """
    if driver == "docker":
        return DockerMachine(session, machine_id)
    if driver not in REMOTE:
        raise Failure(f"there is no driver {driver!r}; there are: docker, {', '.join(REMOTE)}")
    if not access:
        raise Failure(f"the driver {driver} reaches machines over SSH, and there are no keys for it")
    from toolchain.plugins.altostratus.ssh_machine import SshMachine

    return SshMachine(machine_id, access["privateKey"], access["hostKey"])


def archive(files: Mapping[str, File]) -> bytes:
    """A tar of the files, each beside its place (`.new`)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, file in files.items():
            content = file.content.encode()
            header = tarfile.TarInfo(f"{path.lstrip('/')}.new")
            header.size, header.mode, header.mtime = len(content), file.mode, int(time.time())
            tar.addfile(header, io.BytesIO(content))
    return buffer.getvalue()

"""Which Docker engines this user could reach, and whether one answers."""

import hashlib
import http.client
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_SOCKET = Path("/run/docker.sock")
OTHER_SOCKETS = (Path("/var/run/docker.sock"), Path("~/.docker/run/docker.sock"))


@dataclass(frozen=True)
class Answer:
    """What an engine said: `version` when it answered, else `problem` in words."""

    host: str
    version: str = ""
    problem: str = ""

    @property
    def ok(self) -> bool:
        return bool(self.version)


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket: a ping this way costs a hundredth of importing a client library."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def probe(host: str, timeout: float = 5.0) -> Answer:
    """Ask the engine at `host` (unix://, tcp:// or ssh:// URL) for its version; never raises."""
    try:
        if urlsplit(host).scheme == "unix":
            connection = _SocketConnection(urlsplit(host).path, timeout)
            try:
                connection.request("GET", "/version")
                version = json.loads(connection.getresponse().read())["Version"]
            finally:
                connection.close()
        else:
            version = _remote_version(host, timeout)
    except PermissionError:
        return Answer(host, problem="permission denied")
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return Answer(host, problem=str(error) or type(error).__name__)
    return Answer(host, version=str(version))


def _remote_version(host: str, timeout: float) -> str:
    """Other transports need TLS or ssh set up from the environment: the client library knows how."""
    import docker
    from docker.errors import DockerException

    try:
        environment = {**os.environ, "DOCKER_HOST": host}
        client = docker.from_env(environment=environment, timeout=int(timeout))
        try:
            return str(client.version()["Version"])
        finally:
            client.close()
    except DockerException as error:
        raise OSError(str(error)) from error


def candidates() -> list[str]:
    """Engine addresses in the order Docker's own command line would use them."""
    if host := os.environ.get("DOCKER_HOST"):
        return [host]
    found = [context] if (context := _context_host()) else []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    sockets = [DEFAULT_SOCKET, *(path.expanduser() for path in OTHER_SOCKETS)]
    if runtime:
        sockets.append(Path(runtime) / "docker.sock")
    seen: set[Path] = set()
    for path in sockets:
        if path.exists() and (real := path.resolve()) not in seen:
            seen.add(real)
            found.append(f"unix://{real}")
    return list(dict.fromkeys(found))


def _context_host() -> str | None:
    """The endpoint of the context chosen by `docker context use` or DOCKER_CONTEXT."""
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    try:
        name = os.environ.get("DOCKER_CONTEXT")
        name = name or json.loads((folder / "config.json").read_text()).get("currentContext")
        if not name or name == "default":
            return None
        digest = hashlib.sha256(name.encode()).hexdigest()
        meta = json.loads((folder / "contexts/meta" / digest / "meta.json").read_text())
        host = meta["Endpoints"]["docker"]["Host"]
    except (OSError, ValueError, KeyError, AttributeError):
        return None
    return str(host) or None

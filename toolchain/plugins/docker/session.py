"""The connection to a Docker engine, and its errors as sentences."""

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolchain.plugins.protocol import UNKNOWN, Failure, Properties

DEFAULT_HOST = "unix:///var/run/docker.sock"
# Seconds without a byte from the engine: pushes side by side on a busy machine are silent for long.
REQUEST_TIMEOUT = 300


class Session:
    """One engine's client, made at first use, shared by all handlers."""

    def __init__(self) -> None:
        self._settings: Properties = {}
        self._client: Any = None
        self._lock = threading.Lock()
        self._certificates: tempfile.TemporaryDirectory[str] | None = None

    def configure(self, settings: Properties) -> None:
        """Takes the provider's inputs; the next use connects with them."""
        with self._lock:
            self._settings = settings
            self._client = None

    @property
    def host(self) -> str:
        """The engine's address: configured, else DOCKER_HOST, else the local socket."""
        host = self._settings.get("host")
        if host is UNKNOWN:
            raise Failure("the Docker engine's address (host) is not known before the update runs")
        return str(host or os.environ.get("DOCKER_HOST") or DEFAULT_HOST)

    @property
    def client(self) -> Any:
        """The engine's API, a `docker.APIClient` (half of it has no types). Raises `Failure` where the
        engine does not answer."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            return self._client

    def registry_auth(self, address: str) -> dict[str, str] | None:
        """The configured credentials of a registry (`registryAuth`), as the engine takes them."""
        entries = self._settings.get("registryAuth") or []
        # Stack config reaches a default provider as JSON text.
        for entry in json.loads(entries) if isinstance(entries, str) else entries:
            if _registry_name(str(entry.get("address", ""))) != _registry_name(address):
                continue
            if entry.get("authDisabled"):
                return None
            if entry.get("username"):
                return {
                    "username": entry["username"],
                    "password": entry.get("password") or "",
                    "serveraddress": str(entry["address"]),
                }
        return None

    def close(self) -> None:
        """Forgets the connection and the certificate files made for it."""
        if self._client is not None:
            self._client.close()
        if self._certificates is not None:
            self._certificates.cleanup()

    def _connect(self) -> Any:
        import docker  # 0.15 s, not needed to answer the engine's first questions

        host = self.host
        if host.startswith("ssh://"):
            raise Failure(
                f"the bundled docker plugin does not connect over ssh ({host}): forward the engine's "
                "socket with ssh -L and give that as host, or install the vendor's plugin"
            )
        try:
            return docker.APIClient(
                base_url=host, version="auto", timeout=REQUEST_TIMEOUT, tls=self._tls(), max_pool_size=64
            )
        except docker.errors.DockerException as error:
            raise Failure(
                f"the Docker engine at {host} does not answer: {error}. Is it running, and may you use it? "
                "Try: docker -H " + host + " version"
            ) from None

    def _tls(self) -> Any:
        """The TLS settings from files (certPath) or from text (caMaterial and so on), or False."""
        from docker.tls import TLSConfig

        settings = self._settings
        folder = settings.get("certPath") or os.environ.get("DOCKER_CERT_PATH")
        texts = {"ca.pem": "caMaterial", "cert.pem": "certMaterial", "key.pem": "keyMaterial"}
        if any(settings.get(key) for key in texts.values()):
            self._certificates = tempfile.TemporaryDirectory(prefix="docker-tls-")
            folder = self._certificates.name
            for name, key in texts.items():
                path = Path(folder, name)
                path.touch(0o600)
                path.write_text(str(settings.get(key) or ""))
        if not folder:
            return False
        files = [str(Path(folder, name)) for name in ("ca.pem", "cert.pem", "key.pem")]
        return TLSConfig(client_cert=(files[1], files[2]), ca_cert=files[0], verify=True)


def not_found(error: Exception) -> bool:
    """Whether the engine says that the object does not exist."""
    return _status(error) == 404


def conflict(error: Exception) -> bool:
    """Whether the engine says that something else is in the way (name taken, object in use)."""
    return _status(error) == 409


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns the engine's errors inside into a `Failure` that begins with `what` could not be done."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise Failure(f"{what}: {reason(error)}") from None


def reason(error: Exception) -> str:
    """The engine's own words, without the HTTP around them."""
    return str(getattr(error, "explanation", None) or error)


def _status(error: Exception) -> int | None:
    response = getattr(error, "response", None)
    status: int | None = getattr(response, "status_code", None)
    return status


def _registry_name(address: str) -> str:
    return address.removeprefix("https://").removeprefix("http://").split("/")[0]

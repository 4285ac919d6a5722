"""The clouds' API servers and a copy's own addresses, asked from here."""

import http.client
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from autoscaler.burst.balancer_control import Further, Served, clouds_told, held, served, sweep, tell
from autoscaler.burst.world import CommandFailed
from autoscaler.observe.members_watch import ask, client
from toolchain.install import locate
from toolchain.plugins.kubernetes.client import ApiError, Client, Unreachable
from toolchain.plugins.protocol import Failure

ANSWER_SECONDS = 3.0
COMMAND_SECONDS = 30.0
_ENDED = "command terminated with exit code"
_SPACES = "/api/v1/namespaces"


class Reach:
    """Thread-safe. `kubeconfig` gives a cloud's file, or None where its cluster was not made."""

    def __init__(self, kubeconfig: Callable[[str], Path | None]) -> None:
        self._kubeconfig = kubeconfig
        self._open: dict[str, tuple[tuple[Path, int], Client]] = {}

    def answers(self, cloud: str) -> bool:
        """Whether its API server answers now, and to us."""
        try:
            self._client(cloud).get(f"{_SPACES}/default")
        except (OSError, Failure):
            return False
        return True

    def ready(self, cloud: str, namespace: str, copy: str) -> Mapping[str, tuple[int, int]]:
        """Members asked for and ready, by cluster's Kubernetes name. Raises ConnectionError."""
        found = ask(self._client(cloud), (namespace, copy))
        return {name: (each.wanted, each.ready) for name, each in found.items() if each.wanted is not None}

    def namespace(self, cloud: str, name: str) -> Mapping[str, str] | None:
        """Its labels; None where there is none. Raises ConnectionError."""
        found = self._call(cloud, lambda api: api.find(f"{_SPACES}/{name}"))
        return None if found is None else dict(found["metadata"].get("labels") or {})

    def has_data(self, cloud: str, namespace: str) -> bool:
        """Whether claims are in it. Raises ConnectionError."""
        return bool(
            self._call(cloud, lambda api: api.get(f"{_SPACES}/{namespace}/persistentvolumeclaims"))["items"]
        )

    def drop(self, cloud: str, namespace: str) -> None:
        """Begin to delete it. Raises ConnectionError."""
        self._call(cloud, lambda api: api.delete(f"{_SPACES}/{namespace}", "Background"))

    def tell(self, cloud: str, namespace: str, balancer: str, further: Further, only: Sequence[str]) -> bool:
        """Have a load balancer know these members of the clouds `only`. Raises ConnectionError."""
        return tell(self._client(cloud), namespace, balancer, further, only)

    def told(self, cloud: str, namespace: str) -> Mapping[str, frozenset[str]]:
        """The clouds that each load balancer has further members of. Raises ConnectionError."""
        found: Mapping[str, frozenset[str]] = self._call(cloud, lambda api: clouds_told(api, namespace))
        return found

    def holding(self, cloud: str, namespace: str, beyond: str) -> int | None:
        """The requests that load balancers still have with members of the cloud `beyond`; None where they
        know no such member any more. Raises ConnectionError."""
        found: int | None = self._call(cloud, lambda api: held(api, namespace, beyond))
        return found

    def served(self, cloud: str, namespace: str, balancer: str) -> Served:
        """What a load balancer has served. Raises ConnectionError."""
        found: Served = self._call(cloud, lambda api: served(api, namespace, balancer))
        return found

    def sweep(self, cloud: str, namespace: str, beyond: str) -> None:
        """Remove links to another cloud. Raises ConnectionError."""
        self._call(cloud, lambda api: sweep(api, namespace, beyond))

    def run(self, cloud: str, namespace: str, member: str, command: Sequence[str]) -> str:
        """What a program in a member's main container says. Raises CommandFailed, ConnectionError."""
        path, kubectl = self._path(cloud), locate("kubectl")
        if kubectl is None:
            raise ConnectionError("kubectl is not there: alto toolchain install")
        asked = [str(kubectl), "--kubeconfig", str(path), "--namespace", namespace, "exec", member, "--"]
        try:
            done = subprocess.run(
                [*asked, *command],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ConnectionError(
                f"{member} in {cloud} has not answered for {COMMAND_SECONDS:.0f} s"
            ) from error
        if done.returncode == 0:
            return done.stdout
        said = done.stderr.strip() or f"{member} in {cloud} ended with code {done.returncode}"
        # kubectl passes the program's code on, and says so; anything else is its own trouble.
        if _ENDED not in said:
            raise ConnectionError(said)
        raise CommandFailed(said)

    def lead(self, cloud: str, namespace: str, service: str, selector: Mapping[str, str], port: int) -> None:
        """Let a Service lead to a port of the Pods with these labels. Raises ConnectionError."""
        operations: list[dict[str, Any]] = [
            {"op": "replace", "path": "/spec/selector", "value": dict(selector)},
            {"op": "replace", "path": "/spec/ports/0/targetPort", "value": port},
        ]
        path = f"{_SPACES}/{namespace}/services/{service}"
        self._call(cloud, lambda api: api.patch(path, operations))

    def _call(self, cloud: str, do: Callable[[Client], Any]) -> Any:
        try:
            return do(self._client(cloud))
        except ApiError as error:
            raise ConnectionError(f"the API server of {cloud} refuses: {error}") from error
        except Unreachable as error:
            raise ConnectionError(str(error)) from error

    def _path(self, cloud: str) -> Path:
        path = self._kubeconfig(cloud)
        if path is None:
            raise ConnectionError(f"the cloud {cloud} has made no cluster")
        return path

    def _client(self, cloud: str) -> Client:
        path = self._path(cloud)
        mark = (path, path.stat().st_mtime_ns)
        known = self._open.get(cloud)
        if known is None or known[0] != mark:
            known = self._open[cloud] = (mark, client(path))
        return known[1]


def serves(outputs: Mapping[str, Any]) -> bool:
    """Whether the copy behind these outputs answers at any of its addresses; true where it has none.

    HTTP is asked for a page, whose status must be under 500; for the others a connection is enough.
    """
    urls = [url for url in outputs.get("urls") or [] if isinstance(url, str)]
    return not urls or any(map(_answers, urls))


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    try:
        if parts.scheme != "http":
            with socket.create_connection((host, port), ANSWER_SECONDS):
                return True
        connection = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", parts.path or "/")
            return connection.getresponse().status < 500
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False

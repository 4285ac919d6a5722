"""The members of every application of one cloud, watched: three streams, and a pulse that tells a silent
API server from one that has nothing new."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autoscaler.observe.members import (
    APPLICATION_LABEL,
    COPY_LABEL,
    Copy,
    Part,
    SeenCluster,
    clusters,
    gathered,
    part,
)
from toolchain.plugins.kubernetes import kubeconfig as kubeconfigs
from toolchain.plugins.kubernetes.client import ApiError, Client, Unreachable, Watch

PODS = "pods"
PATHS = {PODS: "/api/v1", "deployments": "/apis/apps/v1", "statefulsets": "/apis/apps/v1"}
ANSWER_SECONDS = 5.0
PULSE_SECONDS = 3.0
PAGE = "500"
AWAY_SECONDS = 10.0
"""Without a sign of life for so long, what was seen last counts no more."""

_log = logging.getLogger(__name__)
# By copy, then by name: with many applications, each look is at its own members only.
_Objects = dict[Copy, dict[str, Part]]


class Away(ConnectionError):
    """The API server does not answer, or refuses us; in words."""


class MembersWatch:
    """One cloud's members. Thread-safe; `changed` is called, in another thread, after each change.

    Raises ConnectionError for a kubeconfig that cannot be used.
    """

    def __init__(self, kubeconfig: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._client = client(kubeconfig)
        self._changed = changed
        self._lock = threading.Lock()
        self._objects: dict[str, _Objects | None] = dict.fromkeys(PATHS)
        self._streams: dict[str, Watch] = {}
        self._pulse = float("-inf")  # of the monotonic clock
        self._stopped = threading.Event()
        self._read = threading.Event()
        for kind in PATHS:
            threading.Thread(target=self._follow, args=(kind,), daemon=True, name=f"watch-{kind}").start()
        threading.Thread(target=self._feel, daemon=True, name="watch-pulse").start()

    def await_first(self, seconds: float) -> bool:
        """Whether everything has been read once within some seconds."""
        return self._read.wait(seconds)

    def close(self) -> None:
        """End the streams; does not wait for them."""
        self._stopped.set()
        for stream in list(self._streams.values()):
            stream.end()

    def seen(self, copy: Copy) -> Mapping[str, SeenCluster] | None:
        """The clusters of a copy by Kubernetes name; None while the API server is away or not yet read."""
        if time.monotonic() - self._pulse > AWAY_SECONDS:
            return None
        with self._lock:
            if None in self._objects.values():
                return None
            parts = [one for each in self._objects.values() for one in (each or {}).get(copy, {}).values()]
        return gathered(parts)

    def ask(self, copy: Copy) -> Mapping[str, SeenCluster]:
        """The same, asked for now. Raises Away."""
        return ask(self._client, copy)

    def _follow(self, kind: str) -> None:
        while not self._stopped.is_set():
            try:
                self._stream(kind)
            except (ApiError, Unreachable) as error:
                _log.debug("watch of %s: %s", kind, error)
                self._stopped.wait(1.0)

    def _stream(self, kind: str) -> None:
        """List, then follow until the stream ends. What is known stays until the next list."""
        path, chosen = f"{PATHS[kind]}/{kind}", {"labelSelector": APPLICATION_LABEL}
        objects: _Objects = {}
        version = self._list(path, chosen, objects)
        with self._lock:
            self._objects[kind] = objects
        self._tell()
        stream = self._client.watch(path, resourceVersion=version, **chosen)
        self._streams[kind] = stream
        if self._stopped.is_set():
            stream.end()
        for event, found in stream:
            if event == "ERROR":  # most often: the version is too old
                return
            with self._lock:
                if event == "DELETED":
                    _drop(objects, found)
                else:
                    _put(objects, found)
            self._changed()

    def _list(self, path: str, chosen: Mapping[str, str], objects: _Objects) -> str:
        """Put all that is there into `objects`, in pages: before a long list a server is silent for long.

        Gives the version to follow from, the same for all pages.
        """
        more = {"limit": PAGE}
        while True:
            page = self._client.get(path, **chosen, **more)
            for each in page.get("items") or []:
                _put(objects, each)
            about = page["metadata"]
            if not about.get("continue"):
                return str(about["resourceVersion"])
            more = {"limit": PAGE, "continue": about["continue"]}

    def _tell(self) -> None:
        if self._pulse > 0 and None not in self._objects.values():
            self._read.set()
        self._changed()

    def _feel(self) -> None:
        """Ask for something small now and then: a connection that died in silence brings no error."""
        while not self._stopped.is_set():
            away = time.monotonic() - self._pulse > AWAY_SECONDS
            try:
                self._client.get("/api/v1/namespaces/default")
                self._pulse = time.monotonic()
                if away:
                    self._tell()
            except (ApiError, Unreachable):
                pass  # whoever answers, but not to us, tells us nothing about members either
            self._stopped.wait(PULSE_SECONDS)


def client(kubeconfig: Path) -> Client:
    """A client with short patience. Raises Away for a kubeconfig that cannot be used."""
    try:
        return Client(kubeconfigs.resolve(kubeconfigs.parse(kubeconfig.read_text("utf-8"))), ANSWER_SECONDS)
    except OSError as error:
        raise Away(f"{kubeconfig} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise Away(f"{kubeconfig}: {error}") from error


def ask(client: Client, copy: Copy) -> Mapping[str, SeenCluster]:
    """The clusters of a copy by Kubernetes name, asked for now. Raises Away."""
    namespace, name = copy
    chosen = {"labelSelector": f"{COPY_LABEL}={name}"}
    try:
        found = {
            kind: client.get(f"{path}/namespaces/{namespace}/{kind}", **chosen).get("items") or []
            for kind, path in PATHS.items()
        }
    except (ApiError, Unreachable) as error:
        raise Away(f"the API server does not answer: {error}") from error
    return clusters(found.pop(PODS), [one for each in found.values() for one in each])


def _put(objects: _Objects, found: Mapping[str, Any]) -> None:
    reduced = part(found)
    objects.setdefault(reduced.copy, {})[found["metadata"]["name"]] = reduced


def _drop(objects: _Objects, found: Mapping[str, Any]) -> None:
    copy = part(found).copy
    objects.get(copy, {}).pop(found["metadata"]["name"], None)
    if not objects.get(copy):
        objects.pop(copy, None)

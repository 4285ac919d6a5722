"""What the clouds' hosts have free, listed in the background: a loop reads what is known, and never waits."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from autoscaler.burst.watching_room import Listing, listing
from autoscaler.observe.members_watch import Away, client
from policies.placement.observed import CloudView
from toolchain.plugins.kubernetes.client import ApiError, Unreachable

_log = logging.getLogger(__name__)

EVERY_SECONDS = 10.0
# Listing costs the API server something: at most a twentieth of the time goes by with it.
COSTS = 20.0
STALE_SECONDS = 60.0

List = Callable[[str], Listing]
"""Lists a cloud now. Raises ConnectionError."""


class Capacity:
    """The latest listing of each cloud that was asked for, one thread for all."""

    def __init__(self, listed: List, every: float = EVERY_SECONDS) -> None:
        self._list, self._every = listed, every
        self._clouds: frozenset[str] = frozenset()
        self._known: dict[str, tuple[Listing, float]] = {}
        self._stop = threading.Event()
        self._wanted = threading.Event()
        self._thread: threading.Thread | None = None

    def keep(self, clouds: Iterable[str]) -> None:
        """List these clouds from now on, and no others."""
        wanted = frozenset(clouds)
        if wanted - self._clouds:
            self._wanted.set()
        self._clouds = wanted
        if wanted and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="capacity", daemon=True)
            self._thread.start()

    def of(self, cloud: str) -> Listing | None:
        """What a cloud's hosts have free; None while that is not known, or no longer."""
        found = self._known.get(cloud)
        return found[0] if found is not None and time.monotonic() - found[1] < STALE_SECONDS else None

    def close(self) -> None:
        """End the thread; does not wait for an answer."""
        self._stop.set()
        self._wanted.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            begun = time.monotonic()
            for cloud in sorted(self._clouds):
                try:
                    self._known[cloud] = (self._list(cloud), time.monotonic())
                except (OSError, ApiError, Unreachable) as error:
                    _log.debug("capacity of %s: %s", cloud, error)
                except Exception:
                    _log.exception("capacity of %s", cloud)
            took = time.monotonic() - begun
            self._wanted.wait(max(self._every, COSTS * took))
            self._wanted.clear()


def asked(kubeconfig: Callable[[str], Path | None]) -> List:
    """Lists by asking the API server of a cloud, by its kubeconfig."""

    def now(cloud: str) -> Listing:
        path = kubeconfig(cloud)
        if path is None:
            raise Away(f"the cloud {cloud} has made no cluster yet")
        api = client(path)
        try:
            nodes, pods = (api.get(f"/api/v1/{kind}").get("items") or [] for kind in ("nodes", "pods"))
            return listing(CloudView(nodes, pods))
        finally:
            api.close()

    return now

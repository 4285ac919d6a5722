"""The clouds of the watched applications: their members, and the sources that measure them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoscaler.loop.settings import Settings
from autoscaler.observe.gathering import Gathering
from autoscaler.observe.members import Copy, SeenCluster
from autoscaler.observe.members_watch import MembersWatch
from autoscaler.observe.registry import make
from autoscaler.observe.source import Cloud, Source, SourceError

_log = logging.getLogger(__name__)

AGAIN_SECONDS = 15.0

Kubeconfig = Callable[[str], Path | None]
Make = Callable[[str, Cloud], Source]


@dataclass
class _Open:
    mark: tuple[Path, int]
    watch: MembersWatch
    whole: bool = True  # all its sources could be made


class Clouds:
    """Opened when an application of theirs is first seen, anew when their kubeconfig changes.

    `kubeconfig` gives a cloud's file and may block; `changed` is called from other threads. `glances` asks
    the sources that tell of the moment between two looks.
    """

    def __init__(
        self,
        kubeconfig: Kubeconfig,
        gathering: Gathering,
        settings: Settings,
        changed: Callable[[], None],
        make_source: Make = make,
        glances: Gathering | None = None,
    ) -> None:
        self._glances = glances
        self._kubeconfig = kubeconfig
        self._gathering = gathering
        self._settings = settings
        self._changed = changed
        self._make = make_source
        self._open: dict[str, _Open] = {}
        self._problems: dict[str, str] = {}
        self._checked: dict[str, float] = {}

    @property
    def problems(self) -> Mapping[str, str]:
        """Why a cloud cannot be asked, by cloud."""
        return self._problems

    def seen(self, cloud: str, copy: Copy) -> Mapping[str, SeenCluster] | None:
        """The clusters of a copy; None while nothing is known of its cloud."""
        opened = self._open.get(cloud)
        return None if opened is None else opened.watch.seen(copy)

    async def keep(self, clouds: Iterable[str]) -> None:
        """Have these clouds open, and no others."""
        wanted = set(clouds)
        for gone in set(self._open) - wanted:
            await self._shut(gone)
        now = time.monotonic()
        due = [c for c in sorted(wanted) if now - self._checked.get(c, float("-inf")) >= AGAIN_SECONDS]
        for cloud in due:
            self._checked[cloud] = now
        await asyncio.gather(*(self._check(cloud) for cloud in due))

    async def _check(self, cloud: str) -> None:
        try:
            path = await asyncio.to_thread(self._kubeconfig, cloud)
            if path is None:
                raise ConnectionError(f"the cloud {cloud} has made no cluster yet")
            mark = (path, path.stat().st_mtime_ns)
            opened = self._open.get(cloud)
            if opened is not None and opened.mark == mark:
                if opened.whole:
                    self._problems.pop(cloud, None)  # what kept us from asking meanwhile has passed
                return
            await self._shut(cloud)
            watch = MembersWatch(path, self._changed)
            await asyncio.to_thread(watch.await_first, 5.0)
            self._open[cloud] = made = _Open(mark, watch)
            self._problems.pop(cloud, None)
            made.whole = self._add_sources(cloud, path)
        except (OSError, SourceError) as error:
            self._trouble(cloud, str(error))
        except Exception as error:  # the kubeconfig comes from an update's outputs: Pulumi, a passphrase
            self._trouble(cloud, f"{type(error).__name__}: {error}")

    def _add_sources(self, cloud: str, kubeconfig: Path) -> bool:
        """Each by itself: one that cannot be made does not keep the others away. Whether all were made."""
        whole = True
        for name in self._settings.sources:
            try:
                told = self._settings.of_source(name, cloud)
                source = self._make(name, Cloud(cloud, kubeconfig, told))
                self._gathering.add(cloud, source)
                if self._glances is not None and getattr(source, "instant", False):
                    self._glances.add(cloud, self._make(name, Cloud(cloud, kubeconfig, told)))
            except SourceError as error:
                self._trouble(cloud, str(error))
                whole = False
        return whole

    def _trouble(self, cloud: str, text: str) -> None:
        if self._problems.get(cloud) != text:
            _log.warning("cloud %s: %s", cloud, text)
        self._problems[cloud] = text

    async def _shut(self, cloud: str) -> None:
        opened = self._open.pop(cloud, None)
        if opened is not None:
            opened.watch.close()
        await self._gathering.remove(cloud)
        if self._glances is not None:
            await self._glances.remove(cloud)

    async def close(self) -> None:
        """Shut all."""
        for cloud in list(self._open):
            await self._shut(cloud)

"""Asks every source once a period, side by side: one that is slow or broken holds up only itself."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.observe.board import Board
from autoscaler.observe.source import Source, SourceError, Target

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SourceHealth:
    """How a source does: when it answered last (seconds since the epoch), how long it took, its problem."""

    cloud: str
    source: str
    answered: float = 0.0
    took: float = 0.0
    problem: str = ""
    failures: int = 0


Targets = Callable[[str], Sequence[Target]]


class Gathering:
    """Runs the sources of all clouds. `targets` gives the clusters of a cloud at the moment of asking.

    `tells`: whether troubles go to the log; one of several that ask the same source is enough to tell.
    """

    def __init__(self, board: Board, targets: Targets, *, tells: bool = True) -> None:
        self._board = board
        self._tells = tells
        self._targets = targets
        self._asking: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._sources: dict[tuple[str, str], Source] = {}
        self._health: dict[tuple[str, str], SourceHealth] = {}

    def add(self, cloud: str, source: Source) -> None:
        """Ask a source from the next round on."""
        key = (cloud, source.name)
        self._sources[key] = source
        self._health[key] = SourceHealth(cloud, source.name)

    async def remove(self, cloud: str) -> None:
        """Ask the sources of a cloud no more."""
        for key in [key for key in self._sources if key[0] == cloud]:
            asking = self._asking.pop(key, None)
            if asking is not None:
                asking.cancel()
            del self._health[key]
            await self._sources.pop(key).close()

    async def close(self) -> None:
        """End all sources."""
        for cloud in {cloud for cloud, _ in self._sources}:
            await self.remove(cloud)

    def health(self) -> Mapping[tuple[str, str], SourceHealth]:
        """How the sources do, by cloud and source."""
        return self._health

    async def round(self, patience: float) -> None:
        """Ask every source, and wait at most `patience` seconds.

        Who is slower goes on: what it reports counts in the next period, and it is not asked again before.
        """
        for key in self._sources:
            asking = self._asking.get(key)
            if asking is None or asking.done():
                self._asking[key] = asyncio.create_task(self._ask(key))
        if self._asking:
            await asyncio.wait(self._asking.values(), timeout=patience)

    async def _ask(self, key: tuple[str, str]) -> None:
        health, begun = self._health[key], time.monotonic()
        try:
            await self._sources[key].collect(self._targets(key[0]), self._board.take)
            health.answered, health.problem, health.failures = time.time(), "", 0
        except SourceError as error:
            self._failed(health, str(error))
        except Exception as error:  # a third party's source must not end the loop
            _log.exception("source %s of cloud %s", health.source, health.cloud)
            self._failed(health, f"{type(error).__name__}: {error}")
        health.took = time.monotonic() - begun

    def _failed(self, health: SourceHealth, problem: str) -> None:
        if problem != health.problem and self._tells:
            _log.warning("source %s of cloud %s: %s", health.source, health.cloud, problem)
        health.problem = problem
        health.failures += 1

"""Requests at a steady rate that can be changed at once."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field

import httpx


@dataclass
class Traffic:
    """Requests `rate` a second to `url`, answered or not: an open loop, at most `most` at once."""

    url: str
    rate: float
    most: int = 60
    answered: int = 0
    failed: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Send no more."""
        self._stop.set()
        self._thread.join(30)

    async def _run(self) -> None:
        open_requests: set[asyncio.Task[None]] = set()
        async with httpx.AsyncClient(timeout=10.0) as client:
            due = time.monotonic()
            while not self._stop.is_set():
                if len(open_requests) < self.most:
                    task = asyncio.create_task(self._one(client))
                    open_requests.add(task)
                    task.add_done_callback(open_requests.discard)
                due = max(due + 1.0 / self.rate, time.monotonic() - 1.0)
                # A change of the rate counts at once, not after the pause of a slow one.
                while (left := due - time.monotonic()) > 0.0 and not self._stop.is_set():
                    await asyncio.sleep(min(left, 1.0 / self.rate, 0.1))
                    due = min(due, time.monotonic() + 1.0 / self.rate)

    async def _one(self, client: httpx.AsyncClient) -> None:
        try:
            answer = await client.get(self.url)
            self.answered += answer.status_code == 200
            self.failed += answer.status_code != 200
        except httpx.HTTPError:
            self.failed += 1

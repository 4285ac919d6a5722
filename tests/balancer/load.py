"""A load generator that knows exactly what it has in flight."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Outcome:
    """What came of a load. `answers` counts by status; `failures` are requests without an answer, by why.

    `reopened` counts requests on a kept connection that the server had just closed, sent again on a new one
    as RFC 9112 (9.3.1) has clients do; a request that then fails is a failure like any other.
    """

    answers: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    reopened: int = 0
    in_flight: int = 0
    most: int = 0

    @property
    def lost(self) -> int:
        """Requests that did not get a 200."""
        return self.total - self.answers[200]

    @property
    def total(self) -> int:
        return sum(self.answers.values()) + sum(self.failures.values())


class Load:
    """Requests at a steady rate (an open loop: slow answers do not slow it), over kept connections."""

    def __init__(self, port: int, rate: float, *, path: str = "/", host: str = "127.0.0.1") -> None:
        self.outcome = Outcome()
        self._port, self._rate, self._path, self._host = port, rate, path, host
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Begin nothing new; call on the loop it runs on, or through call_soon_threadsafe."""
        self._stopping.set()

    async def run(self, seconds: float) -> Outcome:
        """Until the time is over or it is stopped, and then until the last answer is there."""
        begun, number, running = time.monotonic(), 0, set()
        while not self._stopping.is_set() and (due := begun + number / self._rate) < begun + seconds:
            await asyncio.sleep(max(due - time.monotonic(), 0))
            task = asyncio.create_task(self._one())
            running.add(task)
            task.add_done_callback(running.discard)
            number += 1
        await asyncio.gather(*running)
        for _, writer in self._idle:
            writer.close()
        return self.outcome

    async def _one(self) -> None:
        outcome, begun = self.outcome, time.monotonic()
        outcome.in_flight += 1
        outcome.most = max(outcome.most, outcome.in_flight)
        try:
            await self._exchange()
        except (OSError, asyncio.IncompleteReadError, ValueError, KeyError) as error:
            outcome.failures[type(error).__name__] += 1
        finally:
            outcome.in_flight -= 1
            outcome.seconds.append(time.monotonic() - begun)

    async def _exchange(self) -> None:
        while kept := self._kept():
            try:
                head = await self._asked(*kept)
            except (ConnectionError, asyncio.IncompleteReadError) as error:
                if getattr(error, "partial", b""):
                    raise
                self.outcome.reopened += 1
            else:
                return await self._read(*kept, head)
        fresh = await asyncio.open_connection("127.0.0.1", self._port)
        return await self._read(*fresh, await self._asked(*fresh))

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The head of the answer."""
        try:
            writer.write(f"GET {self._path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            return await reader.readuntil(b"\r\n\r\n")
        except BaseException:
            writer.close()
            raise

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        try:
            lines = head.decode("latin-1").lower().split("\r\n")
            headers = [each.partition(":")[::2] for each in lines[1:]]
            length = int(dict(headers)["content-length"])
            body = await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        self.outcome.answers[int(lines[0].split(" ")[1])] += 1
        self.outcome.members[body.split(b"\n", 1)[0].decode()] += 1
        if any(name == "connection" and "close" in value for name, value in headers):
            writer.close()
        else:
            self._idle.append((reader, writer))

    def _kept(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return None

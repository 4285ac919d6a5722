"""Requests at a steady rate, counted one by one: a small load generator for tests, bounded in all it does."""

import asyncio
import itertools
import random
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LONGEST_SECONDS = 1200.0
MOST_AT_ONCE = 2000


@dataclass
class Seen:
    """What became of the requests so far."""

    sent: int = 0
    answered: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    by_member: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    in_flight: int = 0

    @property
    def failed(self) -> list[str]:
        """Broken requests, and answers that are no success, in words."""
        wrong = [f"{count} answers {code}" for code, count in self.answered.items() if code >= 400]
        return [*self.failures[:10], *wrong]


class SteadyLoad:
    """`with SteadyLoad(urls, rate) as load:` sends `rate` GET requests a second, whatever answers take.

    Connections are kept open and used again. A kept connection that the server closed while it was
    idle is replaced, as every HTTP client does; anything else that goes wrong is a failure.
    """

    def __init__(
        self,
        urls: list[str],
        rate: float,
        *,
        headers: dict[str, str] | None = None,
        timeout: float = 60.0,
        member_header: str = "x-member",
    ) -> None:
        self.seen = Seen()
        self._targets = [urlsplit(url) for url in urls]
        self._rate, self._timeout = rate, timeout
        self._headers = headers or {}
        self._member_header = member_header
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._open: set[int] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> "SteadyLoad":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(self._timeout + 10)
        assert not self._thread.is_alive(), "the load generator did not end"

    def answered(self) -> int:
        """Answers so far."""
        return self.seen.answered.total()

    def oldest(self) -> int:
        """The number of the oldest request that has no answer yet; the first one is 1."""
        return min(self._open.copy(), default=self.seen.sent + 1)

    async def _run(self) -> None:
        started = time.monotonic()
        tasks: set[asyncio.Task[None]] = set()
        for number in itertools.count():
            due = started + number / self._rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if self._stop.is_set() or time.monotonic() - started > LONGEST_SECONDS:
                break
            if len(tasks) >= MOST_AT_ONCE:
                self.seen.failures.append(f"{MOST_AT_ONCE} requests wait for answers")
                break
            task = asyncio.create_task(self._request())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=self._timeout)
        for _, writer in self._idle:
            writer.close()

    async def _request(self) -> None:
        self.seen.sent += 1
        number = self.seen.sent
        self._open.add(number)
        self.seen.in_flight += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                await self._exchange()
            self.seen.latencies.append(time.monotonic() - began)
        except TimeoutError:
            self.seen.failures.append(f"no answer in {self._timeout:.0f} s")
        except (OSError, EOFError, ValueError) as error:
            self.seen.failures.append(f"{type(error).__name__}: {error}")
        finally:
            self._open.discard(number)
            self.seen.in_flight -= 1

    async def _exchange(self) -> None:
        while self._idle:
            connection = self._idle.pop()
            try:
                await self._ask(*connection)
            except _ClosedWhileIdle:
                connection[1].close()
            else:
                return
        target = random.choice(self._targets)  # noqa: S311
        context = None
        if target.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        opened = await asyncio.open_connection(target.hostname, target.port, ssl=context)
        await self._ask(*opened)

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = self._targets[0]
        headers = {"Host": target.netloc, **self._headers}
        asked = (target.path or "/") + (f"?{target.query}" if target.query else "")
        lines = [f"GET {asked} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
        used = getattr(writer, "used", False)
        try:
            writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if used and not error.partial:
                raise _ClosedWhileIdle from error
            raise
        except ConnectionError as error:
            if used:
                raise _ClosedWhileIdle from error
            raise
        status, fields = _parsed(head)
        await _body(reader, fields)
        self.seen.answered[status] += 1
        if self._member_header in fields:
            self.seen.by_member[fields[self._member_header]] += 1
        if fields.get("connection", "").lower() == "close":
            writer.close()
        else:
            writer.used = True  # type: ignore[attr-defined]
            self._idle.append((reader, writer))


class _ClosedWhileIdle(Exception):
    """The server closed a kept connection before this request was sent on it."""


def _parsed(head: bytes) -> tuple[int, dict[str, str]]:
    first, *rest = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(":", 1) for line in rest if ":" in line)
    return int(first.split()[1]), {name.lower(): value.strip() for name, value in fields.items()}


async def _body(reader: asyncio.StreamReader, fields: dict[str, str]) -> None:
    if fields.get("transfer-encoding", "").lower() == "chunked":
        while True:
            size = int((await reader.readline()).split(b";")[0], 16)
            await reader.readexactly(size + 2)
            if size == 0:
                return
    await reader.readexactly(int(fields.get("content-length", "0")))

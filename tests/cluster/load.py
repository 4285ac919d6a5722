"""A bounded load of HTTP requests, each counted: what a client sees while members come and go."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import urlsplit

_PATIENCE = 60.0  # seconds for one answer, on machines that do much else


@dataclass
class Load:
    """What came of the requests so far.

    `reopened` counts requests on a kept connection that the server had just closed, sent again on a new
    one as RFC 9112 (9.3.1) has clients do; a request that then fails is a failure like any other.
    """

    answered: int = 0
    reopened: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


class _Connection:
    def __init__(self, address: tuple[str, int], path: str) -> None:
        self._address = address
        self._request = f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\nConnection: %s\r\n\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def used(self) -> bool:
        return self._streams is not None

    async def ask(self, keep: bool) -> str:
        """Empty when the answer was whole and good, else what was wrong. Raises OSError, EOFError."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        writer.write((self._request % ("keep-alive" if keep else "close")).encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = head.lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if ": " in line)
        if "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        else:
            await reader.read()
            keep = False
        if not keep or headers.get("connection") == "close":
            self.close()
        return "" if " 200 " in lines[0] else lines[0]

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _client(addresses: Iterator[tuple[str, int]], path: str, keep: bool, pause: float, load: Load,
                  stop: Event) -> None:  # fmt: skip
    loop = asyncio.get_running_loop()
    connection = _Connection(next(addresses), path)
    while not stop.is_set():
        begin = loop.time()
        try:
            async with asyncio.timeout(_PATIENCE):
                again = connection.used
                try:
                    wrong = await connection.ask(keep)
                except (ConnectionError, asyncio.IncompleteReadError) as error:
                    if not again or getattr(error, "partial", b""):
                        raise
                    load.reopened += 1
                    connection.close()
                    wrong = await connection.ask(keep)
        except (OSError, EOFError, TimeoutError) as error:
            wrong = f"{type(error).__name__} {error}"
            connection.close()
        load.slowest = max(load.slowest, loop.time() - begin)
        if wrong:
            load.failures[wrong] += 1
        else:
            load.answered += 1
        if not connection.used:
            connection = _Connection(next(addresses), path)
        await asyncio.sleep(max(0.0, pause - (loop.time() - begin)))


@contextmanager
def under_load(urls: Sequence[str], rate: float = 150.0, clients: int = 30) -> Iterator[Load]:
    """`rate` requests a second to `urls` by turns while the block runs: half of the clients keep their
    connections, half open one for each request."""
    parts = [urlsplit(url) for url in urls]
    addresses = itertools.cycle([(str(part.hostname), int(part.port or 80)) for part in parts])
    load, stop = Load(), Event()

    async def run() -> None:
        await asyncio.gather(
            *(
                _client(addresses, parts[0].path or "/", bool(n % 2), clients / rate, load, stop)
                for n in range(clients)
            )
        )

    thread = Thread(target=lambda: asyncio.run(run()))
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()

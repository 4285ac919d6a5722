"""Members for balancers to stand in front of: small HTTP servers on one event loop, which count."""

import asyncio
import base64
import concurrent.futures
import hashlib
import ssl
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

Found = TypeVar("Found")


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Found], limit: float = 600) -> Found:
        """The result of `work`, which runs on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    def start(self, work: Coroutine[Any, Any, Found]) -> concurrent.futures.Future[Found]:
        """Have `work` run by itself; `.result(limit)` waits for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@dataclass
class Origin:
    """One member: answers with its name after `delay` seconds."""

    name: str
    loop: Loop
    delay: float = 0.0
    status: int = 200
    host: str = "127.0.0.1"
    port: int = 0
    served: int = 0
    current: int = 0
    paths: list[str] = field(default_factory=list)
    holds: bool = False
    """Whether it keeps requests until it no longer does."""
    drops: bool = False
    """Whether it reads requests and closes without an answer."""
    lingers: bool = False
    """Whether it keeps WebSockets open that the other side has left, as Node does."""
    tls: ssl.SSLContext | None = None
    _server: asyncio.Server | None = None
    _connections: set[asyncio.StreamWriter] = field(default_factory=set)

    def open(self) -> "Origin":
        """Listen; on a free port at first, on the same one again after that."""
        self.loop.run(self._open())
        return self

    async def _open(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, self.host, self.port, backlog=4096, ssl=self.tls
        )
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and finish what is there, as a member that is told to end does."""
        self.loop.run(self._close(kill=False))

    def kill(self) -> None:
        """End at once, with every connection."""
        self.loop.run(self._close(kill=True))

    async def _close(self, kill: bool) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        if kill:
            for connection in list(self._connections):
                connection.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while await self._answer(reader, writer):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (each.partition(":") for each in lines[1:])
        }
        if length := int(headers.get("content-length", 0)):
            await reader.readexactly(length)
        if path == "/health":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            return True
        self.paths.append(f"{method} {path}")
        if self.drops:
            return False
        if headers.get("upgrade", "").lower() == "websocket":
            return await self._echo(headers["sec-websocket-key"], reader, writer)
        self.current += 1
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            while self.holds:
                await asyncio.sleep(0.05)
        finally:
            self.current -= 1
        self.served += 1
        shown = "\n".join([self.name, path, *(f"{key}: {value}" for key, value in headers.items())]).encode()
        closing = self._server is None  # told to end: the connection is not kept
        writer.write(
            b"HTTP/1.1 %d Word\r\nContent-Length: %d\r\n%s\r\n%s"
            % (self.status, len(shown), b"Connection: close\r\n" if closing else b"", shown)
        )
        await writer.drain()
        return not closing

    async def _echo(self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """After the upgrade, bytes come back as they are: enough to see that a tunnel is one."""
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False)
        accepted = base64.b64encode(digest.digest()).decode()  # RFC 6455, 4.2.2
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        writer.write("\r\n".join([*lines, f"Sec-WebSocket-Accept: {accepted}", "", ""]).encode())
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()
        while self.lingers and not writer.transport.is_closing():
            await asyncio.sleep(0.05)
        return False

"""A way to a server that can be cut."""

import asyncio
import contextlib

from tests.balancer.origins import Loop
from tests.ports import free_ports


class Relay:
    """Passes bytes between its own port and another one's until it is cut."""

    def __init__(self, loop: Loop, target: int) -> None:
        self._loop, self._target = loop, target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        (self.port,) = free_ports(1)  # the same one again after a cut

    def open(self) -> "Relay":
        self._loop.run(self._open())
        return self

    def cut(self) -> None:
        """Nobody gets through any more, and what is open breaks."""
        self._loop.run(self._cut())

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers |= {writer, back}
        try:
            await asyncio.gather(self._copy(reader, back), self._copy(there, writer))
        finally:
            self._writers -= {writer, back}

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with contextlib.suppress(OSError):
            writer.close()

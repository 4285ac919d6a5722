"""A WebSocket as a client holds one: short texts out and back (RFC 6455)."""

import base64
import os
import socket
from urllib.parse import urlsplit


class WebSocket:
    """Open until it is closed by either side. `member` is who answered the upgrade, by X-Member."""

    def __init__(self, url: str, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((str(parts.hostname), int(parts.port or 80)), timeout)
        lines = [
            f"GET {parts.path or '/'} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        ]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = self._read_until(b"\r\n\r\n").decode()
        assert head.startswith("HTTP/1.1 101"), head
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        self.member = headers["x-member"]

    def _read_until(self, end: bytes) -> bytes:
        found = b""
        while not found.endswith(end):
            more = self._socket.recv(1)
            if not more:
                raise EOFError(found)
            found += more
        return found

    def echo(self, text: str) -> str:
        """What comes back for a text of at most 125 bytes. Raises OSError or EOFError once it is closed."""
        body, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))
        self._socket.sendall(bytes([0x81, 0x80 | len(body)]) + mask + masked)
        head = self._exactly(2)
        return self._exactly(head[1]).decode()

    def _exactly(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self._socket.recv(count - len(found))
            if not more:
                raise EOFError("the other side closed")
            found += more
        return found

    def close(self) -> None:
        self._socket.close()

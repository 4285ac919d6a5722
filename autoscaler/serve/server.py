"""`/metrics` and `/healthz` over TLS: the first for whoever has the token, the second for everybody."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from autoscaler.act.stack_config import replace_file
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.settings import Serving, SettingsError
from autoscaler.serve.certificate import self_signed
from autoscaler.serve.metrics import LoopCollector, States

# A loop that has not ended a period for so many of them is not well.
LATE_PERIODS = 6


class Server:
    """Serves until closed. Raises SettingsError where the address or the certificate cannot be used."""

    def __init__(self, autoscaler: Autoscaler, runner: States | None, serving: Serving, folder: Path) -> None:
        self.token_file = serving.token_file or _made_token(folder)
        context = _context(serving, folder)
        registry = CollectorRegistry()
        registry.register(LoopCollector(autoscaler, runner))
        handler = _handler(autoscaler, registry, _read(self.token_file))
        try:
            self._server = ThreadingHTTPServer((serving.address, serving.port), handler)
        except OSError as error:
            raise SettingsError(
                f"serve: {serving.address}:{serving.port} cannot be used: {error.strerror}.\n"
                "  Set another `serve: {port}` in the settings; 0 takes any free one."
            ) from error
        self._server.daemon_threads = True
        # The handshake belongs to the connection's own thread: a silent client must not hold up the others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        host, port = self._server.server_address[:2]
        self.url = f"https://{host!s}:{port}"
        replace_file(
            folder / "serve.json", json.dumps({"url": self.url, "token": str(self.token_file)}) + "\n"
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="serve", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def health(autoscaler: Autoscaler, period: float, now: float) -> tuple[bool, dict[str, Any]]:
    """Whether the loop turns; before its first look has ended it does not.

    What is wrong with clouds and stacks is told by `/metrics` and `alto status`: this asks for no token.
    """
    pace = autoscaler.pace
    since = round(now - pace.finished, 1) if pace.periods else None
    well = since is not None and since <= LATE_PERIODS * period
    return well, {"ok": well, "periods": pace.periods, "secondsSinceLast": since}


def _handler(autoscaler: Autoscaler, registry: CollectorRegistry, token: str) -> type[BaseHTTPRequestHandler]:
    expected = f"Bearer {token}".encode()

    class Handler(BaseHTTPRequestHandler):
        server_version = "altostratus"
        sys_version = ""
        timeout = 10

        def do_GET(self) -> None:
            if self.path == "/healthz":
                well, found = health(autoscaler, autoscaler.period, time.time())
                self._answer(200 if well else 503, json.dumps(found).encode(), "application/json")
            elif self.path != "/metrics":
                self._answer(404, b"/metrics and /healthz are here\n", "text/plain")
            elif not secrets.compare_digest(self.headers.get("Authorization", "").encode(), expected):
                self._answer(401, b"Authorization: Bearer TOKEN is needed\n", "text/plain")
            else:
                self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)

        def _answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: who asks is not worth a line every five seconds."""

    return Handler


def _context(serving: Serving, folder: Path) -> ssl.SSLContext:
    certificate, key = serving.certificate, serving.key
    if (certificate is None) != (key is None):
        raise SettingsError("serve: certificate and key go together; give both or none")
    if certificate is None or key is None:
        certificate, key = self_signed(folder, serving.address)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"serve: {certificate} and {key} cannot be used: {error}") from error
    return context


def _made_token(folder: Path) -> Path:
    path = folder / "token"
    if not path.exists():
        replace_file(path, secrets.token_urlsafe(32) + "\n")
    return path


def _read(path: Path) -> str:
    try:
        token = path.read_text("utf-8").strip()
    except OSError as error:
        raise SettingsError(f"serve: the token file {path} cannot be read: {error.strerror}") from error
    if len(token) < 16:
        raise SettingsError(f"serve: the token in {path} has {len(token)} characters; at least 16 are needed")
    if path.stat().st_mode & 0o077 and path.stat().st_uid == os.getuid():
        path.chmod(0o600)
    return token

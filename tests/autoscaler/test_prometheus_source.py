"""A user's own factors by Prometheus queries."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from autoscaler.observe import prometheus
from autoscaler.observe.source import Cloud, Measurement, SourceError
from tests.autoscaler.measuring import NOW, target


class Prometheus(BaseHTTPRequestHandler):
    """A server of Prometheus' query API on loopback."""

    answer: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(urllib.parse.parse_qs(body)["query"][0])
        text = json.dumps(self.answer).encode()
        self.send_response(200 if self.answer.get("status") == "success" else 422)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[str]:
    Prometheus.asked.clear()
    http = ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_address[1]}"
    http.shutdown()
    http.server_close()
    thread.join()


def vector(*samples: tuple[dict[str, str], str]) -> dict[str, Any]:
    result = [{"metric": labels, "value": [NOW, value]} for labels, value in samples]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (vector(({}, "12.5")), [("", 12.5)]),
        (vector(({"pod": "web-1"}, "1"), ({"pod": "web-2"}, "3")), [("web-1", 1.0), ("web-2", 3.0)]),
        ({"status": "success", "data": {"resultType": "scalar", "result": [NOW, "7"]}}, [("", 7.0)]),
        (vector(), []),
        (vector(({}, "NaN")), []),
        (vector(({"code": "200"}, "1"), ({"code": "500"}, "3")), []),
    ],
)
def test_prometheus_values_and_their_absence(
    server: str, answer: dict[str, Any], expected: list[tuple[str, float]]
) -> None:
    Prometheus.answer = answer
    found: list[Measurement] = []

    async def run() -> None:
        source = prometheus.PrometheusSource(Cloud("local", Path(), {"url": server}), clock=lambda: NOW)
        query = 'sum(queue{namespace="$namespace",cluster="$cluster"})'
        await source.collect([target(queries={"queue": query})], found.append)
        await source.close()

    asyncio.run(run())
    assert [(each.member, each.value) for each in found] == expected
    assert Prometheus.asked == ['sum(queue{namespace="app-shop",cluster="web"})']


def test_a_query_that_prometheus_refuses_is_told(server: str) -> None:
    Prometheus.answer = {"status": "error", "error": "parse error: unexpected )"}

    async def run() -> None:
        source = prometheus.PrometheusSource(Cloud("local", Path(), {"url": server}))
        with pytest.raises(SourceError, match=r"queue of web: parse error: unexpected \)"):
            await source.collect([target(queries={"queue": ")"})], lambda _: None)
        await source.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "url is None; write its address"),
        ({"url": "http://p", "tokenFile": "/t"}, "a token is only sent over https"),
        ({"url": "https://p", "ca": "/t"}, "unknown setting 'ca'; allowed are url, tokenFile, caFile"),
        ({"url": "https://p", "caFile": "/nowhere"}, "caFile /nowhere cannot be used"),
    ],
)
def test_prometheus_settings_are_checked(settings: dict[str, object], words: str) -> None:
    with pytest.raises(SourceError, match=words):
        prometheus.PrometheusSource(Cloud("local", Path(), settings))

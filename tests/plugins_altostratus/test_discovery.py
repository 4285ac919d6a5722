"""Discovery tokens from a service on loopback, over TLS."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from toolchain.plugins.altostratus import pki
from toolchain.plugins.altostratus.discovery import DiscoveryTokenHandler
from toolchain.plugins.protocol import UNKNOWN, Failure, Properties, Request

TOKEN = "6a28e078895c5ec737174db2419bb2f3"  # noqa: S105 - of no service that exists


class Discovery:
    """What the service answers, one answer after the other, and what it was asked."""

    def __init__(self, port: int, authority: str, answers: list[tuple[int, str]]) -> None:
        self.endpoint = f"https://localhost:{port}"
        self.authority = authority
        self.answers = answers
        self.asked: list[str] = []

    def inputs(self, size: int = 3) -> Properties:
        return {"endpoint": self.endpoint, "caCertificate": self.authority, "size": size}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Discovery]:
    now = datetime.now(UTC)
    authority = pki.issue_authority("discovery test", timedelta(days=2), now)
    subject = pki.Subject("discovery", dns_names=("localhost",))
    issued = pki.issue_certificate(
        subject, authority.certificate, authority.private_key, timedelta(days=1), now
    )
    file = tmp_path / "pair.pem"
    file.touch(0o600)
    file.write_text(issued.certificate + issued.private_key)

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            code, text = found.answers.pop(0)
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *words: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("localhost", 0), Answering)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    found = Discovery(server.server_address[1], authority.certificate, [])
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join(120)


def test_the_tokens_url_is_at_the_endpoint_that_was_asked(service: Discovery) -> None:
    service.answers = [(200, f"http://0.0.0.0:8087/{TOKEN}\n")]
    _, state = DiscoveryTokenHandler().create(Request(), service.inputs())
    assert state["url"] == f"{service.endpoint}/{TOKEN}"
    assert service.asked == ["/new?size=3"]


def test_a_service_is_asked_where_this_machine_reaches_it_and_named_as_members_do(service: Discovery) -> None:
    service.answers = [(200, f"http://0.0.0.0:8087/{TOKEN}\n")]
    inputs = {**service.inputs(), "endpoint": "https://10.90.0.6:8087", "reachedAt": service.endpoint}
    checked, failures = DiscoveryTokenHandler().check(Request(), {}, inputs)
    assert not failures
    _, state = DiscoveryTokenHandler().create(Request(), checked)
    assert state["url"] == f"https://10.90.0.6:8087/{TOKEN}"
    assert service.asked == ["/new?size=3"]


def test_a_service_that_is_still_starting_is_asked_again(
    service: Discovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.plugins.altostratus.discovery.RETRY", 0.01)
    service.answers = [(503, "not yet"), (200, f"https://x/{TOKEN}")]
    _, state = DiscoveryTokenHandler().create(Request(), service.inputs())
    assert state["url"].endswith(TOKEN)


def test_a_service_with_another_authority_gets_no_trust(
    service: Discovery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.plugins.altostratus.discovery.RETRY", 0.01)
    stranger = pki.issue_authority("stranger", timedelta(days=1), datetime.now(UTC))
    with pytest.raises(Failure, match=r"(?i)gave no token:.*certificate"):
        DiscoveryTokenHandler().create(
            Request(timeout=0.2), {**service.inputs(), "caCertificate": stranger.certificate}
        )
    assert not service.asked


def test_an_answer_that_is_no_token_is_refused(service: Discovery) -> None:
    service.answers = [(200, "<html>proxy login</html>")]
    with pytest.raises(Failure, match="no token"):
        DiscoveryTokenHandler().create(Request(), service.inputs())


def test_only_another_endpoint_makes_another_token() -> None:
    old = {"endpoint": "https://a:1", "caCertificate": "x", "size": 3}
    diff = DiscoveryTokenHandler().diff
    assert not diff(Request(), "id", old, {}, {**old, "caCertificate": "y", "size": 5}).changes
    assert not diff(Request(), "id", old, {}, {**old, "caCertificate": UNKNOWN}).changes
    assert not diff(Request(), "id", old, {}, {**old, "reachedAt": "https://b:1"}).changes
    assert diff(Request(), "id", old, {}, {**old, "endpoint": "https://b:1"}).replaces == ("endpoint",)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"endpoint": "http://a:1"}, "endpoint"),
        ({"reachedAt": "a:1"}, "reachedAt"),
        ({"size": 0}, "size"),
        ({"size": 2.5}, "size"),
    ],
)
def test_mistakes_are_told(change: Properties, place: str) -> None:
    inputs = {"endpoint": "https://a:1", "caCertificate": "x", "size": 3, **change}
    _, failures = DiscoveryTokenHandler().check(Request(), {}, inputs)
    assert [failure.property for failure in failures] == [place]

"""From this machine to the registry: over TLS that its CA vouches for, and only with a password."""

import datetime
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.registry_access import await_registry
from toolchain.errors import ToolchainError


@dataclass
class Server:
    address: str
    certificate: str
    status: int = 401


def self_signed(folder: Path) -> tuple[Path, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    file = folder / "server.pem"
    file.write_text(private + pem)
    return file, pem


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    file, pem = self_signed(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    listener = HTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    found = Server(f"127.0.0.1:{listener.server_port}", pem)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    listener.shutdown()
    listener.server_close()
    thread.join()


def test_a_registry_that_asks_for_a_password_is_ready(server: Server) -> None:
    await_registry(server.address, server.certificate, limit=10)


def test_a_registry_that_lets_anybody_in_is_not_taken(server: Server) -> None:
    server.status = 200
    with pytest.raises(ToolchainError, match="status 200 instead of asking for a password"):
        await_registry(server.address, server.certificate, limit=0)


def test_a_registry_with_a_strange_certificate_is_not_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _, stranger = self_signed(tmp_path / "other")
    with pytest.raises(ToolchainError, match="certificate"):
        await_registry(server.address, stranger, limit=0)


def test_a_registry_that_does_not_answer_is_named_with_the_reason() -> None:
    with pytest.raises(ToolchainError, match=r"https://127\.0\.0\.1:1 .*refused"):
        await_registry("127.0.0.1:1", "", limit=0)

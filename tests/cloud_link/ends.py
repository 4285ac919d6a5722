"""Both ends of a link as real HAProxy processes, each at a loopback address of its own."""

import os
import socket
import socketserver
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blueprints.passages import ALIVE, Passage
from components.cloud_link.configuration import (
    ALIVE_PORT,
    FOLDER,
    gateway_configuration,
    link_configuration,
    ports,
    server_name,
)
from tests.waiting import until
from toolchain.plugins.altostratus import pki

APPLICATION = "shop"
_DAY = timedelta(days=1)


class Echo(socketserver.ThreadingTCPServer):
    """A member that speaks first, as databases do, then says what it is told."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: str) -> None:
        self.comers: list[socket.socket] = []
        super().__init__((address, 0), _Conversation)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def passage(self) -> Passage:
        host, port = self.server_address[:2]
        return Passage("db:sql", "db-sql", str(host), int(port), "sql")


class _Conversation(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Echo)
        self.server.comers.append(self.request)
        self.request.sendall(b"hello\n")
        while told := self.request.recv(4096):
            self.request.sendall(told)


@dataclass(frozen=True)
class Authority:
    """Makes what ends show."""

    issued: pki.Issued

    @classmethod
    def new(cls) -> "Authority":
        return cls(pki.issue_authority("links", 2 * _DAY, datetime.now(UTC)))

    def end(self, usage: str, name: str = "") -> str:
        """Certificate and key together."""
        subject = pki.Subject(usage, (), (name,) if name else (), (), (usage,))
        authority = (self.issued.certificate, self.issued.private_key)
        made = pki.issue_certificate(subject, *authority, _DAY, datetime.now(UTC), "")
        return made.certificate + made.private_key


@dataclass
class End:
    """One HAProxy at `address`."""

    address: str
    folder: Path
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, configuration: str, own: str, authority: str) -> "End":
        keys = self.folder / "keys"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "tls.pem").write_text(own)
        (keys / "authority.pem").write_text(authority)
        text = configuration.replace(FOLDER, str(self.folder)).replace("bind :", f"bind {self.address}:")
        config = self.folder / "haproxy.cfg"
        config.write_text(text)
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                ["haproxy", "-W", "-db", "-f", str(config)], stdout=log, stderr=log
            )
        until(lambda: self.says("/alive") == 200, f"{self.folder.name} runs: {self.log()[-500:]}")
        return self

    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def says(self, path: str) -> int:
        """What its state answers; 0 where it does not."""
        context = ssl._create_unverified_context()  # noqa: S323 - as the kubelet does
        try:
            with (
                socket.create_connection((self.address, 8404), timeout=30) as plain,
                context.wrap_socket(plain) as one,
            ):
                one.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                return int(one.recv(200).split()[1])
        except (OSError, IndexError):
            return 0

    def kill(self) -> None:
        """As a host dies: nothing is said any more, at once."""
        if self.process is not None:
            subprocess.run(["pkill", "-KILL", "-P", str(self.process.pid)], check=False)
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Ends:
    """Two gateways, as two hosts of a cloud, and a link in another one."""

    folder: Path
    authority: Authority = field(default_factory=Authority.new)
    made: list[End] = field(default_factory=list)
    block: int = os.getpid() % 200 + 20

    def at(self, number: int) -> str:
        return f"127.{self.block}.0.{number}"

    def gateway(self, number: int, member: Echo) -> End:
        own = self.authority.end("server", server_name(APPLICATION))
        return self.start(f"gateway-{number}", number, gateway_configuration([member.passage]), own)

    def link(self, member: Echo, numbers: list[int], own: str = "") -> End:
        told = {ALIVE: ALIVE_PORT, **ports([member.passage])}
        addresses = [self.at(number) for number in numbers]
        text = link_configuration(APPLICATION, [member.passage], addresses, told)
        return self.start("link", 9, text, own or self.authority.end("client"))

    def start(self, name: str, number: int, text: str, own: str) -> End:
        end = End(self.at(number), self.folder / name)
        self.made.append(end)
        return end.start(text, own, self.authority.issued.certificate)

    def close(self) -> None:
        for each in self.made:
            each.kill()

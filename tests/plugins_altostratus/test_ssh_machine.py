"""Machines over SSH, with a real SSH server on loopback where one is installed."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.debian_packages import need
from tests.ports import free_ports
from tests.waiting import until
from toolchain.plugins.altostratus.machine import File, machine_for
from toolchain.plugins.altostratus.ssh_machine import SshMachine
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Failure


def server_program() -> str:
    """The SSH server's program. Skips where there is none and it cannot be installed."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    need(shutil.which("sshd", path=path), "openssh-server")
    found = shutil.which("sshd", path=path)
    assert found is not None
    return found


def pair() -> tuple[str, str]:
    """A private key (PEM, as `altostratus:pki:KeyPair` makes it) and its public line of OpenSSH."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@dataclass
class Served:
    machine: str
    private_key: str
    host_key: str


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    if os.geteuid():
        pytest.skip("needs root: the server separates its privileges")
    program = server_program()
    user, user_public = pair()
    host, host_public = pair()
    for name, content in (("host_key", host), ("authorized", user_public)):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(content)
    (port,) = free_ports(1)
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    options = {
        "HostKey": tmp_path / "host_key",
        "AuthorizedKeysFile": tmp_path / "authorized",
        "ListenAddress": f"127.0.0.1:{port}",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PermitRootLogin": "prohibit-password",
    }
    words = [f"-o{name}={value}" for name, value in options.items()]
    server = subprocess.Popen([program, "-D", "-e", "-f", "/dev/null", *words], stderr=subprocess.DEVNULL)

    def listens() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens, "the SSH server listens")
        yield Served(f"127.0.0.1:{port}/i-0123", user, host_public)
    finally:
        server.terminate()
        server.wait()


@pytest.mark.engine
def test_programs_run_and_files_are_put_as_on_any_machine(served: Served, tmp_path: Path) -> None:
    machine = SshMachine(served.machine, served.private_key, served.host_key)
    assert machine.alive()
    said = machine.run(["printf", "%s|", "two words", "$HOME", "it's"])
    assert (said.code, said.output) == (0, "two words|$HOME|it's|")
    assert machine.run(["sh", "-c", "echo gone >&2; exit 7"]).code == 7
    target = tmp_path / "new folder" / "secret"
    machine.put({str(target): File("content\n", 0o600)})
    assert target.read_text() == "content\n"
    assert target.stat().st_mode & 0o777 == 0o600
    assert not list(target.parent.glob("*.new"))


@pytest.mark.engine
def test_a_machine_with_another_host_key_is_not_spoken_to(served: Served) -> None:
    stranger = SshMachine(served.machine, served.private_key, pair()[1])
    assert not stranger.alive()
    with pytest.raises(Failure, match="not reached over SSH"):
        stranger.run(["true"])


def test_a_machine_that_is_not_there_is_a_failure_in_words() -> None:
    private, public = pair()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        machine = SshMachine(f"127.0.0.1:{probe.getsockname()[1]}", private, public)
        assert not machine.alive()


def test_without_keys_no_machine_of_a_cloud_is_reached() -> None:
    with pytest.raises(Failure, match="no keys"):
        machine_for("aws", Session(), "10.0.0.1/i-1")

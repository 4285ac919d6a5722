"""A machine of a cloud, reached over SSH as root with a key of its cloud."""

import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from toolchain.plugins.altostratus.machine import RENAME, File, Result, Unreachable, archive
from toolchain.plugins.protocol import Failure

CONNECT_SECONDS = 5
RUN_SECONDS = 120
UNREACHABLE = 255
"""What `ssh` itself ends with when there is no connection."""


class SshMachine:
    """`machine` is an address, with `:port` where it is not 22, then a slash and what tells it from others.

    The private key (PEM) and the key that the machine must show (a line of OpenSSH) are on disk for the
    time of a call only, readable by this user alone. A way through other machines is the user's own SSH
    configuration's to say.
    """

    def __init__(self, machine: str, private_key: str, host_key: str) -> None:
        host, _, port = machine.partition("/")[0].partition(":")
        self._host, self._port = host, port or "22"
        self._private_key = private_key
        self._host_key = host_key.strip()

    def alive(self) -> bool:
        try:
            return self.run(["true"]).code == 0
        except Failure:
            return False

    def run(self, argv: Sequence[str]) -> Result:
        code, output = self._ssh(shlex.join(argv), b"")
        return Result(code, output.decode(errors="replace").strip())

    def put(self, files: Mapping[str, File]) -> None:
        if not files:
            return
        code, output = self._ssh("tar --extract --file=- --directory=/ --no-same-owner", archive(files))
        if code:
            raise Failure(f"files could not be written to {self._host}: {output.decode(errors='replace')}")
        renamed = self.run(["sh", "-c", RENAME, "rename", *files])
        if renamed.code:
            raise Failure(f"files could not be renamed on {self._host}: {renamed.output}")

    def _ssh(self, command: str, given: bytes) -> tuple[int, bytes]:
        with self._keys() as (key, known):
            options = (
                "BatchMode=yes",
                "IdentitiesOnly=yes",
                "StrictHostKeyChecking=yes",
                f"UserKnownHostsFile={known}",
                "GlobalKnownHostsFile=/dev/null",
                f"ConnectTimeout={CONNECT_SECONDS}",
                "LogLevel=ERROR",
            )
            words = [part for option in options for part in ("-o", option)]
            try:
                done = subprocess.run(
                    ["ssh", "-i", str(key), "-p", self._port, *words, f"root@{self._host}", "--", command],
                    input=given,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    timeout=RUN_SECONDS,
                    check=False,
                )
            except FileNotFoundError:
                raise Failure("ssh is not installed (on Debian: apt-get install openssh-client)") from None
            except subprocess.TimeoutExpired:
                raise Unreachable(f"{self._host} did not answer within {RUN_SECONDS} s") from None
        if done.returncode == UNREACHABLE:
            raise Unreachable(
                f"{self._host} is not reached over SSH: {done.stdout.decode(errors='replace').strip()}"
            )
        return done.returncode, done.stdout

    @contextmanager
    def _keys(self) -> Iterator[tuple[Path, Path]]:
        with tempfile.TemporaryDirectory(prefix="altostratus-ssh-") as folder:
            key, known = Path(folder) / "key", Path(folder) / "known_hosts"
            for path, content in ((key, self._private_key), (known, f"{self._name()} {self._host_key}\n")):
                path.touch(mode=0o600)
                path.write_text(content)
            yield key, known

    def _name(self) -> str:
        return self._host if self._port == "22" else f"[{self._host}]:{self._port}"

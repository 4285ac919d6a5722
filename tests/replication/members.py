"""Members of a library cartridge that keeps data, as containers of one network."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker

from tests.waiting import until
from toolchain import base_image, engine
from toolchain.paths import root

DATA = "/usr/local/lib/altostratus/data"
_USER = {"uid": 10001, "gid": 10001}


@dataclass
class Member:
    """One member; its data is a volume that outlives the container."""

    container: Any

    def run(self, *command: str) -> tuple[int, str]:
        """Exit code and output of a program in it."""
        code, said = self.container.exec_run(list(command))
        return code, said.decode().strip()

    def ask(self, *question: str) -> str:
        """What its image's own command says. Raises AssertionError where it fails."""
        code, said = self.run(DATA, *question)
        assert code == 0, f"{question}: {said}"
        return said

    def await_ready(self) -> None:
        until(lambda: self.run(DATA, "ready")[0] == 0, f"{self.container.name} is ready", 60)

    def logs(self) -> str:
        text: str = self.container.logs().decode()
        return text


@dataclass
class Members:
    """Everything that a test makes, under names of its own."""

    client: Any
    image: str
    prefix: str
    path: str
    network: Any = None
    made: dict[str, Any] = field(default_factory=dict)

    def start(self, name: str, environment: Mapping[str, str], follows: str = "") -> Member:
        """As Kubernetes would: no root, no capabilities, and nothing to write to but its data and /tmp."""
        if name in self.made:
            self.made[name].remove(force=True)
        full = f"{self.prefix}-{name}"
        told = {"ALTO_REPLICATE_FROM": f"{self.prefix}-{follows}"} if follows else {}
        self.made[name] = self.client.containers.run(
            self.image,
            name=full,
            hostname=name,
            network=self.network.name,
            environment={**environment, "ALTOSTRATUS_COPY": name, **told},
            volumes={full: {"bind": self.path, "mode": "rw"}},
            tmpfs={"/tmp": "uid=10001,gid=10001"},  # noqa: S108
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            detach=True,
        )
        return Member(self.made[name])

    def kill(self, name: str) -> None:
        """Its data stays."""
        self.made[name].kill()

    def restart(self, name: str) -> Member:
        """Killed unless it is, and started again on the same data."""
        self.made[name].reload()
        if self.made[name].status == "running":
            self.kill(name)
        self.made[name].start()
        return Member(self.made[name])


@contextlib.contextmanager
def members(cartridge: str, prefix: str, path: str) -> Iterator[Members]:
    """Its image, built as its cloud would, and a network; all but the image is gone at the end."""
    client = docker.DockerClient(base_url=engine.ensure().host, timeout=600)
    image, _ = client.images.build(
        path=str(root() / "blueprints" / "library" / cartridge),
        buildargs={"BASE": base_image.ensure_base().reference},
        rm=True,
    )
    found = Members(client, image.id, prefix, path)
    try:
        found.network = client.networks.create(prefix)
        yield found
    finally:
        for container in found.made.values():
            container.remove(force=True, v=True)
        for volume in client.volumes.list(filters={"name": f"{prefix}-"}):
            volume.remove(force=True)
        if found.network is not None:
            found.network.remove()
        client.close()

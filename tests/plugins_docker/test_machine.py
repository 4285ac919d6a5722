"""A host reached as a container: what a Node resource does to it, on a real engine."""

from typing import Any

import pytest

from tests.plugins_docker.conftest import LABEL
from toolchain.plugins.altostratus.machine import DockerMachine, File
from toolchain.plugins.docker.container import ContainerHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.protocol import Failure, Request

pytestmark = pytest.mark.cluster


def test_a_container_is_a_machine(session: Session, engine: Any, image: str, mark: str) -> None:
    containers = ContainerHandler(session)
    inputs = {
        "name": f"{mark}-machine",
        "image": image,
        "command": ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"],
        "labels": [{"label": LABEL, "value": mark}],
    }
    id, state = containers.create(Request(), inputs)
    machine = DockerMachine(session, f"{mark}-machine")
    assert machine.alive()
    assert machine.run(["sh", "-c", "echo out; echo err >&2; exit 3"]).code == 3

    machine.put({"/etc/new/deep/a b.conf": File("one", 0o600), "/etc/plain": File("kept")})
    machine.put({"/etc/new/deep/a b.conf": File("two", 0o600)})
    assert machine.run(["cat", "/etc/new/deep/a b.conf"]).output == "two"
    assert machine.run(["stat", "-c", "%a", "/etc/new/deep/a b.conf"]).output == "600"
    assert machine.run(["stat", "/etc/plain.new"]).code != 0, "nothing is left beside"

    engine.stop(id, timeout=1)
    assert not machine.alive()
    with pytest.raises(Failure, match=r"could not be run on .*not running"):
        machine.run(["true"])
    containers.delete(Request(), id, inputs, state)
    assert not machine.alive()

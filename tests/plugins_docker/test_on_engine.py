"""The handlers against a real Docker engine."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins_docker.conftest import LABEL
from toolchain.plugins.docker.container import ContainerHandler
from toolchain.plugins.docker.image import ImageHandler
from toolchain.plugins.docker.network import NetworkHandler
from toolchain.plugins.docker.remote_image import RemoteImageHandler
from toolchain.plugins.docker.session import Session
from toolchain.plugins.docker.volume import VolumeHandler
from toolchain.plugins.protocol import Failure, Properties, Request

pytestmark = pytest.mark.cluster

WAITS = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]


@pytest.fixture
def labels(mark: str) -> list[dict[str, str]]:
    return [{"label": LABEL, "value": mark}]


@pytest.fixture
def network(session: Session, engine: Any, mark: str, labels: list[dict[str, str]]) -> Iterator[str]:
    handler = NetworkHandler(session)
    subnet = {"subnet": "10.251.77.0/24", "gateway": "10.251.77.1"}
    id, _ = handler.create(Request(), {"name": f"{mark}-net", "ipamConfigs": [subnet], "labels": labels})
    yield id
    handler.delete(Request(), id, {}, {})


def run(engine: Any, id: str, *argv: str) -> str:
    return str(engine.exec_start(engine.exec_create(id, list(argv))["Id"]).decode()).strip()


def test_a_container_lives_as_described(
    session: Session, engine: Any, image: str, mark: str, network: str, labels: list[dict[str, str]]
) -> None:
    containers, volumes = ContainerHandler(session), VolumeHandler(session)
    volume, _ = volumes.create(Request(), {"name": f"{mark}-data", "labels": labels})
    inputs: Properties = {
        "name": f"{mark}-box",
        "image": image,
        "command": WAITS,
        "hostname": "box",
        "labels": labels,
        "envs": ["GREETING=hello"],
        "networksAdvanced": [{"name": f"{mark}-net", "ipv4Address": "10.251.77.9", "aliases": ["boxed"]}],
        "volumes": [{"volumeName": volume, "containerPath": "/data"}, {"containerPath": "/scratch"}],
        "tmpfs": {"/run": ""},
        "uploads": [
            {"file": "/etc/deep/down/secret", "content": "s3cret", "permissions": "0600", "owner": "7"},
            {"file": "/data/seed", "content": "seed"},
        ],
        "securityOpts": ["seccomp=unconfined", "systempaths=unconfined"],
        "capabilities": {"drops": ["CAP_NET_RAW"]},
        "cgroupnsMode": "private",
        "memory": 64,
        "stopSignal": "SIGTERM",
    }
    id, state = containers.create(Request(), inputs)
    assert len(id) == 64
    assert state["networkDatas"][0]["ipAddress"] == "10.251.77.9"
    assert state["image"] == engine.inspect_image(image)["Id"]
    assert run(engine, id, "cat", "/etc/deep/down/secret") == "s3cret"
    assert run(engine, id, "stat", "-c", "%a %u", "/etc/deep/down/secret") == "600 7"
    assert run(engine, id, "cat", "/data/seed") == "seed"
    live = engine.inspect_container(id)
    assert live["HostConfig"]["CgroupnsMode"] == "private"
    assert live["HostConfig"]["MaskedPaths"] == []
    assert list(live["NetworkSettings"]["Networks"]) == [f"{mark}-net"]

    same = containers.read(Request(), id, inputs, state)
    assert same is not None
    assert not containers.diff(Request(), id, same[1], same[2], inputs).changes

    roomier = {**inputs, "memory": 96, "restart": "unless-stopped", "cpus": "0.5"}
    assert not containers.diff(Request(), id, inputs, state, roomier).replaces
    updated = containers.update(Request(), id, inputs, state, roomier)
    assert updated["memory"] == 96
    host = engine.inspect_container(id)["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (96 * 1024 * 1024, 500_000_000)
    assert host["RestartPolicy"]["Name"] == "unless-stopped"

    with pytest.raises(Failure, match="exists already"):
        containers.create(Request(), inputs)
    assert engine.inspect_container(id)["State"]["Running"], "the one that was there is not touched"
    with pytest.raises(Failure, match=f"still used by.*{mark}-box|still used by a container"):
        volumes.delete(Request(), volume, {}, {})

    engine.stop(id, timeout=1)
    seen = containers.read(Request(), id, roomier, updated)
    assert seen is not None
    assert containers.diff(Request(), id, seen[1], seen[2], roomier).replaces == ("mustRun",)

    anonymous = [mount["Name"] for mount in live["Mounts"] if mount.get("Destination") == "/scratch"]
    containers.delete(Request(), id, {**roomier, "destroyGraceSeconds": 2}, updated)
    assert containers.read(Request(), id, roomier, updated) is None
    assert anonymous[0] not in {entry["Name"] for entry in engine.volumes()["Volumes"] or []}
    containers.delete(Request(), id, roomier, updated)
    volumes.delete(Request(), volume, {}, {})
    assert volumes.read(Request(), volume, {}, {}) is None
    volumes.delete(Request(), volume, {}, {})


def test_a_container_that_ends_at_once_leaves_only_its_last_words(
    session: Session, engine: Any, image: str, mark: str, labels: list[dict[str, str]]
) -> None:
    inputs: Properties = {
        "name": f"{mark}-brief",
        "image": image,
        "labels": labels,
        "command": ["sh", "-c", "echo no config found; exit 3"],
        # Otherwise it may be seen while it still runs, which is enough for a container without a check.
        "wait": True,
        "healthcheck": {"tests": ["CMD", "true"], "interval": "60s"},
    }
    with pytest.raises(Failure, match=r"(?s)exit code 3.*no config found"):
        ContainerHandler(session).create(Request(), inputs)
    assert not engine.containers(all=True, filters={"name": f"{mark}-brief"})


def test_waiting_ends_when_the_container_is_healthy(
    session: Session, engine: Any, image: str, mark: str, labels: list[dict[str, str]]
) -> None:
    containers = ContainerHandler(session)
    inputs: Properties = {
        "name": f"{mark}-checked",
        "image": image,
        "labels": labels,
        "command": WAITS,
        "wait": True,
        "waitTimeout": 180,
        "healthcheck": {"tests": ["CMD", "true"], "interval": "100ms", "timeout": "60s", "retries": 1},
    }
    id, _ = containers.create(Request(), inputs)
    assert engine.inspect_container(id)["State"]["Health"]["Status"] == "healthy"
    containers.delete(Request(), id, inputs, {})


def test_somebody_elses_network_and_volume_are_left_alone(
    session: Session, engine: Any, mark: str, labels: list[dict[str, str]], network: str
) -> None:
    with pytest.raises(Failure, match="exists already"):
        NetworkHandler(session).create(Request(), {"name": f"{mark}-net"})
    foreign = engine.create_volume(f"{mark}-foreign", labels={LABEL: mark, "owner": "somebody"})["Name"]
    with pytest.raises(Failure, match="exists already"):
        VolumeHandler(session).create(Request(), {"name": foreign, "labels": labels})
    engine.remove_volume(foreign)


def test_an_image_is_built_from_its_context_and_shows_where_it_fails(
    session: Session, engine: Any, image: str, mark: str, tmp_path: Path
) -> None:
    images = ImageHandler(session)
    (tmp_path / "page").write_text("served")
    (tmp_path / "Dockerfile").write_text(
        f"ARG BASE\nFROM $BASE\nARG WORD\nCOPY page /page\nRUN echo $WORD > /word\nLABEL {LABEL}={mark}\n"
    )
    build = {"context": str(tmp_path), "args": {"BASE": image, "WORD": "hi"}, "builderVersion": "BuilderV1"}
    inputs, failures = images.check(
        Request(), {}, {"imageName": f"{mark}-app:1", "skipPush": True, "build": build}
    )
    assert not failures
    id, state = images.create(Request(), inputs)
    try:
        assert id == f"{mark}-app:1"
        assert state["repoDigest"] == engine.inspect_image(id)["Id"]
        assert state["dockerfile"] == "Dockerfile"
        found, remote = RemoteImageHandler(session).create(Request(), {"name": id, "keepLocally": True})
        assert found == f"{state['repoDigest']}{id}"
        assert remote["imageId"] == state["repoDigest"]
    finally:
        engine.remove_image(id, force=True)
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nRUN echo looking; sh -c 'exit 9'\n")
    with pytest.raises(Failure, match=r"(?s)Step 2/2.*looking"):
        images.create(Request(), images.check(Request(), {}, inputs)[0])


def test_the_command_line_agrees_on_what_there_is(
    session: Session, engine: Any, mark: str, network: str, labels: list[dict[str, str]]
) -> None:
    shown = subprocess.run(
        ["docker", "network", "inspect", network], capture_output=True, text=True, check=True, timeout=120
    )
    described = json.loads(shown.stdout)[0]
    assert described["IPAM"]["Config"] == [{"Subnet": "10.251.77.0/24", "Gateway": "10.251.77.1"}]
    found = NetworkHandler(session).read(Request(), network, {}, {})
    assert found is not None
    assert found[2]["labels"] == labels

"""What `alto clouds` tells, also of clouds that are dead, silent or not made yet."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.act.pulumi_cli import Pulumi
from console.clouds import Cloud, CopyHere, Room, asked, collect
from policies.placement.observed import CloudView
from toolchain import paths

GIB = 2**30


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))
    return Pulumi(tmp_path, Path("/nonexistent"), tmp_path / "state", tmp_path / "logs", {})


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def configured(cli: Pulumi, stack: str, **settings: Any) -> None:
    path = cli.config_path(stack)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in settings.items()}}))


def made(cli: Pulumi, stack: str, **outputs: Any) -> None:
    resource = {"type": "pulumi:pulumi:Stack", "outputs": outputs}
    path = cli.state_path(stack)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource]}}}))


def reachable_at(cli: Pulumi, cloud: str, server: str) -> None:
    configured(cli, f"hosts-{cloud}", hosts={"driver": "docker", "hosts": 2})
    made(cli, f"hosts-{cloud}", driver="docker", kubeconfig="secret", nodes=[{}, {}], address="10.0.0.10")
    path = paths.kubeconfig(cloud)
    path.parent.mkdir(parents=True)
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
        "users": [{"name": "a", "user": {"token": "none"}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(config))
    later = cli.state_path(f"hosts-{cloud}").stat().st_mtime + 1
    os.utime(path, (later, later))


def test_a_silent_cloud_keeps_nobody_waiting(cli: Pulumi, silent: int) -> None:
    reachable_at(cli, "silent", f"https://127.0.0.1:{silent}")
    configured(cli, "app-shop--silent", blueprint=["shop"])
    made(cli, "app-shop--silent")
    (found,) = collect(cli, patience=0.2)
    # Said by us, before the client's own patience has ended.
    assert (found.state, found.problem) == ("unreachable", "it has not answered within 0.2 s")
    assert found.copies == [CopyHere("shop", "silent", "app-shop--silent", 0, 0)]
    assert (found.hosts, found.free) == (2, None)


def test_dead_and_unmade_clouds_are_told(cli: Pulumi) -> None:
    reachable_at(cli, "dead", "https://127.0.0.1:1")
    configured(cli, "hosts-cold", hosts={"driver": "docker", "hosts": 2})
    cold, dead = collect(cli, patience=60)
    assert (cold.name, cold.state, cold.hosts, cold.problem) == ("cold", "cold", 2, "")
    assert (dead.name, dead.state) == ("dead", "unreachable")
    assert "does not answer" in dead.problem


def node(name: str, zone: str, *, ready: bool = True) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
        },
    }


def pod(application: str, copy: str, *, ready: bool = True) -> dict[str, Any]:
    names = {"application": application, "copy": copy, "cluster": "web"}
    return {
        "metadata": {"labels": {f"altostratus.dev/{key}": value for key, value in names.items()}},
        "spec": {
            "nodeName": "a",
            "containers": [{"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def test_room_zones_and_copies_are_counted_as_the_cluster_tells_them() -> None:
    cloud = Cloud("east", "docker", "unreachable", platform="10.0.0.3:5000", free=Room(0, 0, 0, shared=True))
    view = CloudView(
        [node("a", "z1"), node("b", "z2"), node("c", "z2", ready=False)],
        [pod("shop", "east"), pod("shop", "east", ready=False), pod("else", "home")],
    )
    asked(cloud, view, {("shop", "east"): "app-shop--east", ("idle", "home"): "app-idle"})
    assert cloud.state == "warm"
    assert (cloud.ready, cloud.hosts, cloud.zones) == (2, 3, {"z1": 1, "z2": 1})
    assert cloud.free == Room(2.5, 5 * GIB, 217, shared=True)
    assert cloud.copies == [
        CopyHere("else", "home", "", 1, 1),
        CopyHere("idle", "home", "app-idle", 0, 0),
        CopyHere("shop", "east", "app-shop--east", 1, 2),
    ]

"""The runner with the project's own program on a real API server: marks, an API server away, a full disk."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from autoscaler.act.deletion_cost import COST, Marks
from autoscaler.act.edits import Removal, ScaleEdit
from autoscaler.act.lease import FileLeases
from autoscaler.act.runner import Runner
from autoscaler.act.stack_config import read
from autoscaler.journal.journal import Journal
from blueprints.scale import ScaleState
from tests import light_world
from tests.light_world import SCALE, Kubelet, World
from tests.plugins import control_plane
from tests.waiting import until

pytestmark = pytest.mark.engine
LIMIT = 300.0


class Link:
    """A TCP relay to the API server that can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.cut = threading.Event()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            if self.cut.is_set():
                client.close()
                continue
            upstream = socket.create_connection(("127.0.0.1", self._target))
            self._open |= {client, upstream}
            for source, sink in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._relay, args=(source, sink), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        self._end(source)
        self._end(sink)

    def _end(self, one: socket.socket) -> None:
        self._open.discard(one)
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()

    def take_away(self) -> None:
        self.cut.set()
        for one in list(self._open):
            self._end(one)


class Site:
    """An application behind a link."""

    def __init__(self, world: World, link: Link, direct: Path) -> None:
        self.world, self.link = world, link
        self.client = control_plane.ControlPlane(direct.parent, direct).client()
        self.stack = world.application("shop", 2)

    def edit(self, removals: tuple[Removal, ...] = (), **clusters: int) -> ScaleEdit:
        seen = ScaleState.parse(read(self.world.cli.config_path(self.stack))[SCALE])
        return ScaleEdit(self.stack, seen, "c0 is full", clusters=clusters, removals=removals)

    def replicas(self) -> dict[str, int]:
        return self.world.replicas(self.client, "shop")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if not (control_plane.programs("etcd") and control_plane.programs("kubernetes")):
        pytest.skip("etcd and kubernetes are not installed: ./alto toolchain install")
    folder = tmp_path_factory.mktemp("plane")
    with control_plane.running(folder) as plane:
        document = yaml.safe_load(plane.kubeconfig.read_text())
        server = document["clusters"][0]["cluster"]["server"]
        link = Link(int(server.rpartition(":")[2]))
        document["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{link.port}"
        linked = folder / "linked"
        linked.touch(mode=0o600)
        linked.write_text(yaml.safe_dump(document))
        with Kubelet(plane.client()):
            world = light_world.make(tmp_path_factory.mktemp("world") / "project", linked)
            yield Site(world, link, plane.kubeconfig)


@pytest.fixture
def runner(site: Site, tmp_path: Path) -> Iterator[Runner]:
    made = Runner(
        site.world.cli,
        Journal(tmp_path / "journal.db"),
        leases=FileLeases(tmp_path / "leases"),
        marker=Marks(lambda cloud: site.world.kubeconfig),
    )
    made.start()
    yield made
    made.close()


def test_the_members_to_go_are_marked_before_the_cluster_shrinks(site: Site, runner: Runner) -> None:
    assert runner.submit(site.edit(c0=4)).result(LIMIT).kind == "applied"
    path = "/api/v1/namespaces/app-shop/pods"
    labels = {"altostratus.dev/application": "shop", "altostratus.dev/cluster": "c0"}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())

    def pods() -> list[str]:
        found = site.client.get(path, labelSelector=selector)["items"]
        return sorted(p["metadata"]["name"] for p in found if "deletionTimestamp" not in p["metadata"])

    def all_ready() -> bool:
        """Also by the word of the controller: it takes members that are not ready before marked ones."""
        found = site.client.get("/apis/apps/v1/namespaces/app-shop/replicasets", labelSelector=selector)
        counts = [each["status"].get("readyReplicas", 0) for each in found["items"]]
        return len(pods()) == sum(counts) == 4

    until(all_ready, "four ready members")
    doomed = pods()[::2]
    loads = {name: 0.0 if name in doomed else 9.0 for name in pods()}
    staying = sorted(set(pods()) - set(doomed))
    removal = Removal("bare", "app-shop", labels, 2, loads)
    assert runner.submit(site.edit((removal,), c0=2)).result(LIMIT).kind == "applied"
    until(lambda: pods() == staying, f"those that were marked with {COST} are gone, and no others")


def test_an_api_server_that_is_away_is_waited_for(site: Site, runner: Runner) -> None:
    site.link.take_away()
    ticket = runner.submit(site.edit(c1=3))
    until(lambda: runner.states()[site.stack].attempts >= 2, "the runner tries again", LIMIT)
    assert runner.states()[site.stack].health in {"retrying", "updating"}
    assert "unreachable" in ticket.note or "does not answer" in ticket.note or "closed" in ticket.note
    assert not ticket.done()
    assert site.replicas()["c1"] == 1
    site.link.cut.clear()
    assert ticket.result(LIMIT).kind == "applied"
    assert site.replicas()["c1"] == 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_is_waited_for_and_nothing_is_half_written(site: Site, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode()}")
    try:
        with_a_full_disk(site, disk)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def with_a_full_disk(site: Site, disk: Path) -> None:
    """State, config and journal on a disk that is full for a while."""
    world, config = site.world, site.world.folder / "stacks" / "config"
    for folder in (world.folder / "state", config):
        moved = disk / folder.name
        subprocess.run(["cp", "-a", str(folder), str(moved)], check=True)
        folder.rename(folder.with_name(f"{folder.name}-before"))
        folder.symlink_to(moved)
    runner = Runner(world.cli, Journal(disk / "journal.db"), leases=FileLeases(disk / "leases"))
    runner.start()
    try:
        assert runner.submit(site.edit(c0=3)).result(LIMIT).kind == "applied"
        filler = disk / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as stream:
            while True:
                stream.write(bytes(1024))
        ticket = runner.submit(site.edit(c0=4))
        until(lambda: runner.states()[site.stack].attempts >= 2, "the runner tries again", LIMIT)
        assert not ticket.done(), ticket.note
        written = read(world.cli.config_path(site.stack))[SCALE]
        assert written["clusters"]["c0"] in {3, 4}, "neither the old scale nor the new one"
        assert world.cli.deployment(site.stack)["resources"], "the state was lost"
        filler.unlink()
        assert ticket.result(LIMIT).kind == "applied"
        assert site.replicas()["c0"] == 4
    finally:
        runner.close()

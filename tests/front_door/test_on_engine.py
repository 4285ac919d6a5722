"""A front door for real: its stack on the engine, copies that come, go and die, every request counted."""

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from autoscaler.act.environment import pulumi
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.stack_config import read
from autoscaler.burst import front_steering
from autoscaler.burst.front_door import FrontDoor, FrontState, stack_of
from console.demonstration import prepare
from console.front_door import APPLICATION, FRONT, await_serving, free_port, sweep
from tests.steady_load import SteadyLoad
from tests.waiting import until
from toolchain import engine
from toolchain.progress import Progress

pytestmark = pytest.mark.engine

NAME = f"t{os.getpid()}"
RATE = 100
READY_SECONDS = 240.0
ORIGIN = """
global
    maxconn 2000
defaults
    mode http
    timeout connect 1s
    timeout client 60s
    timeout server 60s
frontend all
    bind :8080 backlog 16
    http-request return status 200 hdr X-Member {name} content-type text/plain string "{name}"
"""


@dataclass
class Origins:
    """Copies: containers of one network that answer with their name."""

    client: Any
    image: str
    folder: Path
    network: Any = None
    made: dict[str, Any] = field(default_factory=dict)

    def make(self, name: str) -> list[tuple[str, int]]:
        path = self.folder / f"{name}.cfg"
        path.write_text(ORIGIN.format(name=name))
        path.chmod(0o644)
        self.made[name] = self.client.containers.run(
            self.image,
            ["haproxy", "-db", "-f", "/etc/origin.cfg"],
            entrypoint="",
            name=f"{NAME}-{name}",
            network=self.network.name,
            volumes={str(path): {"bind": "/etc/origin.cfg", "mode": "ro"}},
            detach=True,
        )
        return self.address(name)

    def address(self, name: str) -> list[tuple[str, int]]:
        container = self.made[name]

        def known() -> str | None:
            container.reload()
            found: str = container.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]
            return found or None

        return [(until(known, f"{name} has an address"), 8080)]

    def close(self) -> None:
        for container in self.made.values():
            container.remove(force=True)
        if self.network is not None:
            self.network.remove()


@dataclass
class Made:
    """The stack of the door, and the door."""

    cli: Pulumi
    client: Any

    @property
    def stack(self) -> str:
        return stack_of(NAME)

    @property
    def door(self) -> FrontDoor:
        found = FrontDoor.of(self.cli, NAME)
        assert found is not None
        return found

    def container(self) -> Any:
        (found,) = self.client.containers.list(filters={"label": f"altostratus.front={NAME}"})
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A door made by Pulumi, in a home of the test's own; nothing of it is left."""
    import docker

    patch = pytest.MonkeyPatch()
    patch.setenv("ALTO_HOME", str(tmp_path_factory.mktemp("home")))
    # A door on a busy machine is no door that is away.
    patch.setattr(front_steering, "ANSWER_SECONDS", 20.0)
    patch.setattr(front_steering, "IN_FORCE_SECONDS", 30.0)
    with Progress("", quiet=True) as progress:
        prepare(progress)
    cli = pulumi()
    client = docker.DockerClient(base_url=engine.ensure().host, timeout=600)
    found = Made(cli, client)
    port = free_port({})
    try:
        cli.init(found.stack)
        settings = {"port": port, "statePort": free_port({port})}
        cli.configure(found.stack, {APPLICATION: NAME, FRONT: settings})
        cli.up(found.stack)
        yield found
        folder = Path(cli.outputs(found.stack)["folder"])
        cli.destroy(found.stack)
        assert not folder.exists()
        assert not client.containers.list(all=True, filters={"label": f"altostratus.front={NAME}"})
    finally:
        sweep(cli, NAME)
        for container in client.containers.list(all=True, filters={"label": f"altostratus.front={NAME}"}):
            container.remove(force=True)
        cli.remove(found.stack, force=True)
        client.close()
        patch.undo()


@pytest.fixture
def origins(made: Made, tmp_path: Path) -> Iterator[Origins]:
    image = made.container().attrs["Config"]["Image"]
    found = Origins(made.client, image, tmp_path)
    found.network = made.client.networks.create(f"{NAME}-copies", driver="bridge")
    try:
        yield found
    finally:
        found.close()


def shares(state: FrontState) -> dict[str, float]:
    return {name: round(each.share, 2) for name, each in state.clouds.items()}


def weights_of(state: FrontState) -> dict[str, int]:
    return {name: each.weight for name, each in state.clouds.items()}


def counted_since(load: SteadyLoad, names: Sequence[str], least: int = 2 * RATE) -> dict[str, int]:
    """How many answers each gave from now on, over the next `least`."""
    before, sofar = dict(load.seen.by_member), load.answered()
    until(lambda: load.answered() >= sofar + least, f"{least} more answers")
    return {name: load.seen.by_member[name] - before.get(name, 0) for name in names}


def settle(load: SteadyLoad) -> None:
    """Until requests that were under way when something changed are over, and some more are sent."""
    sent = load.seen.sent
    until(lambda: load.oldest() > sent + 20, "a few more answers")


def stands_still(load: SteadyLoad) -> dict[str, int]:
    """How many answers each has given, once for a while nobody gives any more."""
    looks = [-1]

    def still() -> bool:
        looks.append(load.answered())
        return len(looks) > 5 and len(set(looks[-5:])) == 1

    until(still, "no more answers")
    return dict(load.seen.by_member)


def test_no_request_fails_while_copies_come_and_go_and_the_door_itself_is_made_anew(
    made: Made, origins: Origins
) -> None:
    one, two, three = (origins.make(name) for name in ("one", "two", "three"))
    door = made.door
    door.put({"one": one, "two": two})
    await_serving(door, READY_SECONDS)
    with SteadyLoad(list(door.urls), RATE) as load:
        assert counted_since(load, ["one", "two"])["two"] == 0, "a newcomer has no weight"
        door.share({"one": 50, "two": 50})
        until(lambda: shares(door.state()) == {"one": 0.5, "two": 0.5}, "they share")
        settle(load)
        halves = counted_since(load, ["one", "two"], 4 * RATE)
        assert min(halves.values()) > 0.35 * sum(halves.values()), halves
        door.share({"one": 95, "two": 5})
        settle(load)
        few = counted_since(load, ["one", "two"], 4 * RATE)
        assert 0 < few["two"] < 0.2 * sum(few.values()), few

        door.put({"one": one, "two": two, "three": three})
        door.share({"one": 10, "two": 45, "three": 45})
        settle(load)
        assert counted_since(load, ["three"])["three"] > 0
        door.put({"one": one, "three": three})
        settle(load)
        assert counted_since(load, ["two"])["two"] == 0, "who is out gets nothing new"

        weights = {"one": 10, "three": 45}
        until(lambda: weights_of(door.state()) == weights, "the weights are those of the two")
        before = made.container().id
        urn = next(
            each["urn"]
            for each in made.cli.deployment(made.stack)["resources"]
            if each["type"] == "docker:index/container:Container"
        )
        made.cli.up(made.stack, f"--replace={urn}")
        assert made.container().id != before
        again = await_serving(made.door, READY_SECONDS)
        assert weights_of(again) == weights
        settle(load)
    assert load.seen.failed == []
    assert load.answered() == load.seen.sent


def test_requests_that_are_held_wait_and_go_where_the_share_went_meanwhile(
    made: Made, origins: Origins
) -> None:
    one, two = origins.make("one"), origins.make("two")
    door = made.door
    door.put({"one": one, "two": two})
    door.share({"one": 100, "two": 0})
    await_serving(door, READY_SECONDS)
    with SteadyLoad(list(door.urls), RATE) as load:
        settle(load)
        assert door.hold(["one", "two"])
        until(lambda: door.state().clouds["one"].queued > RATE // 4, "requests to wait", 20)
        until(lambda: sum(each.in_flight for each in door.state().clouds.values()) == 0, "nothing in flight")
        before = stands_still(load)
        door.share({"one": 0, "two": 100})
        door.hold(["one"])
        settle(load)
        assert counted_since(load, ["two"])["two"] > 0
        assert load.seen.by_member["one"] == before["one"], "nobody went back"
        until(lambda: door.state().clouds["one"].queued == 0, "nobody waits there")
    door.hold([])
    assert load.seen.failed == []
    assert load.answered() == load.seen.sent


def test_a_dead_copy_takes_its_share_with_it_and_gets_it_again(made: Made, origins: Origins) -> None:
    one, two = origins.make("one"), origins.make("two")
    door = made.door
    door.put({"one": one, "two": two})
    door.share({"one": 50, "two": 50})
    await_serving(door, READY_SECONDS)
    with SteadyLoad(list(door.urls), RATE) as load:
        counted_since(load, ["two"])
        died, sent, on_the_way = time.monotonic(), load.seen.sent, load.seen.in_flight
        origins.made["two"].kill("SIGKILL")
        # A busy engine takes its time to kill.
        dead = time.monotonic()
        until(lambda: shares(door.state()) == {"one": 1.0, "two": 0.0}, "its share is gone", 20)
        gone, asked = time.monotonic(), load.seen.sent - sent
        until(lambda: not door.state().clouds["two"].serving, "it does not serve")
        settle(load)
        assert counted_since(load, ["one", "two"])["two"] == 0
        failed = len(load.seen.failures) + sum(n for code, n in load.seen.answered.items() if code >= 400)
    # What was on its way to it is lost at most; all that could be were tried at the other one.
    assert failed <= on_the_way + 0.05 * asked, (load.seen.failed, on_the_way, asked)
    words = f"{gone - died:.1f} s after it was killed, {gone - dead:.1f} s after the engine said so"
    print(f"a dead copy's share was gone {words}; {failed} of {asked} requests failed")
    origins.made["two"].start()
    assert origins.address("two") == two, "the engine gave it another address"
    until(lambda: shares(door.state()) == {"one": 0.5, "two": 0.5}, "it has its share again", 20)


def test_requests_wait_for_the_only_copy_while_it_takes_no_connections(made: Made, origins: Origins) -> None:
    door = made.door
    door.put({"one": origins.make("one")})
    await_serving(door, READY_SECONDS)
    with SteadyLoad(list(door.urls), RATE) as load:
        counted_since(load, ["one"])
        # As a machine that has more to do than it can: what comes fills its backlog, and then is dropped.
        origins.made["one"].pause()
        until(lambda: not door.state().clouds["one"].serving, "its silence is noticed", 20)
        waiting = load.seen.sent - load.answered()
        origins.made["one"].unpause()
        until(lambda: door.state().clouds["one"].serving, "it is back", 20)
        settle(load)
    assert waiting > RATE / 4
    assert load.seen.failed == []


def test_weights_outlive_the_container_and_its_engine(made: Made, origins: Origins) -> None:
    door = made.door
    door.put({"one": origins.make("one"), "two": origins.make("two")})
    door.share({"one": 30, "two": 70})
    container = made.container()
    # As when its engine or its machine goes down: nothing is put in order.
    container.kill("SIGKILL")
    container.start()
    await_serving(door, READY_SECONDS)
    until(lambda: shares(door.state()) == {"one": 0.3, "two": 0.7}, "the weights are as before")
    with SteadyLoad(list(door.urls), RATE) as load:
        counted_since(load, ["one"])
    assert load.seen.failed == []


def test_an_update_of_the_stack_changes_the_door_under_load_and_keeps_its_weights(
    made: Made, origins: Origins
) -> None:
    door = made.door
    door.put({"one": origins.make("one"), "two": origins.make("two")})
    door.share({"one": 20, "two": 80})
    await_serving(door, READY_SECONDS)
    before = made.container().id
    with SteadyLoad(list(door.urls), RATE) as load:
        kept = read(made.cli.config_path(made.stack))[FRONT]
        made.cli.configure(made.stack, {FRONT: {**kept, "healthPath": "/"}})
        made.cli.up(made.stack)
        settle(load)
        until(lambda: shares(door.state()) == {"one": 0.2, "two": 0.8}, "the weights are as before")
    assert made.container().id == before, "files are followed"
    assert load.seen.failed == []

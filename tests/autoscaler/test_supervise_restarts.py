"""A restart carried out, killed at every step, in vain, and put off: with a cluster of paper."""

import threading
from collections.abc import Iterator

import pytest

from autoscaler.act.update_errors import UpdateError
from autoscaler.observe.members import SeenCluster
from autoscaler.supervise.restarter import Interrupted, Restarter, RestartFailed, start_seconds
from autoscaler.supervise.updates import Become
from blueprints.scale import RestartState, ScaleState
from policies.termination import Restart, restart
from tests.autoscaler.supervising import everything, member, nest

PLAN = nest()
C3, C4, C2, C1 = "g4.1/g3.1/g1.1/c3", "g4.1/g3.1/g1.1/c4", "g4.1/g3.1/c2", "g4.1/c1"
RESTART: Restart = restart(PLAN, C3)


class Killed(BaseException):
    """The supervisor ends here without another word."""


class World:
    """A config and a cluster. Each edit and each update is one step; `kill_at` ends the supervisor at one."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.scale = ScaleState()
        self.running = set(PLAN.clusters)
        self.history: list[str] = []
        self.kill_at = kill_at
        self.steps = 0
        self.time, self.tick = 0.0, 1.0
        self.refuses: set[str] = set()
        self.crashing: set[str] = set()

    def _step(self) -> None:
        self.steps += 1
        if self.steps == self.kill_at:
            raise Killed

    def note(self, stack: str, become: Become) -> None:
        self._step()
        self.scale = become(self.scale)

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        self.note(stack, become)
        self._step()
        for stage in PLAN.stages:
            for id in stage:
                if id in self.scale.stopped:
                    self._end(id)
                elif id not in self.running:
                    if id in self.refuses:
                        assert give_up.wait(120), "an update that is in vain must be given up"
                        raise UpdateError("given up")
                    self.running.add(id)
                    self.history.append(f"start {id}")
        self._step()

    def _end(self, id: str) -> None:
        if id in self.running:
            self.running.discard(id)
            self.history.append(f"end {id}")

    def look(self) -> dict[str, SeenCluster]:
        seen = everything(PLAN, {id: int(id in self.running) for id in PLAN.clusters})
        for id, cluster in PLAN.clusters.items():
            if id in self.scale.stopped:
                seen[cluster.name] = SeenCluster(cluster.name, 0)
            elif id in self.crashing:
                looping = member("looping", ready=False, crashing=True)
                seen[cluster.name] = SeenCluster(cluster.name, 1, (looping,))
        return seen

    def clock(self) -> float:
        self.time += self.tick
        return self.time

    def restarter(self, stopped: threading.Event | None = None) -> Restarter:
        return Restarter(
            "app-nest",
            PLAN,
            self,
            self.look,
            lambda _: None,
            stopped or threading.Event(),
            clock=self.clock,
            pause=lambda _: None,
        )


IN_ORDER = [f"end {C2}", f"end {C4}", f"end {C3}", f"start {C3}", f"start {C4}", f"start {C2}"]


def test_dependents_end_first_and_what_they_wait_for_starts_first() -> None:
    world = World()
    world.restarter().begin(RESTART)
    assert world.history == IN_ORDER, "c1 is untouched"
    assert world.scale.restart is None
    assert world.scale.generation > 0


def kills() -> Iterator[int]:
    world = World()
    world.restarter().begin(RESTART)
    yield from range(1, world.steps + 1)


@pytest.mark.parametrize("step", list(kills()))
def test_killed_at_any_step_the_next_supervisor_brings_all_back_in_order(step: int) -> None:
    world = World(kill_at=step)
    with pytest.raises(Killed):
        world.restarter().begin(RESTART)
    left = world.scale.restart
    if left is None:
        assert world.running == set(PLAN.clusters), "nothing may stay ended without a note in the config"
        return
    world.restarter().go_on(RESTART, left)
    assert world.running == set(PLAN.clusters)
    assert world.scale.restart is None
    assert [each for each in IN_ORDER if each in world.history] == IN_ORDER
    assert not any(C1 in each for each in world.history)


def test_a_member_in_a_crash_loop_ends_the_attempt_at_once_and_the_note_stays() -> None:
    world = World()
    world.refuses, world.crashing = {C3}, {C3}
    with pytest.raises(RestartFailed, match="looping"):
        world.restarter().begin(RESTART)
    assert world.scale.restart == RestartState(failed=(C3,))


def test_a_start_without_progress_ends_after_the_time_a_member_may_take() -> None:
    world = World()
    world.refuses, world.tick = {C3}, 100.0
    with pytest.raises(RestartFailed) as failed:
        world.restarter().begin(RESTART)
    assert C3 in str(failed.value)
    assert f"after {start_seconds(PLAN.clusters[C3]):.0f} s" in str(failed.value)


def test_asked_to_end_it_leaves_the_note_and_takes_no_further_step() -> None:
    world, stopped = World(), threading.Event()
    stopped.set()
    with pytest.raises(Interrupted):
        world.restarter(stopped).begin(RESTART)
    assert world.history == []

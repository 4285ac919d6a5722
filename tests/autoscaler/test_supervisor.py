"""The supervisor around decisions and restarts: what it asks before it acts, counts, keeps and tells."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from autoscaler.act.update_errors import StackConflict, UpdateError
from autoscaler.observe.members import Copy, SeenCluster
from autoscaler.supervise import memory as memories
from autoscaler.supervise import supervisor as module
from autoscaler.supervise.memory import Memory
from autoscaler.supervise.supervised import Reading, Unreadable
from autoscaler.supervise.supervisor import Supervisor
from autoscaler.supervise.updates import Become
from blueprints.scale import ScaleState
from tests.autoscaler.supervising import NOW, everything, nest

STACK = "app-nest"
C3 = "g4.1/g3.1/g1.1/c3"
PLAN = nest()


class Cloud:
    """A watch of paper; `down` clusters have no ready member. What is asked may differ from what is seen."""

    def __init__(self) -> None:
        self.down: tuple[str, ...] = (C3,)
        self.down_when_asked: tuple[str, ...] | None = None
        self.stopped: frozenset[str] = frozenset()

    def seen(self, copy: Copy) -> Mapping[str, SeenCluster]:
        return self._all(self.down)

    def ask(self, copy: Copy) -> Mapping[str, SeenCluster]:
        return self._all(self.down if self.down_when_asked is None else self.down_when_asked)

    def _all(self, down: tuple[str, ...]) -> Mapping[str, SeenCluster]:
        seen = everything(PLAN, dict.fromkeys(down, 0))
        return seen | {PLAN.clusters[id].name: SeenCluster(PLAN.clusters[id].name, 0) for id in self.stopped}


class Application:
    """What the supervisor reads and edits."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.scale = ScaleState()
        self.fails: Exception | None = None
        self.unreadable = ""
        self.edits: list[str] = []

    def read(self) -> Reading:
        if self.unreadable:
            raise Unreadable(self.unreadable)
        return Reading("local", PLAN, self.scale.restart, "")

    def updating(self) -> str:
        return ""

    def note(self, stack: str, become: Become) -> None:
        self.scale = become(self.scale)

    def apply(self, stack: str, become: Become, reason: str, give_up: threading.Event) -> None:
        if self.fails is not None:
            raise self.fails
        self.note(stack, become)
        self.edits.append(reason)
        self.cloud.stopped = self.scale.stopped
        self.cloud.down = ()


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def application(cloud: Cloud) -> Application:
    return Application(cloud)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(
    application: Application,
    cloud: Cloud,
    clock: Clock,
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Supervisor:
    monkeypatch.setattr(module.Clouds, "watch", lambda self, name: cloud)
    return Supervisor(
        find=lambda: [STACK],
        supervised=lambda stack: application,  # type: ignore[arg-type,return-value]
        updates=application,
        kubeconfig=lambda name: None,
        folder=tmp_path,
        tell=lambda stack, text: told.append(text),
        now=clock,
    )


def settle(supervisor: Supervisor) -> None:
    """Let what was begun end."""
    for each in supervisor._applications.values():
        if each.busy is not None:
            each.busy.result(120)


def after_grace(supervisor: Supervisor, clock: Clock) -> None:
    supervisor.look()
    clock.now += 61
    supervisor.look()
    settle(supervisor)


def test_a_failed_cluster_is_restarted_after_its_grace(
    supervisor: Supervisor, application: Application, clock: Clock, tmp_path: Path
) -> None:
    after_grace(supervisor, clock)
    assert [each.rpartition(": ")[2] for each in application.edits] == ["ending"] * 3 + ["starting"]
    assert application.scale.restart is None
    kept = memories.load(tmp_path / f"{STACK}.json")
    assert (kept.attempts, kept.trouble, kept.answered) == (1, "", (C3,))


@pytest.mark.parametrize("trouble", [UpdateError("the outputs cannot be read"), OSError(28, "full")])
def test_one_moments_trouble_ends_no_supervision(
    supervisor: Supervisor,
    application: Application,
    clock: Clock,
    told: list[str],
    monkeypatch: pytest.MonkeyPatch,
    trouble: Exception,
) -> None:
    def fails(*_: object) -> None:
        raise trouble

    for owner, name in ((application, "read"), (memories, "save")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, fails)
            supervisor.look()
        assert told[-1] == f"left alone: {trouble}"
        supervisor._applications[STACK].said = ""
    after_grace(supervisor, clock)
    assert application.edits


def test_what_the_watch_said_is_asked_for_once_more_before_anything_ends(
    supervisor: Supervisor, application: Application, cloud: Cloud, clock: Clock
) -> None:
    cloud.down_when_asked = ()
    after_grace(supervisor, clock)
    assert application.edits == []


def conflict() -> Exception:
    return StackConflict("somebody else updates it")


def failure() -> Exception:
    return UpdateError("no such image")


@pytest.mark.parametrize(("error", "attempts"), [(conflict, 0), (failure, 1)])
def test_a_conflict_is_no_failure_and_a_failure_is_counted_and_told(
    supervisor: Supervisor,
    application: Application,
    clock: Clock,
    told: list[str],
    error: Callable[[], Exception],
    attempts: int,
) -> None:
    application.fails = error()
    after_grace(supervisor, clock)
    memory: Memory = supervisor._applications[STACK].memory
    assert memory.attempts == attempts
    assert memory.trouble == (str(application.fails) if attempts else "")
    assert any(str(application.fails) in each for each in told)


def test_documents_that_cannot_be_read_leave_the_application_alone_and_are_told_once(
    supervisor: Supervisor, application: Application, clock: Clock, told: list[str]
) -> None:
    application.unreadable = "its documents cannot be used: no such cartridge"
    after_grace(supervisor, clock)
    assert application.edits == []
    assert told == [f"left alone: {application.unreadable}"]


def test_an_application_that_is_gone_is_forgotten(
    supervisor: Supervisor, clock: Clock, tmp_path: Path
) -> None:
    after_grace(supervisor, clock)
    assert (tmp_path / f"{STACK}.json").exists()
    supervisor._find = list
    supervisor.look()
    assert not (tmp_path / f"{STACK}.json").exists()


def test_one_pass_says_whether_all_is_well(
    supervisor: Supervisor, application: Application, clock: Clock
) -> None:
    supervisor.look()
    clock.now += 61
    application.fails = failure()
    assert supervisor.run_once() is False

"""A supervisor's restarts in the runner's queue: one update at a time, tried once, ended when told to."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.act.edits import ScaleEdit
from autoscaler.act.lease import FileLeases
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import NotOurs
from autoscaler.act.runner import Runner
from autoscaler.act.update_errors import UpdateError
from autoscaler.journal.journal import Journal
from autoscaler.supervise.updates import RunnerUpdates
from blueprints.scale import RestartState, ScaleState
from tests.act import light_project as light
from tests.act.light_project import STACK
from tests.act.test_runner import running
from tests.waiting import until

pytestmark = pytest.mark.engine
LIMIT = 300.0
HELD = RestartState(failed=("web",), stopped=("web",))


def held(scale: ScaleState) -> ScaleState:
    return scale.with_restart(HELD)


@pytest.fixture
def cli(tmp_path: Path) -> Pulumi:
    return light.make(tmp_path / "project")


@pytest.fixture
def runner(cli: Pulumi) -> Iterator[Runner]:
    with running(cli, Journal(cli.root / "journal.db")) as made:
        yield made


def test_a_restart_and_an_edit_take_turns_and_both_count(cli: Pulumi, runner: Runner) -> None:
    light.gate(cli)
    edit = runner.submit(ScaleEdit(STACK, light.scale(cli), "web is full", clusters={"web": 4}))
    until((cli.root / "gate" / "reached").exists, "the edit's update runs", LIMIT)
    restart = runner.become(STACK, held, "web failed")
    light.open_gate(cli)
    assert edit.result(LIMIT).kind == "applied"
    assert restart.result(LIMIT).kind == "applied"
    scale = light.scale(cli)
    assert (scale.clusters["web"], scale.restart) == (4, HELD)
    assert light.runs(cli) == 2


def test_what_is_given_up_ends_in_order_and_is_not_tried_again(cli: Pulumi, runner: Runner) -> None:
    light.gate(cli)
    given_up, errors = threading.Event(), []

    def restart() -> None:
        try:
            RunnerUpdates(cli, runner).apply(STACK, held, "web failed", given_up)
        except UpdateError as error:
            errors.append(error)

    thread = threading.Thread(target=restart)
    thread.start()
    until((cli.root / "gate" / "reached").exists, "its update runs", LIMIT)
    given_up.set()
    thread.join(LIMIT)
    assert len(errors) == 1
    assert light.scale(cli).restart == HELD, "who comes after has to see how far it was"
    assert not list((cli.state / ".pulumi" / "locks").rglob("*.json"))
    until(lambda: runner.states()[STACK].health == "idle", "all is done", LIMIT)
    cli.configure(STACK, {"altostratus:gate": None})
    edit = ScaleEdit(STACK, light.scale(cli), "web is full", clusters={"web": 3})
    assert runner.submit(edit).result(LIMIT).kind == "applied"
    assert light.runs(cli) == 2


def test_what_still_waits_in_the_queue_is_taken_out_of_it(cli: Pulumi, runner: Runner) -> None:
    light.gate(cli)
    edit = runner.submit(ScaleEdit(STACK, light.scale(cli), "web is full", clusters={"web": 4}))
    until((cli.root / "gate" / "reached").exists, "the edit's update runs", LIMIT)
    ticket = runner.become(STACK, held, "web failed")
    runner.withdraw(ticket)
    assert ticket.done()
    light.open_gate(cli)
    edit.result(LIMIT)
    assert light.scale(cli).restart is None


def test_another_autoscalers_stack_is_left_to_it(cli: Pulumi, runner: Runner) -> None:
    other = FileLeases(cli.root / "leases")
    other.hold(STACK)
    try:
        with pytest.raises(NotOurs):
            RunnerUpdates(cli, runner).apply(STACK, held, "web failed", threading.Event())
        assert light.scale(cli).restart is None
    finally:
        other.close()

"""The runner on the real CLI: what it writes and runs, and what becomes of every disturbance."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from autoscaler.act.edits import Outcome, ScaleEdit
from autoscaler.act.guards import everywhere
from autoscaler.act.lease import FileLeases
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import ConfigMissing, NotOurs, RunnerClosed, StaleScale
from autoscaler.act.runner import Runner, RunnerSettings
from autoscaler.act.stack_config import ConfigUnreadable
from autoscaler.act.update_errors import UpdateError
from autoscaler.journal.journal import Journal
from blueprints.scale import ScaleState
from tests.act import light_project as light
from tests.act.light_project import STACK
from tests.waiting import until
from toolchain import paths

pytestmark = pytest.mark.engine
LIMIT = 300.0  # seconds; a busy machine must not fail a test


class Desk:
    """A project and the runner on it."""

    def __init__(self, cli: Pulumi, clock: "Clock") -> None:
        self.cli = cli
        self.clock = clock
        self._exit = ExitStack()
        self.journal = Journal(cli.root / "journal.db", clock=clock)
        self.runner = self._exit.enter_context(running(cli, self.journal))

    def edit(self, reason: str = "web is full", **clusters: int) -> ScaleEdit:
        return ScaleEdit(STACK, light.scale(self.cli), reason, clusters=clusters)

    def scaled(self, **clusters: int) -> Outcome:
        return self.runner.submit(self.edit(**clusters)).result(LIMIT)

    def close(self) -> None:
        self._exit.close()


class Clock:
    """The wall clock as the journal sees it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@contextmanager
def running(cli: Pulumi, journal: Journal, **settings: float) -> Iterator[Runner]:
    runner = Runner(cli, journal, RunnerSettings(**settings), leases=FileLeases(cli.root / "leases"))
    runner.start()
    try:
        yield runner
    finally:
        runner.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(light.make(tmp_path / "project"), Clock())
    yield made
    made.close()


def test_an_edit_is_written_applied_and_told_and_the_same_again_starts_nothing(desk: Desk) -> None:
    before = desk.cli.config_path(STACK).read_text()
    outcome = desk.scaled(web=4)
    assert (outcome.kind, outcome.generation) == ("applied", 4)
    assert light.members(desk.cli) == {"web": 4, "db": 1}
    text = desk.cli.config_path(STACK).read_text()
    assert text.split("  altostratus:scale:")[0] == before.split("  altostratus:scale:")[0]
    assert text.split("  # below")[1] == before.split("  # below")[1]
    ran = light.runs(desk.cli)
    assert desk.scaled(web=4).kind == "unchanged"
    assert light.runs(desk.cli) == ran, "an edit that changes nothing ran the program"
    rows = desk.journal.edits(STACK)
    assert [(row.outcome, row.reason) for row in rows] == [
        ("unchanged", "web is full"),
        ("applied", "web is full"),
    ]
    assert "autoscaler: web is full" in "".join(
        path.read_text() for path in desk.cli.state.glob(".pulumi/history/**/*.history.json")
    )


def test_edits_that_come_together_are_one_write_and_one_update(tmp_path: Path) -> None:
    cli = light.make(tmp_path / "project")
    seen, journal = light.scale(cli), Journal(cli.root / "journal.db")
    # Long enough that on a busy machine, too, all three have come before the first is written.
    with running(cli, journal, idle=5.0, longest=60.0) as runner:
        tickets = [
            runner.submit(ScaleEdit(STACK, seen, f"reason {n}", clusters={name: count}))
            for n, (name, count) in enumerate([("web", 5), ("db", 2), ("web", 6)])
        ]
        kinds = [ticket.result(LIMIT).kind for ticket in tickets]
    assert kinds == ["superseded", "applied", "applied"]
    assert light.scale(cli) == ScaleState(clusters={"web": 6, "db": 2}, generation=4)
    assert len(journal.updates(STACK)) == 1


def test_edits_can_be_awaited(desk: Desk) -> None:
    async def main() -> Outcome:
        return await desk.runner.submit(desk.edit(web=3))

    assert asyncio.run(asyncio.wait_for(main(), LIMIT)).kind == "applied"


def test_a_decision_on_an_older_scale_is_not_written(desk: Desk) -> None:
    late = desk.edit(web=9)
    desk.scaled(db=2)
    with pytest.raises(StaleScale) as refused:
        desk.runner.submit(late).result(LIMIT)
    assert (
        refused.value.current
        == light.scale(desk.cli)
        == ScaleState(clusters={"web": 2, "db": 2}, generation=4)
    )


def test_a_persons_own_edit_of_the_scale_wins_over_a_decision_without_it(desk: Desk) -> None:
    late = desk.edit(web=9)
    by_hand = desk.cli.config_path(STACK).read_text().replace("web: 2", "web: 7")
    desk.cli.config_path(STACK).write_text(by_hand)
    with pytest.raises(StaleScale):
        desk.runner.submit(late).result(LIMIT)
    assert desk.runner.apply(STACK, "a person set the scale").result(LIMIT).kind == "applied"
    assert light.members(desk.cli)["web"] == 7
    assert desk.cli.config_path(STACK).read_text() == by_hand


def test_a_persons_update_is_waited_for(desk: Desk) -> None:
    light.gate(desk.cli)
    person = light.persons_up(desk.cli)
    try:
        until((desk.cli.root / "gate" / "reached").exists, "the person's program runs", LIMIT)
        ticket = desk.runner.submit(desk.edit(web=4))
        until(lambda: desk.runner.states()[STACK].health == "retrying", "the runner waits", LIMIT)
        until(lambda: f"process {person.pid}" in ticket.note, "it says for whom", LIMIT)
        assert not ticket.done()
        light.open_gate(desk.cli)
        assert person.wait(LIMIT) == 0
        assert ticket.result(LIMIT).kind == "applied"
    finally:
        if person.poll() is None:
            os.killpg(person.pid, signal.SIGKILL)
        person.communicate()
    assert light.members(desk.cli) == {"web": 4, "db": 1}


def test_a_config_file_that_is_gone_or_broken_stops_only_what_needs_it(desk: Desk) -> None:
    path = desk.cli.config_path(STACK)
    text, edit = path.read_text(), desk.edit(web=4)
    path.unlink()
    with pytest.raises(ConfigMissing, match="is gone"):
        desk.runner.submit(edit).result(LIMIT)
    assert not path.exists(), "a config without the people's keys was begun"
    path.write_text("config: [\n")
    with pytest.raises(ConfigUnreadable):
        desk.runner.submit(edit).result(LIMIT)
    path.write_text(text)
    assert desk.runner.submit(edit).result(LIMIT).kind == "applied"


def test_a_config_that_is_edited_or_deleted_in_the_middle_of_an_update(desk: Desk) -> None:
    folder, path = light.gate(desk.cli), desk.cli.config_path(STACK)
    first = desk.runner.submit(desk.edit(web=4))
    until((folder / "reached").exists, "the update's program runs", LIMIT)
    during = path.read_text().replace("web: 4", "web: 6")
    path.unlink()
    with (folder / "pipe").open("w"):
        pass
    assert first.result(LIMIT).kind == "applied"
    assert not path.exists(), "whoever deleted it is the one to bring it back"
    late = ScaleEdit(STACK, ScaleState.parse({"clusters": {"web": 4, "db": 1}, "generation": 4}), "more")
    with pytest.raises(ConfigMissing):
        desk.runner.submit(late).result(LIMIT)
    path.write_text(during.replace(f"  altostratus:gate: {folder}\n", ""))
    assert desk.runner.apply(STACK, "a person set the scale").result(LIMIT).kind == "applied"
    assert light.members(desk.cli) == {"web": 6, "db": 1}


def test_two_people_and_the_autoscaler_at_once_end_with_what_the_config_says(desk: Desk) -> None:
    for count in (3, 6):
        people = [light.persons_up(desk.cli) for _ in range(2)]
        ticket = desk.runner.submit(desk.edit(web=count))
        for each in people:
            said, _ = each.communicate(timeout=LIMIT)
            assert each.returncode == 0 or "locked" in said or "[409]" in said, said
        assert ticket.result(LIMIT).kind == "applied"
        assert light.scale(desk.cli).clusters["web"] == count
    desk.runner.apply(STACK, "a person's last update may have begun on the scale before").result(LIMIT)
    assert light.members(desk.cli) == {"web": 6, "db": 1}
    assert [row.outcome for row in desk.journal.edits(STACK)] == ["applied"] * 2
    assert not list(desk.cli.state.glob(".pulumi/locks/**/*.json"))


def test_a_stack_that_was_removed_is_left_alone(desk: Desk) -> None:
    desk.scaled(web=3)
    edit = desk.edit(web=4)
    state = desk.cli.state_path(STACK)
    state.rename(state.with_name("elsewhere"))
    ran = light.runs(desk.cli)
    with pytest.raises(ConfigMissing, match="no such stack"):
        desk.runner.submit(edit).result(LIMIT)
    with pytest.raises(ConfigMissing, match="no such stack"):
        desk.runner.apply(STACK, "a person changed the documents").result(LIMIT)
    assert not state.exists()
    assert light.runs(desk.cli) == ran


def test_a_failing_program_ends_the_ticket_and_the_update_stays_owed(desk: Desk) -> None:
    desk.cli.configure(STACK, {"altostratus:closed": "true"})
    with pytest.raises(UpdateError, match="the shop is closed"):
        desk.scaled(web=4)
    assert light.scale(desk.cli).clusters["web"] == 4
    until(lambda: desk.runner.states()[STACK].health in {"retrying", "updating"}, "it tries again", LIMIT)
    assert "closed" in desk.runner.states()[STACK].trouble
    desk.cli.configure(STACK, {"altostratus:closed": None})
    desk.runner.apply(STACK, "the shop is open again").result(LIMIT)
    assert light.members(desk.cli)["web"] == 4
    until(lambda: desk.runner.states()[STACK].health == "idle", "all is done", LIMIT)


def test_pending_operations_are_cleared_first(desk: Desk) -> None:
    desk.scaled(web=1)
    file = desk.cli.state_path(STACK)
    urn = f"urn:pulumi:{STACK}::altostratus::test:index:Member::web-9"
    resource = {"urn": urn, "custom": False, "type": "test:index:Member"}
    state = json.loads(file.read_text())
    state["checkpoint"]["latest"]["pending_operations"] = [{"resource": resource, "type": "creating"}]
    file.write_text(json.dumps(state))
    assert desk.scaled(web=3).kind == "applied"
    assert not desk.cli.deployment(STACK).get("pending_operations")


def test_a_second_autoscaler_touches_nothing_until_the_first_ends(desk: Desk) -> None:
    desk.scaled(web=3)
    journal = Journal(desk.cli.root / "second.db")
    with running(desk.cli, journal) as second:
        with pytest.raises(NotOurs, match=f"process {os.getpid()}"):
            second.submit(desk.edit(web=9)).result(LIMIT)
        until(lambda: second.states()[STACK].health == "elsewhere", "it stands back", LIMIT)
        assert light.scale(desk.cli).clusters["web"] == 3
        desk.runner.close()
        assert second.submit(desk.edit(web=5)).result(LIMIT).kind == "applied"


def test_an_update_ends_in_order_when_its_lease_is_lost(desk: Desk) -> None:
    folder = light.gate(desk.cli)
    ticket = desk.runner.submit(desk.edit(web=4))
    until((folder / "reached").exists, "the update's program runs", LIMIT)
    (desk.cli.root / "leases" / f"{STACK}.lease").unlink()
    with pytest.raises(NotOurs, match="the lease was lost"):
        ticket.result(LIMIT)
    assert not list(desk.cli.state.glob(".pulumi/locks/**/*.json"))
    assert light.members(desk.cli) == {}


def test_a_clock_that_jumps_changes_nothing(desk: Desk) -> None:
    for count, jump in ((3, 86_400 * 365.0), (4, -86_400 * 730.0), (5, 3_600.0)):
        desk.clock.now += jump
        assert desk.scaled(web=count).kind == "applied"
    assert [row.scale["generation"] for row in desk.journal.updates(STACK)] == [6, 5, 4]


def test_closing_interrupts_in_order_and_the_next_start_goes_on(desk: Desk) -> None:
    light.gate(desk.cli)
    ticket = desk.runner.submit(desk.edit(web=4))
    until((desk.cli.root / "gate" / "reached").exists, "the update's program runs", LIMIT)
    desk.runner.close(patience=0.1)
    with pytest.raises(RunnerClosed):
        ticket.result(LIMIT)
    assert light.members(desk.cli) == {}
    assert not list(desk.cli.state.glob(".pulumi/locks/**/*.json"))
    desk.cli.configure(STACK, {"altostratus:gate": None})
    with running(desk.cli, desk.journal) as again:
        until(lambda: light.members(desk.cli) == {"web": 4, "db": 1}, "the next start goes on", LIMIT)
        until(lambda: again.states()[STACK].health == "idle", "all is done", LIMIT)
    assert [row.outcome for row in desk.journal.edits(STACK)] == ["applied"]
    assert light.scale(desk.cli).generation == 4


def drive(folder: str) -> None:
    """An autoscaler in a process of its own: one edit, after the other, until it is killed."""
    cli = light.project(Path(folder))
    with running(cli, Journal(cli.root / "journal.db")) as runner:
        for count in itertools.count(3):
            edit = ScaleEdit(STACK, light.scale(cli), f"to {count}", clusters={"web": count})
            runner.submit(edit).result(LIMIT)
            print(count, flush=True)


def test_after_a_kill_in_an_update_the_next_start_finds_the_truth(tmp_path: Path) -> None:
    cli = light.make(tmp_path / "project")
    light.gate(cli)
    code = f"from tests.act.test_runner import drive; drive({str(cli.root)!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=paths.root())
    try:
        until((cli.root / "gate" / "reached").exists, "the update's program runs", LIMIT)
    finally:
        process.kill()
        process.wait()
    assert [row.stage for row in Journal(cli.root / "journal.db", read_only=True).open_edits()] == ["written"]
    cli.configure(STACK, {"altostratus:gate": None})
    with running(cli, Journal(cli.root / "journal.db")) as runner:
        until(lambda: light.members(cli) == {"web": 3, "db": 1}, "the killed update is done", LIMIT)
        until(lambda: runner.states()[STACK].health == "idle", "all is done", LIMIT)
    journal = Journal(cli.root / "journal.db", read_only=True)
    assert [row.outcome for row in journal.edits(STACK)] == ["applied"]
    assert [row.result for row in journal.updates(STACK)][-1] == "lost"
    assert light.scale(cli).generation == 4, "the edit was written once"


def test_policy_packs_are_asked_in_every_update(tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(
        f"runtime: {{name: python, options: {{virtualenv: {paths.root() / '.venv'}}}}}\nversion: 0.0.1\n"
    )
    (pack / "__main__.py").write_text(PACK)
    cli = light.make(tmp_path / "project")
    journal = Journal(cli.root / "journal.db")
    guarded = replace(cli, guards=everywhere([pack], environment={}))
    runner = Runner(guarded, journal, leases=FileLeases(cli.root / "leases"))
    runner.start()
    try:
        edit = ScaleEdit(STACK, light.scale(cli), "web is full", clusters={"web": 9})
        with pytest.raises(UpdateError, match="the ninth is one too many"):
            runner.submit(edit).result(LIMIT)
    finally:
        runner.close()


PACK = """\
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    if args.name == "web-8":
        report("the ninth is one too many")

PolicyPack("few", policies=[ResourceValidationPolicy(
    name="few", description="Few members.", validate=check, enforcement_level=EnforcementLevel.MANDATORY,
)])
"""

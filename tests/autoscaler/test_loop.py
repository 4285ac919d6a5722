"""The loop over real files: what a person changes counts at once, and all of it becomes one edit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoscaler.act.edits import Outcome, ScaleEdit, Ticket
from autoscaler.act.pulumi_cli import Pulumi
from autoscaler.act.refusals import StaleScale
from autoscaler.act.update_errors import UpdateError
from autoscaler.decide.policy import LOAD_AVERAGE
from autoscaler.journal.journal import Journal
from autoscaler.loop import memory as memories
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.confirming import Confirming
from autoscaler.loop.memory import Memory
from autoscaler.loop.settings import Settings, SettingsError, load
from autoscaler.loop.watched import Unreadable, Watched
from autoscaler.observe.board import Board
from autoscaler.observe.members import SeenCluster, SeenMember
from autoscaler.observe.source import Measurement, Place
from blueprints.scale import ScaleState

NOW = 1_700_000_000.0
PERIOD = 5.0
STACK = "app-shop"

SHOP = """
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, members: {min: 2, max: 8}, autoscaling: busy}
  - {alias: cache, cartridge: redis, members: {min: 1, max: 6}}
  - {alias: db, cartridge: mysql, members: {min: 1, max: 2}}
groups:
  - alias: search
    instances: {min: 1, max: 3}
    cartridges:
      - {alias: engine, cartridge: tomcat, members: {min: 1, max: 2}, autoscaling: busy}
scaling: [{members: [web, cache], ratio: 2:1}]
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: busy
thresholds: {loadAverage: 50}
"""


class Office:
    """Stands where the runner does: takes edits, and writes them when it is told to."""

    def __init__(self, cli: Pulumi) -> None:
        self.cli = cli
        self.edits: list[ScaleEdit] = []
        self.applied: list[tuple[str, str]] = []
        self.tickets: list[Ticket] = []

    def submit(self, edit: ScaleEdit) -> Ticket:
        self.edits.append(edit)
        return self._ticket(edit.stack)

    def apply(self, stack: str, reason: str) -> Ticket:
        self.applied.append((stack, reason))
        return self._ticket(stack)

    def _ticket(self, stack: str) -> Ticket:
        self.tickets.append(Ticket(len(self.tickets) + 1, stack))
        return self.tickets[-1]

    def write(self) -> ScaleState:
        """What the last edit makes of the config."""
        path = self.cli.config_path(STACK)
        config = yaml.safe_load(path.read_text())
        scale = self.edits[-1].onto(ScaleState.parse(config["config"].get("altostratus:scale")))
        config["config"]["altostratus:scale"] = scale.to_data()
        path.write_text(yaml.safe_dump(config))
        self.tickets[-1].succeed(Outcome("applied", scale.generation))
        return scale


class Shop:
    """One application over files in a folder, with members that are told."""

    def __init__(self, folder: Path) -> None:
        self.cli = Pulumi(folder, folder / "pulumi", folder / "state", folder / "logs", {})
        self.documents = folder / "shop.yaml"
        self.documents.write_text(SHOP)
        self.configure({})
        self.state({"web": 2, "cache": 1, "db": 1, "search.1/engine": 1})
        self.office = Office(self.cli)
        self.board = Board()
        self.loop = ApplicationLoop(Watched(self.cli, STACK), self.board, self.office)
        self.now = NOW
        self.gone: set[str] = set()

    def configure(self, scale: Mapping[str, Any], **more: Any) -> None:
        keys: dict[str, Any] = {"blueprint": "shop.yaml", "application": "shop", "cloud": "local", **more}
        if scale:
            keys["scale"] = dict(scale)
        path = self.cli.config_path(STACK)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump({"config": {f"altostratus:{k}": v for k, v in keys.items()}}))

    def scaled(self, **clusters: int) -> None:
        """The config asks for these members, and the last update has made them."""
        self.configure({"clusters": clusters, "groups": {}, "generation": 4})
        self.state({"web": 2, "cache": 1, "db": 1, "search.1/engine": 1, **clusters})

    def state(self, members: Mapping[str, int]) -> None:
        path = self.cli.state_path(STACK)
        path.parent.mkdir(parents=True, exist_ok=True)
        stack = {"type": "pulumi:pulumi:Stack", "urn": "urn", "outputs": {"members": dict(members)}}
        path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [stack]}}}))

    def edit(self, old: str, new: str) -> None:
        text = self.documents.read_text()
        assert old in text
        self.documents.write_text(text.replace(old, new))

    def seen(self, starting: int = 0) -> dict[str, SeenCluster]:
        """Everything that is asked for runs; of web, the last `starting` members do not start."""
        view = self.loop.view
        assert view is not None
        found = {}
        for cluster in view.plan.clusters.values():
            members = tuple(
                self._member(
                    f"{cluster.name}-{n}", not (cluster.id == "web" and n >= cluster.members - starting)
                )
                for n in range(cluster.members)
            )
            found[cluster.name] = SeenCluster(cluster.name, cluster.members, members)
        return found

    def _member(self, name: str, ready: bool) -> SeenMember:
        state = "Ready" if ready else "web: ImagePullBackOff"
        started = 3.0 if ready else None
        return SeenMember(name, "host1", ready, False, False, state, self.now - 20, started, cpu=1.0)

    def tick(self, loads: Mapping[str, float], starting: int = 0, cloud: bool = True) -> None:
        """One period; `loads` by cluster id is what its members share; clusters left out are silent."""
        self.now += PERIOD
        self.loop.read(self.now)
        if self.loop.view is None:
            return
        seen = self.seen(starting)
        for cluster in self.loop.view.plan.clusters.values():
            place = Place("local", self.loop.view.plan.namespace, "home", cluster.id)
            ready = [member.name for member in seen[cluster.name].members if member.ready]
            for name in ready if cluster.id in loads else ():
                each = loads[cluster.id] / len(ready)
                if name not in self.gone:
                    self.board.take(Measurement(place, LOAD_AVERAGE, name, each, self.now - 1, 4.0))
        self.loop.tick(self.now, PERIOD, seen if cloud else None)

    def run(self, loads: Mapping[str, float], ticks: int, **more: Any) -> None:
        for _ in range(ticks):
            self.tick(loads, **more)

    @property
    def kinds(self) -> list[str]:
        return [row.action for row in self.loop.notes.decisions]


ENGINE = {"search.1/engine": 30.0}
CALM = {"web": 60.0, **ENGINE}
# What two members of web carry at 90 % each, and four at 45 %.
BUSY = {"web": 180.0, **ENGINE}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_load_becomes_one_edit_for_all_that_it_touches(shop: Shop) -> None:
    shop.run(CALM, 3)
    assert not shop.office.edits
    shop.tick({"web": 700.0, "search.1/engine": 400.0})
    (edit,) = shop.office.edits
    # web by its load, cache by its ratio of 2:1, engine by its load, and its group as two fill one instance.
    assert edit.clusters["web"] > 3
    assert edit.clusters["cache"] == -(-edit.clusters["web"] // 2)
    assert edit.clusters["search/engine"] == 2
    assert edit.groups["search"] > 1
    assert f"web: Up from 2 to {edit.clusters['web']}: loadAverage is expected at" in edit.reason
    assert "cache follows web at 1:2." in edit.reason
    assert edit.seen == ScaleState()


def test_what_is_under_way_is_not_ordered_again(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.run(BUSY, 8)
    ordered = len(shop.office.edits)
    assert ordered
    shop.run(BUSY, 4)
    assert len(shop.office.edits) == ordered
    scale = shop.office.write()
    assert scale.clusters == {"web": 4, "cache": 2}
    shop.state({"db": 1, "search.1/engine": 1, **scale.clusters})
    shop.run(BUSY, 4)
    assert len(shop.office.edits) == ordered
    assert not shop.office.applied


def test_members_that_go_are_named_with_their_loads(shop: Shop) -> None:
    shop.scaled(web=6, cache=3)
    shop.run({"web": 12.0, **ENGINE}, 20)
    edit = shop.office.edits[0]
    assert edit.clusters["web"] < 6
    removal = next(each for each in edit.removals if each.labels["altostratus.dev/cluster"] == "web")
    assert removal.count == 6 - edit.clusters["web"]
    assert removal.loads == {f"web-{n}": 2.0 for n in range(6)}
    assert (removal.cloud, removal.namespace) == ("local", "app-shop")


def test_silence_holds_and_is_said(shop: Shop) -> None:
    shop.scaled(web=6, cache=3)
    shop.tick({"web": 270.0, **ENGINE})
    shop.run({}, 40)
    assert not shop.office.edits
    decision = shop.loop.verdict.decisions["web"] if shop.loop.verdict else None
    assert decision is not None
    assert decision.members == 6
    assert "missing:loadAverage" in decision.holds
    assert any("No fresh value of loadAverage" in row.reason for row in shop.loop.notes.decisions)


def test_one_silent_member_keeps_the_others_from_going(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 12)
    shop.gone = {"web-3"}
    shop.run(BUSY, 8)
    shop.run({"web": 20.0, **ENGINE}, 30)
    assert not shop.office.edits
    assert shop.loop.verdict is not None
    assert "nothing is known of web-3" in shop.loop.verdict.holds["web"]
    assert shop.loop.verdict.decisions["web"].reason.startswith("Keep 4: nothing is known of web-3")


def test_a_cloud_that_does_not_answer_holds_everything(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.run({"web": 4000.0}, 3, cloud=False)
    assert not shop.office.edits
    assert "does not answer" in shop.loop.problem
    assert shop.kinds.count("away") == 1
    shop.tick(CALM)
    assert not shop.loop.problem


def test_a_persons_new_minimum_counts_at_once(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 3, max: 8}")
    shop.run(CALM, 2)
    # The scale has no key for web, and cache follows by its ratio: one edit brings both.
    assert shop.office.edits[-1].clusters["cache"] == 2
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members >= 3


def test_a_persons_new_maximum_brings_the_scale_back_within_it(shop: Shop) -> None:
    shop.scaled(web=8, cache=4)
    shop.run({"web": 360.0, **ENGINE}, 2)
    shop.edit("members: {min: 2, max: 8}", "members: {min: 2, max: 5}")
    shop.tick({"web": 360.0, **ENGINE})
    edit = shop.office.edits[-1]
    assert edit.clusters["web"] == 5
    assert edit.seen.clusters["web"] == 8
    assert "web was 8, but its range is 2 to 5 now: 5." in edit.reason


def test_a_persons_scale_is_where_the_next_decision_begins(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 4)
    shop.configure({"clusters": {"web": 6, "db": 2, "cache": 3}, "groups": {}, "generation": 4})
    shop.run(BUSY, 50)
    assert shop.loop.view is not None
    assert shop.loop.view.clusters["web"].members == 6
    assert not shop.office.edits
    (applied,) = shop.office.applied
    assert "web 4 to 6" in applied[1]
    assert "db 1 to 2" in applied[1]
    assert shop.loop.verdict is not None
    assert "somebody set it to 6" in shop.loop.verdict.decisions["web"].reason
    shop.office.tickets[-1].succeed(Outcome("applied", 4))
    shop.state({"web": 6, "cache": 3, "db": 2, "search.1/engine": 1})
    shop.run(BUSY, 30)
    assert shop.office.edits[-1].clusters["web"] < 6, "then the policy counts again"


def test_what_only_people_scale_stays(shop: Shop) -> None:
    shop.scaled(db=2, web=2)
    shop.run({"web": 500.0, **ENGINE}, 2)
    assert "db" not in shop.office.edits[-1].clusters


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"autoscaling": {"paused": True}}, "paused"),
        ({"maintenance": True}, "in maintenance"),
    ],
)
def test_an_application_at_rest_is_explained_and_left_alone(
    shop: Shop, setting: dict[str, Any], words: str
) -> None:
    shop.configure({}, **setting)
    shop.run({"web": 900.0, "search.1/engine": 300.0}, 4)
    assert not shop.office.edits
    assert not shop.office.applied
    assert shop.loop.verdict is not None
    assert words in shop.loop.verdict.holds[""]
    assert shop.loop.verdict.decisions["web"].wants[LOAD_AVERAGE].target > 1


def test_a_pinned_cluster_stays_where_it_is_pinned(shop: Shop) -> None:
    shop.configure({}, autoscaling={"pinned": {"web": 3}})
    shop.tick({"web": 300.0, "search.1/engine": 30.0})
    assert shop.office.edits[-1].clusters["web"] == 3


def test_members_that_do_not_start_are_told_with_their_reason_and_no_more_are_ordered(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 15, starting=2)
    stalls = [row for row in shop.loop.notes.decisions if row.action == "stalled"]
    assert stalls
    assert "2 of 4 members are ready" in stalls[0].reason
    assert "web-2 and 1 more: web: ImagePullBackOff" in stalls[0].reason
    before = len(shop.office.edits)
    shop.tick({"web": 900.0, **ENGINE}, starting=2)
    assert len(shop.office.edits) == before
    assert shop.loop.verdict is not None
    assert "members are ready" in shop.loop.verdict.decisions["web"].reason
    shop.run(BUSY, 2)
    assert "confirmed" in shop.kinds


def test_a_decision_on_an_old_scale_is_made_again(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.tick({"web": 400.0, **ENGINE})
    shop.configure({"clusters": {"web": 3}, "groups": {}, "generation": 3})
    shop.office.tickets[-1].fail(StaleScale(STACK, ScaleState(), ScaleState(generation=3)))
    shop.run({"web": 400.0, **ENGINE}, 4)
    assert "stale" in shop.kinds
    assert shop.office.edits[-1].seen.generation == 3
    assert shop.office.edits[-1].clusters["web"] > 3


def test_an_update_that_failed_is_tried_again_after_a_pause(shop: Shop) -> None:
    shop.scaled(web=4, cache=2)
    shop.run(BUSY, 2)
    shop.configure({"clusters": {"web": 4, "cache": 2, "db": 2}, "groups": {}, "generation": 5})
    shop.run(BUSY, 2)
    assert len(shop.office.applied) == 1
    shop.office.tickets[-1].fail(UpdateError("pulumi up of app-shop: quota"))
    shop.run(BUSY, 2)
    assert len(shop.office.applied) == 1
    shop.run(BUSY, 4)
    assert len(shop.office.applied) == 2


def test_documents_with_faults_hold_and_are_told(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.edit("autoscaling: busy}\n  - {alias: cache", "autoscaling: buzy}\n  - {alias: cache")
    shop.tick({"web": 300.0})
    assert shop.loop.view is None
    assert "buzy" in shop.loop.problem
    assert not shop.office.edits
    shop.cli.config_path(STACK).unlink()
    with pytest.raises(Unreadable, match="is gone"):
        shop.loop.watched.read()


def test_scale_to_zero_and_back_by_what_waits(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.documents.write_text(
        """
apiVersion: altostratus/v1
kind: Application
name: shop
cartridges:
  - {alias: web, cartridge: php, members: {min: 0, max: 8}, autoscaling: lazy}
---
apiVersion: altostratus/v1
kind: AutoscalingPolicy
name: lazy
thresholds: {requestsInFlight: 4, loadAverage: 80}
scaleToZero: {after: 60s}
"""
    )
    shop.configure({"clusters": {"web": 1}, "groups": {}, "generation": 1})
    shop.state({"web": 1})
    place = Place("local", "app-shop", "home", "web")

    def run(ticks: int, waiting: float) -> None:
        for _ in range(ticks):
            for factor in ("requestsInFlight", "backlog", "requestRate"):
                shop.board.take(Measurement(place, factor, "", waiting, shop.now + PERIOD))
            shop.tick({"web": 0.0})

    run(20, 0.0)
    assert shop.office.edits[-1].clusters == {"web": 0}
    shop.office.write()
    shop.state({"web": 0})
    run(3, 0.0)
    run(1, 9.0)
    assert shop.office.edits[-1].clusters["web"] >= 1, "a queue at the balancer wakes it"


def test_an_update_that_waited_for_another_one_is_no_measure() -> None:
    confirming = Confirming()
    two, three = {"web": SeenCluster("web", 2)}, {"web": SeenCluster("web", 3)}
    confirming.submit(NOW, {"web": 2}, free=True)
    assert confirming.arrived({}, NOW + 1) is None
    assert confirming.arrived(two, NOW + 2) == 2.0
    confirming.submit(NOW + 100, {"web": 3}, free=False)
    assert confirming.arrived(three, NOW + 400) == 300.0
    assert confirming.actuation.high == 2.0


def test_what_was_learnt_outlives_the_process(shop: Shop, tmp_path: Path) -> None:
    shop.run(CALM, 30)
    path = tmp_path / "learnt.json"
    memories.save(path, shop.loop.memory)
    again, problem = memories.load(path)
    assert not problem
    assert again.starts["web"].durations.high == 3.0
    assert again.states["web"].last == shop.loop.memory.states["web"].last
    path.write_text('{"version": 1, "states": {"web": {"version": 0}}, "starts": {}, "actuation": []}')
    again, problem = memories.load(path)
    assert "learning anew" in problem
    path.write_text("{")
    assert memories.load(path) == (Memory(), memories.load(path)[1])


def test_many_applications_in_one_loop_and_a_journal_that_tells_them(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    journal = Journal(tmp_path / "journal.sqlite")

    async def run() -> Autoscaler:
        autoscaler = Autoscaler(
            shop.cli, lambda cloud: None, Settings(period=1), tmp_path / "learnt", shop.office, journal
        )
        stop = asyncio.Event()
        task = asyncio.create_task(autoscaler.run(stop))
        while autoscaler.pace.periods < 2:
            await asyncio.sleep(0.01)
        stop.set()
        await task
        return autoscaler

    autoscaler = asyncio.run(run())
    assert autoscaler.problems()["cloud local"] == "the cloud local has made no cluster yet"
    (row,) = journal.decisions(STACK)
    assert row.action == "away"
    assert (tmp_path / "learnt" / "app-shop.json").exists()
    journal.close()


def test_a_fault_of_ours_in_one_application_is_told_and_stops_no_other(shop: Shop) -> None:
    shop.run(CALM, 2)
    shop.loop.memory.states["web"].signals = None  # type: ignore[assignment]
    assert shop.loop.guarded(shop.loop.tick, shop.now + PERIOD, PERIOD, shop.seen()) is None
    assert "unexpected TypeError" in shop.loop.problem or "unexpected AttributeError" in shop.loop.problem
    assert shop.loop.verdict is None


def test_what_another_autoscaler_has_is_decided_and_left_to_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    journal = Journal(tmp_path / "journal.sqlite")
    ours: set[str] = set()

    async def run() -> None:
        autoscaler = Autoscaler(
            shop.cli,
            lambda _: None,
            Settings(period=1),
            tmp_path / "l",
            shop.office,
            journal,
            share=lambda _: ours,
        )
        stop = asyncio.Event()
        task = asyncio.create_task(autoscaler.run(stop))
        while autoscaler.pace.periods < 1:
            await asyncio.sleep(0.01)
        application = autoscaler.applications[STACK]
        assert application.elsewhere == "another autoscaler has its lease"
        assert not journal.decisions(STACK)
        ours.add(STACK)
        while application.elsewhere:
            await asyncio.sleep(0.01)
        stop.set()
        await task

    asyncio.run(run())
    assert (tmp_path / "l" / "app-shop.json").exists()
    journal.close()
    shop.loop.elsewhere = "another"
    shop.run(CALM, 2)
    shop.tick({"web": 700.0, **ENGINE})
    assert shop.loop.verdict is not None
    assert shop.loop.verdict.edit is not None
    assert not shop.office.edits


def test_settings_tell_every_fault_at_once(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("period: 0\nsourcs: [kubelet]\nserve: {port: http}\n")
    with pytest.raises(SettingsError) as told:
        load(path)
    text = str(told.value)
    assert "period: Input should be greater than or equal to 1 (found 0)" in text
    assert "sourcs" in text
    assert "serve.port" in text
    assert "Allowed keys: period, sources" in text
    path.write_text(
        "clouds: {away: {prometheus: {url: b}}}\nsourceSettings: {prometheus: {url: a, tokenFile: t}}\n"
    )
    assert load(path).of_source("prometheus", "away") == {"url": "b", "tokenFile": "t"}

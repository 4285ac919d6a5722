"""The loop over real files: load, silence and trouble, and all of it becomes one edit."""

from __future__ import annotations

from pathlib import Path

import pytest

from autoscaler.act.refusals import StaleScale
from autoscaler.act.update_errors import UpdateError
from autoscaler.loop import memory as memories
from autoscaler.loop.confirming import Confirming
from autoscaler.loop.memory import Memory
from autoscaler.loop.watched import Unreadable
from autoscaler.observe.members import SeenCluster
from autoscaler.observe.source import Measurement, Place
from blueprints.scale import ScaleState
from tests.autoscaler.shop import BUSY, CALM, ENGINE, NOW, PERIOD, STACK, Shop


def test_load_becomes_one_edit_for_all_that_it_touches(shop: Shop) -> None:
    shop.run(CALM, 3)
    assert not shop.office.edits
    shop.tick({"web": 380.0, "search.1/engine": 400.0})
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


@pytest.mark.parametrize("each", [True, False])
def test_a_metric_that_is_a_mean_counts_for_every_member_however_it_is_told(shop: Shop, each: bool) -> None:
    shop.edit(
        "thresholds: {loadAverage: 50}",
        "metrics: [{name: queue, query: avg(queue), target: 10, kind: average}]",
    )
    shop.scaled(web=4, cache=2)
    place = Place("local", "app-shop", "home", "web")
    for _ in range(20):
        verdict = shop.loop.verdict
        members = verdict.decisions["web"].members if verdict else 4
        for member in [f"web-{n}" for n in range(members)] if each else [""]:
            shop.board.take(Measurement(place, "queue", member, 50.0 / members, shop.now + PERIOD))
        shop.tick({})
    assert shop.loop.verdict is not None
    decision = shop.loop.verdict.decisions["web"]
    # Twelve and a half at each of four are to be ten at each of five.
    assert 5 <= decision.members <= 6
    assert decision.inputs["queue"] == pytest.approx(50.0 / decision.current)


def test_the_latency_that_balancers_tell_is_told_with_the_decision(shop: Shop) -> None:
    shop.edit("thresholds: {loadAverage: 50}", "thresholds: {requestRate: 9}")
    shop.scaled(web=4, cache=2)
    place = Place("local", "app-shop", "home", "web")
    for _ in range(3):
        for factor, value in (("latency", 0.7), ("requestRate", 30.0)):
            shop.board.take(Measurement(place, factor, "", value, shop.now + PERIOD))
        shop.tick({})
    assert shop.loop.verdict is not None
    decision = shop.loop.verdict.decisions["web"]
    assert decision.inputs["latency"] == 0.7
    assert decision.members == 4


def test_an_overrun_cluster_is_scaled_by_what_comes_and_judged_by_what_ended(shop: Shop) -> None:
    shop.edit("thresholds: {loadAverage: 50}", "objective: {latency: 300ms}")
    shop.scaled(web=4, cache=2)
    place = Place("local", "app-shop", "home", "web")
    for _ in range(3):
        # Four members do ten each, and all of it too late; a hundred come.
        for factor, value in (("requestRate", 100.0), ("endedRate", 40.0), ("missedRate", 40.0)):
            shop.board.take(Measurement(place, factor, "", value, shop.now + PERIOD))
        shop.tick({})
    seen = shop.loop.sights["web"].observation
    assert (seen.requests, seen.coming, seen.missed) == (40.0 * PERIOD, 100.0 * PERIOD, 40.0 * PERIOD)
    assert shop.loop.verdict is not None
    assert shop.loop.verdict.decisions["web"].forecast["requests"]["value"] == pytest.approx(100.0)
    assert 0.0 < shop.loop.memory.states["web"].member_rate.search.lowest <= 10.0


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

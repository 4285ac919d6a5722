"""Many applications in one loop, some of which another autoscaler has."""

from __future__ import annotations

import asyncio
from pathlib import Path

from autoscaler.journal.journal import Journal
from autoscaler.loop.autoscaler import Autoscaler
from autoscaler.loop.settings import Settings
from tests.autoscaler.shop import CALM, ENGINE, PERIOD, STACK, Shop


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
    row = journal.decisions(STACK)[0]
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


def test_a_clock_that_goes_back_stops_no_scaling(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.run(CALM, 4)
    now = [shop.now]
    autoscaler = Autoscaler(
        shop.cli,
        lambda cloud: None,
        Settings(period=1),
        tmp_path / "l",
        shop.office,
        None,
        now=lambda: now[0],
    )
    autoscaler.board, shop.loop.board = shop.board, shop.board

    async def looks(*times: float) -> None:
        for at in times:
            now[0] = at
            await autoscaler.look(0.0)
            autoscaler.applications[STACK] = shop.loop = autoscaler.applications.get(STACK, shop.loop)

    autoscaler.applications[STACK] = shop.loop
    before = shop.loop
    asyncio.run(looks(shop.now, shop.now - 1.0))
    assert autoscaler.applications[STACK] is before, "a clock that is set right by a little is no matter"
    shop.now -= 3600.0
    asyncio.run(looks(shop.now))
    assert autoscaler.applications[STACK] is not before
    assert [r.reason for r in shop.loop.notes.decisions if r.action == "clock"] == [
        "the clock went back by 3599 s: pauses begin anew"
    ]
    shop.run({"web": 300.0, **ENGINE}, 12)
    assert shop.office.edits[-1].clusters["web"] > 2

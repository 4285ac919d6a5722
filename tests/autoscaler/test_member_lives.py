"""Members' lives in the journal, which metering adds up, over all that an autoscaler does not see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.journal.journal import Journal
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.watched import Watched
from autoscaler.loop.writing import Writing
from tests.autoscaler.shop import CALM, STACK, Shop


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "journal.sqlite")
    yield made
    made.close()


@pytest.fixture
def writing(journal: Journal, tmp_path: Path) -> Writing:
    return Writing(journal, tmp_path / "learnt")


def looked(shop: Shop, writing: Writing) -> None:
    """One period, written down."""
    shop.tick(CALM)
    asyncio.run(writing.finish({STACK: shop.loop}, shop.now))


def downs(journal: Journal) -> dict[str, float | None]:
    return {row.member: row.down for row in journal.members("shop")}


def test_who_went_while_no_autoscaler_ran_counts_until_it_last_looked(
    shop: Shop, journal: Journal, writing: Writing
) -> None:
    shop.scaled(web=3, cache=2)
    looked(shop, writing)
    assert set(downs(journal).values()) == {None}
    last = max(row.at for row in journal.decisions(STACK))
    shop.scaled(web=2, cache=1)
    shop.now += 86400
    shop.loop = ApplicationLoop(Watched(shop.cli, STACK), shop.board, shop.office)
    looked(shop, writing)
    assert {member: at for member, at in downs(journal).items() if at} == {"web-2": last, "cache-1": last}


def test_who_came_and_went_while_another_one_had_the_lease_is_known_afterwards(
    shop: Shop, journal: Journal, writing: Writing
) -> None:
    shop.scaled(web=3, cache=2)
    looked(shop, writing)
    last = max(row.at for row in journal.decisions(STACK))
    shop.loop.elsewhere = "another autoscaler has its lease"
    shop.scaled(web=2, cache=3)
    looked(shop, writing)
    shop.loop.elsewhere = ""
    looked(shop, writing)
    found = downs(journal)
    assert found["web-2"] == last
    assert found["cache-2"] is None


def test_an_application_that_is_gone_has_no_members(shop: Shop, journal: Journal, writing: Writing) -> None:
    looked(shop, writing)
    shop.now += 60
    writing.leave(shop.loop, shop.now)
    asyncio.run(writing.finish({}, shop.now))
    assert set(downs(journal).values()) == {shop.now}

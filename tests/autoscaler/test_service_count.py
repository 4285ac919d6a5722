"""Minutes of service, counted by the loop from what balancers and members tell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import pytest

from autoscaler.journal.records import ServiceRow
from autoscaler.loop.levels import ServiceCount
from autoscaler.loop.observing import targets
from autoscaler.loop.watched import View
from autoscaler.observe.source import Measurement, Place
from tests.autoscaler.shop import NOW, PERIOD, Shop

FRONT = """
---
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
routes: [{cluster: web}]
"""


@dataclass
class Counting:
    """The loop's eyes on the shop: one look each period."""

    shop: Shop
    view: View
    place: Place
    now: float = NOW - NOW % 60.0

    def __post_init__(self) -> None:
        self.service = ServiceCount()

    def look(self, *totals: float | None, away: bool = False, dead: bool = False) -> None:
        """Totals are requests, errors and those over 300 ms; None: the balancers tell nothing."""
        factors = ("requestsTotal", "errorsTotal", "slowerTotal:0.3")
        for factor, value in zip(factors, totals, strict=False):
            if value is not None:
                self.shop.board.take(Measurement(self.place, factor, "", value, self.now))
        seen = self.shop.seen()
        if dead:
            name = self.view.plan.clusters["web"].name
            seen[name] = replace(seen[name], members=())
        self.service.look(self.now, self.view, self.shop.board, None if away else seen)
        self.now += PERIOD

    def minutes(self) -> list[ServiceRow]:
        """As the journal keeps them."""
        self.service.close()
        found: dict[float, ServiceRow] = {}
        for row in self.service.rows:
            found[row.at] = found[row.at].plus(row) if row.at in found else row
        return [found[at] for at in sorted(found)]

    def total(self) -> ServiceRow:
        return reduce(ServiceRow.plus, self.minutes())


@pytest.fixture
def counting(shop: Shop) -> Counting:
    promise = "objectives: {availability: 99%, latency: [{within: 300ms}]}\nloadBalancer: front\n"
    shop.edit("name: shop\n", f"name: shop\n{promise}")
    shop.documents.write_text(shop.documents.read_text() + FRONT)
    view = shop.loop.read(shop.now)
    assert view is not None, shop.loop.problem
    return Counting(shop, view, Place("local", view.plan.namespace, "home", "web"))


def test_the_sources_are_asked_to_count_what_objectives_are_about(counting: Counting, shop: Shop) -> None:
    levels = {each.place.cluster: each.levels for each in targets(counting.view, None)}
    assert levels == {"web": (0.3,), "search.1/engine": None}
    shop.edit("objectives: {availability: 99%, latency: [{within: 300ms}]}\n", "")
    view = shop.loop.read(shop.now)
    assert view is not None
    counting.view = view
    assert {each.levels for each in targets(view, None)} == {None}
    for _ in range(30):
        counting.look(1, 0, 0)
    assert not counting.service.rows


def test_growth_of_the_totals_counts_in_its_minute(counting: Counting) -> None:
    for step in range(25):
        counting.look(1000 + 10 * step, 5 + step, 2 * step)
    assert len(counting.service.rows) > 10, "parts of a minute are given out, lest a kill loses it"
    first, second, _ = counting.minutes()
    assert (first.stack, first.application, first.seconds) == ("app-shop", "shop", 60.0)
    assert (first.requests, first.errors, first.slow) == (110, 11, {"0.3": (110, 22)})
    assert (first.looked, first.watched, first.counted, first.down) == (60, 60, 60, 0)
    assert (second.at - first.at, second.requests, second.counted) == (60, 120, 60)


def test_silence_is_not_counted_and_what_was_missed_in_it_is_not_lost(counting: Counting) -> None:
    counting.look(100, 0, 0)
    counting.look(110, 0, 0)
    for _ in range(20):
        counting.look(None)
    counting.look(410, 7, 0)
    found = counting.total()
    assert (found.requests, found.errors) == (310, 7)
    assert found.counted == 5.0
    assert found.looked == found.watched == 110.0


def test_a_source_that_counts_anew_gives_no_wrong_number(counting: Counting) -> None:
    for total in (1000, 1010, 3, 8):
        counting.look(total, 0, 0)
    assert counting.total().requests == 15


def test_nobody_serving_is_down_and_an_unknown_cloud_is_not(counting: Counting, shop: Shop) -> None:
    counting.look(0, 0, 0)
    for _ in range(2):
        counting.look(0, 0, 0, dead=True)
    for _ in range(3):
        counting.look(0, 0, 0, away=True)
    counting.look(0, 0, 0)
    counting.look(0, 0, 0)
    found = counting.total()
    assert (found.looked, found.watched, found.down) == (35.0, 15.0, 10.0)


def test_a_balancer_without_a_serving_replica_is_down(counting: Counting, shop: Shop) -> None:
    counting.look(0, 0, 0)
    shop.board.take(Measurement(counting.place, "balancersServing", "", 0.0, counting.now))
    counting.look(0, 0, 0)
    shop.board.take(Measurement(counting.place, "balancersServing", "", 1.0, counting.now))
    counting.look(0, 0, 0)
    assert counting.total().down == 5.0


def test_a_clock_that_jumps_adds_no_time(counting: Counting) -> None:
    counting.look(0, 0, 0)
    for jump in (7200.0, -10_000.0):
        counting.now += jump
        counting.look(0, 0, 0)
        counting.look(0, 0, 0)
    found = counting.total()
    assert found.looked == found.watched == 10.0
    assert found.counted <= 10.0

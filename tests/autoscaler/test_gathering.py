"""Sources are asked side by side: a slow or broken one holds up only itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from autoscaler.decide.policy import LOAD_AVERAGE
from autoscaler.observe.board import Board
from autoscaler.observe.gathering import Gathering
from autoscaler.observe.registry import make
from autoscaler.observe.source import Cloud, Measurement, Report, SourceError
from tests.autoscaler.measuring import NOW, WEB, load


class Fixed:
    """A source that does what it is told."""

    def __init__(self, name: str, collect: Callable[[], Iterable[Measurement]]) -> None:
        self.name = name
        self._collect = collect

    async def collect(self, targets: Any, report: Report) -> None:
        for each in self._collect():
            report(each)

    async def close(self) -> None: ...


def test_a_broken_source_is_told_and_leaves_the_others_alone() -> None:
    def broken() -> Iterable[Measurement]:
        raise ZeroDivisionError("theirs")

    board = Board()

    async def run() -> dict[str, str]:
        gathering = Gathering(board, lambda _: [])
        gathering.add("local", Fixed("good", lambda: [load("web-1", 5.0, NOW)]))
        gathering.add("local", Fixed("bad", broken))
        await gathering.round(5.0)
        problems = {name: health.problem for (_, name), health in gathering.health().items()}
        await gathering.close()
        return problems

    assert asyncio.run(run()) == {"good": "", "bad": "ZeroDivisionError: theirs"}
    assert board.read(WEB, LOAD_AVERAGE, frozenset({"web-1"}), NOW) is not None


def test_a_slow_source_does_not_hold_up_the_round_and_is_not_asked_twice() -> None:
    asked: list[str] = []

    class Slow(Fixed):
        async def collect(self, targets: Any, report: Report) -> None:
            asked.append("slow")
            await asyncio.Event().wait()

    board = Board()

    async def run() -> None:
        gathering = Gathering(board, lambda _: [])
        gathering.add("local", Slow("slow", list))
        gathering.add("local", Fixed("good", lambda: [load("web-1", 5.0, NOW)]))
        for _ in range(3):
            await gathering.round(0.01)
        await gathering.close()

    asyncio.run(run())
    assert asked == ["slow"]
    assert board.read(WEB, LOAD_AVERAGE, frozenset({"web-1"}), NOW) is not None


def test_an_unknown_source_names_those_there_are() -> None:
    with pytest.raises(SourceError, match=r"no source 'kubelets'; known are balancer, kubelet, prometheus"):
        make("kubelets", Cloud("local", Path()))

"""What the loop writes down, and a disk that is slow or full."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autoscaler.journal.records import DecisionRow
from autoscaler.loop.writing import Writing
from tests.autoscaler.shop import STACK, Shop


class SlowBook:
    """A journal whose disk answers when it is told to."""

    def __init__(self) -> None:
        self.asked, self.answers = threading.Event(), threading.Event()
        self.written: list[str] = []
        self.error: Exception | None = None

    def decisions_made(self, decisions: Iterable[DecisionRow]) -> None:
        self.asked.set()
        assert self.answers.wait(60)
        if self.error is not None:
            raise self.error
        self.written += [each.reason for each in decisions]

    def members_called(self, call: Any) -> None: ...

    def members_seen(self, members: Iterable[Any]) -> None: ...

    def missed(self, misses: Iterable[Any]) -> None: ...

    def served(self, rows: Iterable[Any]) -> None: ...


def test_a_slow_disk_holds_up_nobody_and_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    book, loops = SlowBook(), {STACK: shop.loop}
    writing = Writing(book, tmp_path / "learnt")

    async def run() -> None:
        shop.loop.notes.event(STACK, 1.0, "away", "first")
        writing.write(loops, 1.0)
        await asyncio.to_thread(book.asked.wait, 60)
        shop.loop.notes.event(STACK, 2.0, "away", "second")
        writing.write(loops, 2.0)
        assert not book.written
        assert [each.reason for each in shop.loop.notes.decisions] == ["second"]
        book.answers.set()
        await writing.finish(loops, 3.0)

    asyncio.run(run())
    assert book.written == ["first", "second"]
    assert writing.path(STACK).exists()
    assert not writing.problem


def test_a_full_disk_is_told_until_it_can_be_written_again(shop: Shop, tmp_path: Path) -> None:
    book, loops = SlowBook(), {STACK: shop.loop}
    writing = Writing(book, tmp_path / "learnt")
    book.answers.set()

    async def run() -> None:
        book.error = OSError("no space left")
        shop.loop.notes.event(STACK, 1.0, "away", "lost")
        await writing.finish(loops, 1.0)
        assert writing.problem == "no space left"
        book.error = None
        shop.loop.notes.event(STACK, 2.0, "away", "kept")
        await writing.finish(loops, 2.0)

    asyncio.run(run())
    assert book.written == ["kept"]
    assert not writing.problem

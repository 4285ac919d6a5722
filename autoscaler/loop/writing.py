"""The loop's notes and what it has learnt, written down beside the looks: a slow disk delays no decision."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from autoscaler.loop import memory as memories
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.notes import Book, Page

_log = logging.getLogger(__name__)

SAVE_SECONDS = 300.0

Learnt = Sequence[tuple[Path, str]]


class Writing:
    """One write at a time: what comes while the disk is busy goes with the next one.

    `book` is the journal, None writes nothing down; `folder` is where what was learnt is kept. `problem` says
    why the last write failed, empty when it did not.
    """

    def __init__(self, book: Book | None, folder: Path) -> None:
        self._book = book
        self._folder = folder
        self._saved: dict[str, float] = {}
        self._left: list[Page] = []
        self._under_way: asyncio.Task[None] | None = None
        self.problem = ""

    def path(self, stack: str) -> Path:
        """What was learnt about a stack."""
        return self._folder / f"{stack}.json"

    def begin(self, stack: str, place: int, now: float) -> None:
        """A stack is new here, the `place`th of all: not all are due for saving at once."""
        self._saved[stack] = now - SAVE_SECONDS * (place % 30) / 30.0

    def leave(self, loop: ApplicationLoop, now: float) -> None:
        """A stack is gone; its last page goes with the next write."""
        if loop.view is not None:
            loop.notes.ended(loop.view, now)
        if self._book is not None and not loop.elsewhere:
            self._left.append(loop.notes.take())

    def write(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """Write what has been gathered, unless that is being done. Does not wait."""
        if self._book is None or (self._under_way is not None and not self._under_way.done()):
            return
        due = [s for s, at in self._saved.items() if s in loops and now - at >= SAVE_SECONDS]
        self._start(self._book, loops, due, now)

    async def finish(self, loops: Mapping[str, ApplicationLoop], now: float) -> None:
        """Write everything, and wait until that is done."""
        if self._book is None:
            return
        if self._under_way is not None:
            await self._under_way
        for application in loops.values():
            application.notes.service.close()
        await self._start(self._book, loops, list(loops), now)

    def _start(
        self, book: Book, loops: Mapping[str, ApplicationLoop], due: Sequence[str], now: float
    ) -> asyncio.Task[None]:
        """What is written is taken here, in the loop's own thread."""
        pages, learnt = self._left, []
        self._left = []
        for application in loops.values():
            page = application.notes.take()
            if application.elsewhere:  # another autoscaler writes it down
                application.notes.unheard()
            else:
                pages.append(page)
        for stack in due:
            if not loops[stack].elsewhere:
                self._saved[stack] = now
                learnt.append((self.path(stack), memories.text(loops[stack].memory)))
        self._under_way = asyncio.create_task(self._put(book, pages, learnt))
        return self._under_way

    async def _put(self, book: Book, pages: Sequence[Page], learnt: Learnt) -> None:
        try:
            await asyncio.to_thread(_put, book, pages, learnt)
            self.problem = ""
        except Exception as error:  # a full disk must not end the scaling
            if str(error) != self.problem:
                _log.warning("the journal cannot be written: %s", error)
            self.problem = str(error)


def _put(book: Book, pages: Sequence[Page], learnt: Learnt) -> None:
    for page in pages:
        page.write(book)
    for path, text in learnt:
        memories.keep(path, text)

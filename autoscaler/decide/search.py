"""The way to what a member can take when most requests miss at a rate that should go well."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

# Where nothing ever went well, each half lead of misses halves the rate, so that twice as many are asked for:
# what is ready when a look stops it is mostly under twice the need, and the rest has not begun to serve.
BLANK_PACE = 0.5
FACTOR = 0.5
# Where something was learnt or told, the first step is smaller, and each is judged by the members it brought.
FIRST_FACTOR = 0.7
# At most this share of what the ready members were asked for: what is on its way has to be seen first.
LEAST_OF_HANDLED = 0.25
# Members that are much slower than they were are rarer than a fault that no member mends: under ``least`` the
# search goes ten times as slow.
FAULT_PACE = 10.0
# Misses for so long, and in three looks, at a rate that should go well are no chance.
DOUBT_SECONDS = 15.0
# Who does so much of what lately failed well again, without more members, had a fault.
SAME = 0.9
# Members that do as much each though there are half as many more, or whose queue takes up half of what
# arrives and so drops little, are at work all the time: what they do is near the limit.
MORE = 1.5
QUEUED = 0.5
NEARLY = 0.8
# A queue that falls by this much of what arrives only has to go: there are enough members.
FALLING = 1.05


class Look(NamedTuple):
    """One tick of ``seconds`` as one of ``members`` saw it, in requests a second, with the cluster's counts.

    ``arrived`` was new, ``offered`` is that with what waited, ``handled`` the most it can have done.
    """

    members: int
    arrived: float
    offered: float
    handled: float
    requests: float
    missed: float
    seconds: float

    @property
    def mostly_missed(self) -> bool:
        return self.missed > 0.5 * self.requests


@dataclass(slots=True)
class Search:
    """``ceiling`` is the rate by member planned with (requests a second), 0.0 while there is no search.

    ``lowest`` is the lowest rate by member at which most missed, ``least`` the rate under which a fault is
    likelier, ``waited`` and ``doubted`` are seconds. ``blank``: nothing was known when it began. ``held`` are
    the requests missed by bin, until it is clear whether they begin a search.
    """

    ceiling: float = 0.0
    lowest: float = 0.0
    least: float = 0.0
    members: int = 0
    waited: float = 0.0
    doubted: float = 0.0
    blank: bool = False
    held: dict[int, float] = field(default_factory=dict)

    def doubts(self, look: Look) -> bool:
        """Whether most missed at less than was expected for too long to be chance."""
        self.doubted += look.seconds
        return self.doubted > max(DOUBT_SECONDS, 2.0 * look.seconds)

    def begin(self, look: Look, least: float, *, blank: bool) -> None:
        """Search under what each member did at most."""
        share = FACTOR if blank else FIRST_FACTOR
        self.ceiling = look.handled * (NEARLY if look.handled < QUEUED * look.arrived else share)
        self.lowest, self.least, self.members, self.blank = look.handled, least, look.members, blank
        self.waited = 0.0
        self.held.clear()

    def go_on(self, look: Look, lead: float) -> None:
        """Take another look at which most missed; ``lead`` is how long an order takes, in seconds."""
        busy = look.handled < QUEUED * look.arrived
        if look.members >= MORE * self.members:
            busy = busy or look.handled > SAME * self.lowest
            if not busy:
                self.members = look.members
        self.lowest = min(self.lowest, look.handled)
        if busy:
            self.ceiling = max(self.ceiling, NEARLY * look.handled)
        if look.handled > FALLING * look.arrived:
            return
        self.waited += look.seconds
        pace = BLANK_PACE * lead if self.blank else lead + 2.0 * look.seconds
        if self.waited < (pace if self.ceiling > self.least else FAULT_PACE * pace):
            return
        lower = max(FACTOR * self.ceiling, look.handled * (NEARLY if busy else LEAST_OF_HANDLED))
        if self.ceiling > self.least:
            lower = max(lower, self.least)
        if lower < NEARLY * self.ceiling:
            self.ceiling = lower
            self.waited = 0.0

    def was_fault(self, look: Look) -> bool:
        """Whether what goes well now is what failed before."""
        return look.offered >= SAME * self.lowest

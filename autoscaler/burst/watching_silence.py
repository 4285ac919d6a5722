"""Since when an application has given no sign of serving anywhere."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.burst.watching_copies import Copies
from autoscaler.burst.watching_doors import Doors
from autoscaler.loop.application_loop import ApplicationLoop
from autoscaler.loop.observing import places


@dataclass
class Silence:
    """One application's, from look to look. Times in seconds since the epoch."""

    _since: float | None = None

    def look(self, copies: Copies, doors: Doors | None, now: float) -> float:
        """Seconds without a sign of any copy; 0 while there is one.

        A sign is an API server that answers, a front door that sees the copy serve, or, where no door tells,
        something measured of it.
        """
        heard = [_heard(each, copies.application, doors, now) for each in copies.all]
        if max(heard) >= now:
            self._since = None
            return 0.0
        if self._since is None:
            self._since = now
        return now - max(self._since, *heard)


def _heard(loop: ApplicationLoop, application: str, doors: Doors | None, now: float) -> float:
    """When there was the last sign of a copy; now as well where its files cannot be read: nobody knows."""
    view = loop.view
    if view is None or loop.considered is not None or loop.seen:
        return now
    sees = doors.sees(application, view.cloud) if doors is not None else None
    if sees is not None:
        return now if sees else float("-inf")
    found = (place for cluster in view.clusters.values() for place in places(view, cluster))
    return max((loop.board.latest(place) for place in found), default=float("-inf"))

"""What an application's front door is told while nobody moves it: shares by ready members."""

from __future__ import annotations

from dataclasses import dataclass

from autoscaler.burst.deciding_shares import Entrance, weights
from autoscaler.burst.records import Move
from autoscaler.burst.watching_copies import Copies, ready
from autoscaler.burst.watching_doors import Doors
from autoscaler.loop.placing import entries


@dataclass
class Sharing:
    """One application's, from look to look."""

    _moved: bool = False

    def tell(self, copies: Copies, doors: Doors, move: Move | None) -> str:
        """Have the door share by ready members; a sentence where something new is told, else empty.

        A move tells it of its own cloud; the others go on sharing what that one leaves. While an application
        changes its home all is the move's.
        """
        if move is not None:
            self._moved = True
            if move.kind == "migrate":
                return ""
        elif self._moved:
            doors.forget(copies.application)
            self._moved = False
        apart = move.cloud if move is not None else ""
        found, ask = [], False
        for each in copies.all:
            view = each.view
            if view is None or view.beside or view.cloud == apart:
                continue
            paths = (view.placing.entries if view.placing else entries(view.plan)) & view.clusters.keys()
            serving = {path: ready(each, view.clusters[path]) for path in paths}
            if each.considered is None:
                # Its API server is away, which says nothing about its members: the door's own checks do.
                ask = True
                serves = doors.serves(copies.application, view.cloud)
                serving = {path: view.clusters[path].members if serves else 0 for path in paths}
            found.append(Entrance(view.cloud, serving))
        given = weights(found) if len(found) > 1 else {}
        if not doors.wish(copies.application, given, ask, apart):
            return ""
        shares = ", ".join(f"{cloud} {weight / 10:.1f} %" for cloud, weight in given.items())
        beside = f" beside {apart}, which is being moved" if apart else ""
        return f"Requests are shared by ready members: {shares}{beside}."

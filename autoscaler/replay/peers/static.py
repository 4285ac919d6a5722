"""No scaling at all: the baseline of elastic speedup."""

from __future__ import annotations

from autoscaler.replay.peers.scaler import View


class Static:
    """Always the same number of members."""

    def __init__(self, members: int) -> None:
        self.name = "static"
        self.members = members

    def desired(self, view: View) -> int:
        return self.members

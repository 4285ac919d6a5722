"""What to do with an edit that a killed run left open. Pure."""

from collections.abc import Mapping
from typing import Any, Literal

from blueprints.scale import ScaleState

Verdict = Literal["again", "written", "overtaken"]


def resume(
    stage: str, seen: ScaleState, target: Mapping[str, Any] | None, current: ScaleState | None
) -> Verdict:
    """`again`: nothing of it happened. `written`: the config has it, the update is owed.
    `overtaken`: somebody has changed the scale since.

    An edit is written by one rename, so between `writing` and `written` the config tells which it was.
    `current` is None where the config cannot be read now: then it is tried again, and told there.
    """
    if stage == "accepted" or target is None or current is None:
        return "again"
    if current.to_data() == dict(target):
        return "written"
    return "again" if stage == "writing" and current == seen else "overtaken"

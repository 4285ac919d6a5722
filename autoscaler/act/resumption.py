"""What to do with the edits that a killed run left open. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blueprints.scale import ScaleState

Verdict = Literal["again", "written", "overtaken"]


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """An open edit of the journal: its stage, the scale it was decided on, the scale it was to become."""

    stage: str
    seen: ScaleState
    target: Mapping[str, Any] | None


def resume(edits: Sequence[LeftOpen], current: ScaleState | None) -> list[Verdict]:
    """A verdict for each edit of one stack, which come in the order of their submission.

    `again`: nothing of it happened. `written`: it is in the config, the update is owed.
    `overtaken`: somebody else has changed the scale since.

    An edit is written by one rename, so between `writing` and `written` the config tells which it was. The
    scale that a written edit was decided on is part of it: an earlier edit that made that scale is in the
    config too. `current` is None where the config cannot be read now: then all are tried again.
    """
    verdicts: list[Verdict] = []
    reached = [] if current is None else [current.to_data()]
    for edit in reversed(edits):
        verdict: Verdict = "overtaken"
        if edit.stage == "accepted" or edit.target is None or current is None:
            verdict = "again"
        elif dict(edit.target) in reached:
            verdict = "written"
            reached.append(edit.seen.to_data())
        elif edit.stage == "writing" and edit.seen == current:
            verdict = "again"
        verdicts.append(verdict)
    return verdicts[::-1]

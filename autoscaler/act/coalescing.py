"""Several edits of one stack become one. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoscaler.act.edits import ScaleEdit
from blueprints.scale import ScaleState


@dataclass(frozen=True, slots=True)
class Combined:
    """What becomes of a batch: indices of its edits by their fate, and the scale to write.

    `target` is the current scale itself where nothing changes.
    """

    target: ScaleState
    taken: tuple[int, ...]
    superseded: tuple[int, ...]
    stale: tuple[int, ...]


def combine(edits: Sequence[ScaleEdit], current: ScaleState) -> Combined:
    """Edits decided on the current scale, in their order, as one edit of the next generation.

    The later of two wins where both set a key; an edit of which nothing is left is superseded. One that
    was decided on another scale than the current is stale.
    """
    stale = tuple(n for n, edit in enumerate(edits) if edit.seen != current)
    fresh = [n for n in range(len(edits)) if n not in stale]
    last: dict[tuple[str, str], int] = {}
    for n in fresh:
        last |= {("cluster", key): n for key in edits[n].clusters}
        last |= {("group", key): n for key in edits[n].groups}
    superseded = tuple(n for n in fresh if _keys(edits[n]) and not _left(edits, n, last))
    taken = tuple(n for n in fresh if n not in superseded)
    clusters, groups = dict(current.clusters), dict(current.groups)
    for n in taken:
        clusters |= edits[n].clusters
        groups |= edits[n].groups
    if clusters == current.clusters and groups == current.groups:
        return Combined(current, taken, superseded, stale)
    changes = {"clusters": clusters, "groups": groups, "generation": current.generation + 1}
    target = current.model_copy(update=changes)
    return Combined(target, taken, superseded, stale)


def _left(edits: Sequence[ScaleEdit], n: int, last: Mapping[tuple[str, str], int]) -> bool:
    """Whether a key of the edit is its own to set, or set to the same by the later one."""
    return any(
        last[kind, key] == n or _value(edits[last[kind, key]], kind, key) == count
        for kind, key, count in _keys(edits[n])
    )


def _keys(edit: ScaleEdit) -> list[tuple[str, str, int]]:
    clusters = [("cluster", key, count) for key, count in edit.clusters.items()]
    return clusters + [("group", key, count) for key, count in edit.groups.items()]


def _value(edit: ScaleEdit, kind: str, key: str) -> int:
    return (edit.clusters if kind == "cluster" else edit.groups)[key]

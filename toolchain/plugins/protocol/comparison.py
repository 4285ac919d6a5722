"""What differs between two property values, by path."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from toolchain.plugins.protocol.values import UNKNOWN, reveal

ChangeKind = Literal["add", "update", "delete"]
Step = str | int


def changes(old: Any, new: Any) -> dict[tuple[Step, ...], ChangeKind]:
    """Each changed leaf with how it changed; an unknown new value counts as an update."""
    return dict(_changes(reveal(old), reveal(new), ()))


def _changes(old: Any, new: Any, path: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], ChangeKind]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            if old.get(key) is None and new.get(key) is None:
                continue
            if new.get(key) is None:
                yield (*path, key), "delete"
            elif old.get(key) is None:
                yield (*path, key), "add"
            else:
                yield from _changes(old[key], new[key], (*path, key))
        return
    if isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            if index >= len(new):
                yield (*path, index), "delete"
            elif index >= len(old):
                yield (*path, index), "add"
            else:
                yield from _changes(old[index], new[index], (*path, index))
        return
    if new is UNKNOWN or old is UNKNOWN or type_aware_differs(old, new):
        yield path, "update"


def type_aware_differs(old: Any, new: Any) -> bool:
    """Whether two leaves differ; unlike Python's own rule, True is not 1."""
    return isinstance(old, bool) != isinstance(new, bool) or bool(old != new)


def render(path: tuple[Step, ...]) -> str:
    """The path in the engine's notation: `spec.ports[0].name`, `data["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").replace("-", "").replace("$", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text

"""Places in a stack's config file, so that a message about a setting can say where it stands."""

from collections.abc import Sequence
from pathlib import Path

import yaml

NAMESPACE = "altostratus"


def line_of(path: Path, place: Sequence[str | int]) -> int | None:
    """The line (from 1) on which the setting at `place` stands, or the nearest thing around it.

    The first step is the key without its namespace. None where the file does not say.
    """
    try:
        node = yaml.compose(path.read_text("utf-8"), yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None
    line = None
    for step in ("config", *_qualified(place)):
        found = _child(node, step)
        if found is None:
            break
        key, node = found
        line = key.start_mark.line + 1
    return line


def keys(path: Path) -> tuple[str, ...]:
    """The keys of our namespace in the file, without the namespace."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return ()
    config = document.get("config") if isinstance(document, dict) else None
    prefix = f"{NAMESPACE}:"
    return tuple(str(key).removeprefix(prefix) for key in config or {} if str(key).startswith(prefix))


def _qualified(place: Sequence[str | int]) -> tuple[str | int, ...]:
    return (f"{NAMESPACE}:{place[0]}", *place[1:]) if place else ()


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None

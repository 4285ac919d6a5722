"""Edits of a stack's config file that change the named keys and not one other byte.

People keep comments and their own layout in `Pulumi.<stack>.yaml`; the autoscaler writes one
key of it. So a value is spliced into the text at the marks of its node, never re-dumped whole.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigUnreadable(Exception):
    """The stack's config file is not a YAML mapping; nothing was written."""

    exit_code = 2


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One writer at a time; the lock file stays, as removing it would let two holders in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _end(node: yaml.Node, text: str) -> int:
    """Where the node's own text ends: before any comment or blank line that follows it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    end = node.end_mark.index
    return len(text[:end].rstrip("\n")) if isinstance(node, yaml.ScalarNode) else end


def _entry(key: str, value: Any, indent: int) -> str:
    dumped = yaml.safe_dump({key: value}, sort_keys=False, width=4096)
    return ("\n" + " " * indent).join(dumped.rstrip("\n").split("\n"))


def _find(mapping: yaml.Node, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    for name, value in mapping.value:
        if name.value == key:
            return name, value
    return None


def edited(text: str, changes: Mapping[str, Any], where: str = "the config file") -> str:
    """The text with `changes` under `config:`; a value of None removes its key.

    Raises ConfigUnreadable when the text is not a mapping with a mapping under `config`.
    """
    for key, value in changes.items():
        text = _with(text, key, value, where)
    return text


def _with(text: str, key: str, value: Any, where: str) -> str:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ConfigUnreadable(f"{where} is not YAML: {error}") from error
    if tree is not None and not isinstance(tree, yaml.MappingNode):
        raise ConfigUnreadable(f"{where} must hold a mapping with `config:` in it")
    config = _find(tree, "config") if tree is not None else None
    if config is None or (isinstance(config[1], yaml.ScalarNode) and not config[1].value):
        if value is None:
            return text
        if config is None:
            body = text if not text or text.endswith("\n") else text + "\n"
            return f"{body}config:\n  {_entry(key, value, 2)}\n"
        at = text.index(":", config[0].end_mark.index) + 1
        return f"{text[:at]}\n  {_entry(key, value, 2)}{text[at:] or chr(10)}"
    node = config[1]
    if not isinstance(node, yaml.MappingNode):
        raise ConfigUnreadable(f"{where}: `config` must be a mapping, found {node.tag}")
    if node.flow_style:
        values = yaml.safe_load(text)["config"]
        values = (
            {**values, key: value} if value is not None else {k: v for k, v in values.items() if k != key}
        )
        flow = yaml.safe_dump(values, sort_keys=False, width=4096, default_flow_style=True).rstrip("\n")
        return text[: node.start_mark.index] + flow + text[node.end_mark.index :]
    present = _find(node, key)
    if present is None:
        if value is None:
            return text
        indent, end = node.value[0][0].start_mark.column, _end(node, text)
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end
        return f"{text[:line_end]}\n{' ' * indent}{_entry(key, value, indent)}{text[line_end:] or chr(10)}"
    name, old = present
    start, end = name.start_mark.index, _end(old, text)
    if value is None:
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", end)
        return text[:line_start] + (text[line_end + 1 :] if line_end >= 0 else "")
    return text[:start] + _entry(key, value, name.start_mark.column) + text[end:]


def read(path: Path) -> dict[str, Any]:
    """The plain values under `config:`; {} when there is no file yet."""
    if not path.exists():
        return {}
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigUnreadable(f"{path} is not YAML: {error}") from error
    return _plain(text, path)


def _plain(text: str, path: Path) -> dict[str, Any]:
    try:
        tree = yaml.load(text, LOADER)  # noqa: S506  (either of them is the safe loader)
    except yaml.YAMLError as error:
        raise ConfigUnreadable(f"{path} is not YAML: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict) or not isinstance(tree.get("config") or {}, dict):
        raise ConfigUnreadable(f"{path} must hold a mapping with a mapping under `config:`")
    return dict(tree.get("config") or {})


def write(path: Path, changes: Mapping[str, Any]) -> bool:
    """Apply `changes` under a lock, beside and renamed; False when nothing had to change."""
    with _locked(path):
        text = path.read_text("utf-8") if path.exists() else ""
        new = edited(text, changes, str(path))
        if new == text:
            return False
        replace_file(path, new)
        return True


def change(path: Path, key: str, become: Callable[[Any], Any]) -> bool:
    """Set a key to what `become` makes of its value (None where it has none), under the same lock.

    False when nothing had to change. What `become` raises leaves the file as it is.
    """
    with _locked(path):
        text = path.read_text("utf-8") if path.exists() else ""
        old = read(path).get(key)
        value = become(old)
        if value == old:
            return False
        replace_file(path, edited(text, {key: value}, str(path)))
        return True


def exchange(path: Path, key: str, seen: Any, value: Any) -> bool:
    """Write `value` where the key still has the value `seen`; False, and nothing written, where not.

    `seen` is None for a key that is not there. Raises FileNotFoundError when the file is gone: it is
    never begun anew.
    """
    with _locked(path):
        text = path.read_text("utf-8")
        if _plain(text, path).get(key) != seen:
            return False
        replace_file(path, edited(text, {key: value}, str(path)))
        return True


def replace_file(path: Path, text: str, mode: int = 0o600) -> None:
    """Write beside, flush to disk, rename: a reader sees the old text or the new, never half."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

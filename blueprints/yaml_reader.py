"""Reads YAML into nodes: event by event, never deeper or larger than the limits.

Scalars follow the YAML 1.2 core schema, so `no` is a word and `3:1` is not a number of
seconds. Tags other than the core ones are refused. Nothing is ever executed.
"""

import re
from typing import Any

import yaml

from blueprints.nodes import DEPTH_LIMIT, NODE_LIMIT, Node, ReadError, too_deep, too_many

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INTEGER = re.compile(r"[-+]?[0-9]{1,40}")
_BASED = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAGS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}
_CORE = "tag:yaml.org,2002:"
_MERGE = "<<"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def plain_value(text: str) -> Any:
    """The value of an unquoted scalar under the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text, 0)
        if len(text) <= 64 and _FLOAT.fullmatch(text):
            return float(text)
    return text


def _tagged(event: Any, line: int, column: int) -> Any:
    tag, text = event.tag.removeprefix(_CORE), event.value
    value = plain_value(text) if tag != "str" else text
    if tag not in _TAGS:
        raise ReadError(
            "ALT1009",
            f"the tag {event.tag} is not allowed",
            line,
            column,
            hint="Write the value without a tag.",
        )
    if not isinstance(value, _TAGS[tag]):
        raise ReadError("ALT1009", f"{text!r} cannot be read as !!{tag}", line, column)
    return value


class _Builder:
    """Builds the nodes of one document from its events."""

    def __init__(self) -> None:
        self.anchors: dict[str, Node] = {}
        self.open_anchors: set[str] = set()
        self.total = 0

    def scalar(self, event: Any) -> Node:
        mark, end = event.start_mark, event.end_mark
        line, column = mark.line + 1, mark.column + 1
        if event.tag is not None and event.tag != "!":
            value = _tagged(event, line, column)
        else:
            value = plain_value(event.value) if event.implicit[0] else event.value
        end_column = end.column + 1 if end.line == mark.line else 0
        node = Node(value, line, column, end_column)
        if event.anchor:
            self.anchors[event.anchor] = node
        self.count(node, line, column)
        return node

    def alias(self, event: Any, depth: int) -> Node:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if event.anchor in self.open_anchors:
            raise ReadError(
                "ALT1009", f"the alias *{event.anchor} stands inside its own anchor", line, column
            )
        node = self.anchors.get(event.anchor)
        if node is None:
            raise ReadError("ALT1009", f"the alias *{event.anchor} has no anchor before it", line, column)
        if depth + node.height > DEPTH_LIMIT:
            too_deep(line, column)
        self.count(node, line, column)
        return node

    def count(self, node: Node, line: int, column: int) -> None:
        self.total += node.weight
        if self.total > NODE_LIMIT:
            too_many(line, column)


class _Frame:
    """A mapping or list whose end has not been read yet."""

    __slots__ = ("anchor", "key", "merged", "node")

    def __init__(self, node: Node, anchor: str | None) -> None:
        self.node, self.anchor = node, anchor
        self.key: Node | None = None
        self.merged: list[Node] = []


def _add(frame: _Frame, child: Node, line: int, column: int) -> None:
    """Put `child` (a key, a value or an item, by turn) into the open frame."""
    value = frame.node.value
    frame.node.weight += child.weight
    if frame.node.height <= child.height:
        frame.node.height = child.height + 1
    if isinstance(value, list):
        value.append(child)
    elif frame.key is None:
        frame.key = _checked_key(child, value, frame)
    else:
        key, frame.key = frame.key, None
        if key.value == _MERGE and isinstance(key.value, str):
            frame.merged.append(Node(child, line, column))
        else:
            value[key.value] = (key, child)


def _checked_key(key: Node, mapping: dict[Any, Any], frame: _Frame) -> Node:
    if not isinstance(key.value, (str, int, float, bool, type(None))):
        raise ReadError("ALT1009", "a key must be a plain word", key.line, key.column)
    text = (
        key.value if isinstance(key.value, str) else "null" if key.value is None else str(key.value).lower()
    )
    if text in mapping or (text == _MERGE and frame.merged):
        first = mapping[text][0].line if text in mapping else frame.merged[0].line
        raise ReadError(
            "ALT1006",
            f"the key {text[:80]!r} stands twice in this mapping, first on line {first}",
            key.line,
            key.column,
            hint="Keep one of them.",
        )
    return key if isinstance(key.value, str) else Node(text, key.line, key.column, key.end_column)


def _merge(frame: _Frame) -> None:
    """Take over the keys of `<<`; the mapping's own keys win, then the first merged."""
    for holder in frame.merged:
        source: Node = holder.value
        sources = source.value if isinstance(source.value, list) else [source]
        for item in sources:
            if not item.is_mapping:
                raise ReadError(
                    "ALT1009", "<< takes a mapping or a list of mappings", holder.line, holder.column
                )
            for key, pair in item.value.items():
                frame.node.value.setdefault(key, pair)


def read_yaml(text: str) -> list[Node]:
    """Every document of a YAML text. Raises ReadError with the place of the fault."""
    documents: list[Node] = []
    builder = _Builder()
    stack: list[_Frame] = []
    try:
        parser = _Loader(text)
        next_event = parser.get_event
        while True:
            event = next_event()
            kind = type(event)
            mark = event.start_mark
            if kind is yaml.ScalarEvent:
                node = builder.scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                _open(event, kind is yaml.MappingStartEvent, stack, builder)
                continue
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = _close(stack, builder)
            elif kind is yaml.AliasEvent:
                node = builder.alias(event, len(stack))
            elif kind is yaml.StreamEndEvent:
                return documents
            else:
                builder.anchors.clear()
                continue
            if stack:
                _add(stack[-1], node, mark.line + 1, mark.column + 1)
            else:
                documents.append(node)
    except yaml.YAMLError as error:
        raise _syntax_error(error, text) from None


def _open(event: Any, mapping: bool, stack: list[_Frame], builder: _Builder) -> None:
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    if len(stack) >= DEPTH_LIMIT:
        too_deep(line, column)
    if event.tag not in (None, "!", f"{_CORE}{'map' if mapping else 'seq'}"):
        raise ReadError("ALT1009", f"the tag {event.tag} is not allowed", line, column)
    node = Node({} if mapping else [], line, column)
    builder.count(node, line, column)
    if event.anchor:
        builder.open_anchors.add(event.anchor)
    stack.append(_Frame(node, event.anchor))


def _close(stack: list[_Frame], builder: _Builder) -> Node:
    frame = stack.pop()
    if frame.merged:
        _merge(frame)
    if frame.anchor:
        builder.open_anchors.discard(frame.anchor)
        builder.anchors[frame.anchor] = frame.node
    return frame.node


def _syntax_error(error: yaml.YAMLError, text: str) -> ReadError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        return ReadError("ALT1004", f"not valid YAML: {reason}", line, column, hint=_syntax_hint(reason))
    found = _UNPRINTABLE.search(text)
    if found:
        before = text[: found.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        return ReadError(
            "ALT1004", f"the character U+{ord(found.group()):04X} is not allowed in YAML", line, column
        )
    reason = str(getattr(error, "reason", "") or error).splitlines()[0]
    return ReadError("ALT1004", f"not valid YAML: {reason}")


def _syntax_hint(reason: str) -> str:
    if "mapping values are not allowed" in reason:
        return "Check the indentation, or quote a text that holds a colon."
    if "cannot start any token" in reason:
        return "Use spaces, not tabs, and quote a text that begins with a sign such as @, % or `."
    if "block mapping" in reason or "block collection" in reason:
        return "Check that keys of one mapping are indented alike."
    return ""

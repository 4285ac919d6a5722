"""Reads JSON into nodes that know their line and column, without recursion."""

import json
import re
from typing import Any

from blueprints.nodes import DEPTH_LIMIT, NODE_LIMIT, Node, ReadError, too_deep, too_many

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,40})(?:\.[0-9]{1,60})?(?:[eE][-+]?[0-9]{1,6})?")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None}
_WORD = re.compile(r"true|false|null")


class _Reader:
    def __init__(self, text: str, repeated: list[Node] | None) -> None:
        self.text = text
        self.repeated = repeated
        self.at = 0
        self.line, self.line_start = 1, 0
        self.total = 0

    def place(self) -> tuple[int, int]:
        return self.line, self.at - self.line_start + 1

    def skip(self) -> str:
        """Go past white space; the next character, or nothing at the end."""
        end = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
        breaks = self.text.count("\n", self.at, end)
        if breaks:
            self.line += breaks
            self.line_start = self.text.rfind("\n", self.at, end) + 1
        self.at = end
        return self.text[end : end + 1]

    def fail(self, expected: str, hint: str = "") -> ReadError:
        found = repr(self.text[self.at : self.at + 12]) if self.at < len(self.text) else "the end of the file"
        return ReadError(
            "ALT1005", f"not valid JSON: expected {expected}, found {found}", *self.place(), hint
        )

    def node(self, value: Any, length: int = 0) -> Node:
        line, column = self.place()
        self.total += 1
        if self.total > NODE_LIMIT:
            too_many(line, column)
        return Node(value, line, column, column + length if length else 0)

    def scalar(self) -> Node:
        for pattern in (_STRING, _WORD, _NUMBER):
            match = pattern.match(self.text, self.at)
            if match:
                word = match.group()
                value = _WORDS[word] if word in _WORDS else _decoded(word)
                node = self.node(value, len(word))
                self.at = match.end()
                return node
        if self.text.startswith('"', self.at):
            raise self.fail("a text closed on its own line, with \\ only before a known escape")
        raise self.fail("a value", hint=self._value_hint())

    def _value_hint(self) -> str:
        return "Use double quotes." if self.text.startswith("'", self.at) else ""


def _decoded(word: str) -> Any:
    value = json.loads(word)
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def read_json(text: str, repeated: list[Node] | None = None) -> list[Node]:
    """The one value of a JSON text, as a list for symmetry with YAML. Raises ReadError.

    A key that stands twice is an error, unless `repeated` is given: then it is put there, and
    the last value counts, as in most readers of JSON.
    """
    reader = _Reader(text, repeated)
    stack: list[tuple[Node, str]] = []
    if not reader.skip():
        return []
    while True:
        node = _begin(reader, stack)
        while node is not None:
            node = _attach(reader, stack, node)
            if node is not None and not stack:
                if reader.skip():
                    raise reader.fail("the end of the file")
                return [node]


def _begin(reader: _Reader, stack: list[tuple[Node, str]]) -> Node | None:
    """Read a value's beginning: a scalar or an empty container is complete, else None."""
    char = reader.skip()
    if char not in ("{", "["):
        return reader.scalar()
    if len(stack) >= DEPTH_LIMIT:
        too_deep(*reader.place())
    node = reader.node({} if char == "{" else [])
    reader.at += 1
    following = reader.skip()
    if following == ("}" if char == "{" else "]"):
        reader.at += 1
        return node
    stack.append((node, ""))
    if char == "{":
        _read_key(reader, stack)
    return None


def _read_key(reader: _Reader, stack: list[tuple[Node, str]]) -> None:
    char = reader.skip()
    if char != '"':
        last = char == "}"
        raise reader.fail("a key in double quotes", "Remove the comma before it." if last else "")
    key = reader.scalar()
    mapping: Node = stack[-1][0]
    if key.value in mapping.value and reader.repeated is not None:
        reader.repeated.append(key)
    elif key.value in mapping.value:
        first = mapping.value[key.value][0].line
        raise ReadError(
            "ALT1006",
            f"the key {key.value[:80]!r} stands twice in this object, first on line {first}",
            key.line,
            key.column,
            "Keep one of them.",
        )
    if reader.skip() != ":":
        raise reader.fail("a colon")
    reader.at += 1
    mapping.value[key.value] = (key, key)
    stack[-1] = (mapping, key.value)


def _attach(reader: _Reader, stack: list[tuple[Node, str]], node: Node) -> Node | None:
    """Put a complete value into what is open; the container where that completes it too."""
    if not stack:
        return node
    parent, key = stack[-1]
    parent.weight += node.weight
    parent.height = max(parent.height, node.height + 1)
    mapping = isinstance(parent.value, dict)
    if mapping:
        parent.value[key] = (parent.value[key][0], node)
    else:
        parent.value.append(node)
    char = reader.skip()
    if char == ",":
        reader.at += 1
        if mapping:
            _read_key(reader, stack)
        elif reader.skip() == "]":
            raise reader.fail("a value", "Remove the comma before it.")
        return None
    if char == ("}" if mapping else "]"):
        reader.at += 1
        stack.pop()
        return parent
    raise reader.fail("a comma or the end of the " + ("object" if mapping else "list"))

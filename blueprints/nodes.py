"""The tree a file is read into: plain values that remember where they stood."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from blueprints.findings import Finding

DEPTH_LIMIT = 120
"""The deepest nesting of mappings and lists."""

NODE_LIMIT = 250_000
"""The most values in one file after aliases are expanded."""


class ReadError(Exception):
    """A file that cannot be read as documents. Lines and columns count from 1."""

    def __init__(self, code: str, message: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.column, self.hint = code, message, line, column, hint

    def finding(self, file: str, source_line: str = "") -> Finding:
        """The error as a finding about `file`."""
        return Finding(
            self.code, self.message, file, self.line, self.column, hint=self.hint, source_line=source_line
        )


@dataclass(slots=True)
class Node:
    """A value in a file: a mapping (dict of key to pair), a list of nodes, or a scalar.

    `weight` is the number of values with all aliases expanded, `height` the levels below.
    """

    value: Any
    line: int
    column: int
    end_column: int = 0
    weight: int = 1
    height: int = 0

    @property
    def is_mapping(self) -> bool:
        """Whether the node is a mapping."""
        return isinstance(self.value, dict)

    def data(self) -> Any:
        """The plain Python value."""
        if isinstance(self.value, dict):
            return {key: pair[1].data() for key, pair in self.value.items()}
        if isinstance(self.value, list):
            return [item.data() for item in self.value]
        return self.value

    def find(self, path: Sequence[str | int], key: bool = False) -> "Node":
        """The node at `path`, or the nearest one above it; the key's own node where `key` is asked."""
        node: Node = self
        for step in path:
            if isinstance(node.value, dict) and step in node.value:
                pair = node.value[step]
                node = pair[0] if key and step is path[-1] else pair[1]
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
            else:
                break
        return node


def too_deep(line: int, column: int) -> NoReturn:
    """Refuse nesting past the limit."""
    raise ReadError("ALT1007", f"nested more than {DEPTH_LIMIT} levels deep", line, column)


def too_many(line: int, column: int) -> NoReturn:
    """Refuse more values than the limit, aliases expanded."""
    raise ReadError(
        "ALT1008",
        f"the file holds more than {NODE_LIMIT:,} values once its aliases are expanded",
        line,
        column,
        hint="Split the file, or write the repeated part once as a CartridgeGroup.",
    )

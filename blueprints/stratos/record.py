"""Tolerant access to the values of a Stratos document, where numbers and truth values may be text."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blueprints.nodes import Node


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object with its file. What is absent or of the wrong type reads as nothing.

    `read` collects what was asked for, as pairs of an object's identity and a key; a document and
    everything below it share one.
    """

    file: Path
    node: Node
    read: set[tuple[int, str]] = field(default_factory=set, compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self.node.line

    def has(self, key: str) -> bool:
        """Whether the key is there with a value."""
        return self._value(key) is not None

    def _value(self, key: str) -> Node | None:
        self.read.add((id(self.node), key))
        pair = self.node.value.get(key) if isinstance(self.node.value, dict) else None
        return pair[1] if pair is not None and pair[1].value is not None else None

    def line_of(self, key: str) -> int:
        """The line a value stands on, or the record's own."""
        value = self._value(key)
        return value.line if value is not None else self.node.line

    def keys(self) -> tuple[str, ...]:
        """Its keys."""
        return tuple(self.node.value) if isinstance(self.node.value, dict) else ()

    def text(self, key: str) -> str:
        """A scalar as text without white space around it; empty where there is none."""
        value = self._value(key)
        if value is None or isinstance(value.value, (dict, list)):
            return ""
        if isinstance(value.value, bool):
            return str(value.value).lower()
        return str(value.value).strip()

    def number(self, key: str) -> float | None:
        """A finite number, given as one or as text."""
        try:
            found = float(self.text(key))
        except ValueError:
            return None
        return found if math.isfinite(found) else None

    def integer(self, key: str) -> int | None:
        """A whole number, given as one or as text."""
        found = self.number(key)
        return int(found) if found is not None and found == int(found) and abs(found) < 2**53 else None

    def boolean(self, key: str) -> bool:
        """Whether the value is true, given as a truth value or as text."""
        return self.text(key).lower() == "true"

    def record(self, key: str) -> "Record | None":
        """An object below."""
        value = self._value(key)
        return (
            Record(self.file, value, self.read)
            if value is not None and isinstance(value.value, dict)
            else None
        )

    def records(self, key: str) -> list["Record"]:
        """The objects of a list below; one object alone counts as a list of one."""
        value = self._value(key)
        if value is None:
            return []
        items = value.value if isinstance(value.value, list) else [value]
        return [Record(self.file, item, self.read) for item in items if isinstance(item.value, dict)]

    def texts(self, key: str) -> list[tuple[str, int]]:
        """The scalars of a list below with their lines; one scalar alone counts as a list of one."""
        value = self._value(key)
        if value is None or isinstance(value.value, dict):
            return []
        items = value.value if isinstance(value.value, list) else [value]
        return [
            (str(item.value).strip(), item.line)
            for item in items
            if item.value is not None and not isinstance(item.value, (dict, list))
        ]

    def properties(self, *keys: str) -> Iterator[tuple[str, str, int]]:
        """The `{name, value}` pairs of lists below, as name, value and line."""
        for key in keys or ("property", "properties"):
            for entry in self.records(key):
                if entry.text("name"):
                    yield entry.text("name"), entry.text("value"), entry.line

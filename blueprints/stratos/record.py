"""Tolerant access to the values of a Stratos document, where numbers and truth values may be text."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blueprints.nodes import Node

_SCALARS = (str, int, float, bool)

Place = tuple[int, str]
"""A value: the identity of the object that holds it, and its key."""


@dataclass(slots=True)
class Reading:
    """What was asked for in a document, and whether it was there in the form that was asked for."""

    asked: set[Place] = field(default_factory=set)
    fitting: set[Place] = field(default_factory=set)
    unfit: set[Place] = field(default_factory=set)
    entries: set[int] = field(default_factory=set)
    """The identities of the entries of lists that were taken."""

    def note(self, place: Place, fits: bool) -> None:
        """A value was asked for in a certain form."""
        (self.fitting if fits else self.unfit).add(place)

    def missed(self, place: Place) -> bool:
        """Whether a value was never asked for."""
        return place not in self.asked

    def misread(self, place: Place) -> bool:
        """Whether a value was asked for in forms that it does not have only."""
        return place in self.unfit and place not in self.fitting


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object with its file. What is absent or of the wrong type reads as nothing.

    A document and everything below it share one `reading`.
    """

    file: Path
    node: Node
    reading: Reading = field(default_factory=Reading, compare=False, repr=False)

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self.node.line

    def has(self, key: str) -> bool:
        """Whether the key is there with a value."""
        return self._value(key) is not None

    def _value(self, key: str) -> Node | None:
        self.reading.asked.add((id(self.node), key))
        pair = self.node.value.get(key) if isinstance(self.node.value, dict) else None
        return pair[1] if pair is not None and pair[1].value is not None else None

    def _typed(self, key: str, *types: type) -> Node | None:
        """The value where it is of one of the types; nothing, noted, where it is of another."""
        value = self._value(key)
        if value is None:
            return None
        fits = isinstance(value.value, types)
        self.reading.note((id(self.node), key), fits)
        return value if fits else None

    def _items(self, value: Node, *types: type) -> list[Node]:
        """The entries of a list (or the value alone) that are of one of the types."""
        items = value.value if isinstance(value.value, list) else [value]
        found = [item for item in items if isinstance(item.value, types)]
        self.reading.entries.update(id(item) for item in found)
        return found

    def line_of(self, key: str) -> int:
        """The line a value stands on, or the record's own."""
        value = self._value(key)
        return value.line if value is not None else self.node.line

    def keys(self) -> tuple[str, ...]:
        """Its keys."""
        return tuple(self.node.value) if isinstance(self.node.value, dict) else ()

    def text(self, key: str) -> str:
        """A scalar as text without white space around it; empty where there is none."""
        value = self._typed(key, *_SCALARS)
        if value is None:
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
        value = self._typed(key, dict)
        return Record(self.file, value, self.reading) if value is not None else None

    def records(self, key: str) -> list["Record"]:
        """The objects of a list below; one object alone counts as a list of one."""
        value = self._typed(key, dict, list)
        if value is None:
            return []
        return [Record(self.file, item, self.reading) for item in self._items(value, dict)]

    def texts(self, key: str) -> list[tuple[str, int]]:
        """The scalars of a list below with their lines; one scalar alone counts as a list of one."""
        value = self._typed(key, list, *_SCALARS)
        if value is None:
            return []
        return [(str(item.value).strip(), item.line) for item in self._items(value, *_SCALARS)]

    def properties(self, *keys: str) -> Iterator[tuple[str, str, int]]:
        """The `{name, value}` pairs of lists below, as name, value and line."""
        for key in keys or ("property", "properties"):
            for entry in self.records(key):
                if entry.text("name"):
                    yield entry.text("name"), entry.text("value"), entry.line

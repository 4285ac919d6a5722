"""Edits of a config file's text that change the named keys and not one other character. Pure.

People keep comments and their own layout in `Pulumi.<stack>.yaml`. So a value is spliced into the text at the
marks of its node, and only where it differs; nothing is dumped anew that did not change. What comes out is
read again, and refused where anything but the named keys would mean something else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BYTE_ORDER_MARK = "\ufeff"
CONFIG = "config"
# What the safe loader raises for a document that is not YAML, or a value that does not fit its own tag.
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
_GONE = object()
"""In place of a value: the key goes."""


class ConfigUnreadable(Exception):
    """The stack's config file is no YAML mapping, or cannot be edited as it is; nothing was written."""

    exit_code = 2


def line_break(text: str) -> str:
    """How the text ends its lines."""
    return "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"


def settings(text: str, where: str) -> dict[str, Any]:
    """The plain values under `config:`. Raises ConfigUnreadable."""
    return dict(_document(text.removeprefix(BYTE_ORDER_MARK), where).get(CONFIG) or {})


def edited(text: str, changes: Mapping[str, Any], where: str = "the config file") -> str:
    """The text with `changes` under `config:`; a value of None removes its key.

    A mapping is changed entry by entry, so that comments and layout in it stay; they go only with an entry
    that goes, or that becomes something else than a mapping. Raises ConfigUnreadable for a text that is not
    a mapping with a mapping under `config`, and for one that cannot be changed there and nowhere else.
    """
    body = text.removeprefix(BYTE_ORDER_MARK)
    old = _document(body, where)
    wanted = {key: _GONE if value is None else value for key, value in changes.items()}
    splices = list(_Splicing(body, where).of_config(old, wanted))
    if not splices:
        return text
    new = _spliced(body, splices)
    if new is None or not _is_right(old, new, wanted):
        raise ConfigUnreadable(
            f"{where}: {', '.join(changes)} cannot be changed there without changing something else.\n"
            "  Write `config:` as plain lines `key: value`, without anchors (&), aliases (*) and `?`, "
            "and end the file with a line break."
        )
    return text[: len(text) - len(body)] + new


def _document(text: str, where: str) -> dict[str, Any]:
    try:
        tree = yaml.load(text, LOADER)  # noqa: S506  (either of them is the safe loader)
    except _UNREADABLE as error:
        raise ConfigUnreadable(f"{where} is not YAML: {error}") from error
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigUnreadable(f"{where} must hold a mapping with `config:` in it")
    if not isinstance(tree.get(CONFIG) or {}, dict):
        raise ConfigUnreadable(f"{where}: `config` must be a mapping, found {tree[CONFIG]!r}")
    return tree


def _is_right(old: Mapping[str, Any], new: str, wanted: Mapping[str, Any]) -> bool:
    """Whether the new text says what the old one did, and what was wanted."""
    try:
        found = _document(new, "")
    except ConfigUnreadable:
        return False
    values = {**(old.get(CONFIG) or {}), **wanted}
    values = {key: value for key, value in values.items() if value is not _GONE}
    return _same({**old, CONFIG: values}, {**found, CONFIG: found.get(CONFIG) or {}})


def _same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1 is neither true nor 1.0."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return len(one) == len(other) and all(
            key in other and _same(value, other[key]) for key, value in one.items()
        )
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and repr(one) == repr(other)  # also where it is not a number


# --- the text's nodes, where they stand ---


@dataclass(slots=True)
class _Node:
    """A node from `start` to `end`, before any comment or blank line that follows it.

    after: where the next line may begin: a block scalar that keeps its blank lines has them before that.
    linked: whether there is an anchor or an alias in it. children: of a mapping, keys and values by turns.
    """

    kind: Literal["scalar", "alias", "sequence", "mapping"]
    start: int
    end: int
    after: int
    line: int
    flow: bool
    linked: bool
    text: str = ""
    children: list["_Node"] = field(default_factory=list)

    @property
    def entries(self) -> list[tuple["_Node", "_Node"]]:
        return list(zip(self.children[::2], self.children[1::2], strict=True))

    def found(self, key: str) -> list[tuple["_Node", "_Node"]]:
        """The entries with this key: more than one where it is there twice."""
        return [each for each in self.entries if each[0].kind == "scalar" and each[0].text == key]


def _root(text: str) -> _Node | None:
    """The document's node; None for a text without one."""
    root: _Node | None = None
    above: list[_Node] = []
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.NodeEvent):
            node = _node(event, text)
            if above:
                above[-1].children.append(node)
            else:
                root = node
            if isinstance(event, yaml.CollectionStartEvent):
                above.append(node)
        elif isinstance(event, yaml.CollectionEndEvent):
            node = above.pop()
            node.linked = node.linked or any(each.linked for each in node.children)
            if node.flow or not node.children:
                node.end = node.after = _marks(event)[1].index
            else:
                node.end, node.after = node.children[-1].end, node.children[-1].after
    return root


def _marks(event: yaml.Event) -> tuple[Any, Any]:
    """Where it begins and ends; a parser of text always knows."""
    return event.start_mark, event.end_mark


def _node(event: yaml.NodeEvent, text: str) -> _Node:
    begins, ends = _marks(event)
    start, end, line = begins.index, ends.index, begins.line + 1
    linked, flow = event.anchor is not None, bool(getattr(event, "flow_style", False))
    if isinstance(event, yaml.AliasEvent):
        return _Node("alias", start, end, end, line, flow, linked)
    if isinstance(event, yaml.MappingStartEvent):
        return _Node("mapping", start, end, end, line, flow, linked)
    if isinstance(event, yaml.SequenceStartEvent):
        return _Node("sequence", start, end, end, line, flow, linked)
    assert isinstance(event, yaml.ScalarEvent)
    after = end
    if event.style in ("|", ">"):
        keeps = "+" in text[start:end].partition("\n")[0]
        end = start + len(text[start:end].rstrip("\r\n"))
        after = after if keeps else end
    return _Node("scalar", start, end, after, line, flow, linked, event.value)


# --- what is put where ---


@dataclass(frozen=True, slots=True)
class _Splice:
    """`text` in place of what is from `start` to `end`; whole lines of their own where `lines` says so."""

    start: int
    end: int
    text: str
    lines: bool = False


def _spliced(text: str, splices: Sequence[_Splice]) -> str | None:
    """The text with all of them; None where they overlap."""
    newline, new, at = line_break(text), "", 0
    for each in sorted(splices, key=lambda splice: (splice.start, splice.end)):
        if each.start < at:
            return None
        new += text[at : each.start]
        if each.lines and new and not new.endswith("\n"):
            new += newline
        new += each.text.replace("\n", newline)
        at = each.end
    return new + text[at:]


class _Splicing:
    """The splices that bring changes into one text."""

    def __init__(self, text: str, where: str) -> None:
        self._text, self._where = text, where

    def of_config(self, old: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[_Splice]:
        """What changes the keys under `config:`, which may not be there yet."""
        root, added = _root(self._text), {key: value for key, value in wanted.items() if value is not _GONE}
        if root is None or root.kind != "mapping":
            if added:
                yield _Splice(len(self._text), len(self._text), _lines({CONFIG: added}, 0), lines=True)
            return
        found = self._one(root, CONFIG)
        if found is None:
            if added:
                yield from self._added(root, {CONFIG: added}, kept=bool(root.children))
            return
        name, node = found
        if node.kind == "alias":
            self._refuse(node, CONFIG, "is an alias (*)", "Write out what it stands for.")
        if old[CONFIG] is not None:
            yield from self._changed(node, old[CONFIG], _differing(old[CONFIG], wanted))
        elif added and root.flow:
            yield self._inline(name, node, added)
        elif added:
            below = self._below(node)
            yield _Splice(node.start, node.end, "")
            yield _Splice(below, below, _lines(added, self._indent(name) + 2), lines=True)

    def _changed(self, node: _Node, old: Mapping[Any, Any], changes: Mapping[str, Any]) -> Iterator[_Splice]:
        """What changes a mapping: its entries one by one, then what goes, then what is new."""
        gone, added = set(), {}
        for key, value in changes.items():
            found = self._one(node, key)
            if found is not None:
                self._refuse_links(found, key)
            elif key in old and any(name.kind == "alias" for name, _ in node.entries):
                self._refuse(node, key, "is written as an alias (*)", "Write out what it stands for.")
            if found is None and value is not _GONE:
                added[key] = value
            elif found is not None and value is _GONE:
                gone.add(found[0].start)
            elif found is not None:
                yield from self._set(node, found, key, old.get(key), value)
        entries = node.entries
        kept = any(name.start not in gone for name, _ in entries)
        yield from (self._cut_inline if node.flow else self._cut_lines)(entries, gone)
        if added:
            yield from self._added(node, added, kept=kept)

    def _set(
        self, mapping: _Node, entry: tuple[_Node, _Node], key: str, old: Any, value: Any
    ) -> Iterator[_Splice]:
        name, node = entry
        nested = isinstance(value, Mapping)
        if nested and value and node.kind == "mapping" and _is_plain(node, old):
            yield from self._changed(node, old, _differing(old, value, whole=True))
        elif mapping.flow or node.flow or (node.kind == "scalar" and not (value and _is_collection(value))):
            yield self._inline(name, node, value)
        else:
            lines = _lines({key: value}, self._indent(name)).strip()
            yield _Splice(name.start, node.end, lines)

    def _inline(self, name: _Node, node: _Node, value: Any) -> _Splice:
        """A value in place of another, or of none, on its line."""
        before = ""
        if node.start == node.end:
            before = " " if ":" in self._text[name.end : node.start] else ": "
        return _Splice(node.start, node.end, before + _flow(value))

    def _added(self, node: _Node, values: Mapping[str, Any], *, kept: bool) -> Iterator[_Splice]:
        """New entries after the last one. kept: whether any of those that were there stays."""
        if not node.flow:
            below = self._below(node)
            yield _Splice(below, below, _lines(values, self._indent(node.children[0])), lines=True)
            return
        at = node.children[-1].end if node.children else self._text.index("{", node.start) + 1
        yield _Splice(at, at, (", " if kept else "") + _flow(dict(values))[1:-1])

    def _cut_lines(self, entries: list[tuple[_Node, _Node]], gone: set[int]) -> Iterator[_Splice]:
        for name, node in entries:
            if name.start in gone:
                yield _Splice(self._line(name), self._below(node), "")

    @staticmethod
    def _cut_inline(entries: list[tuple[_Node, _Node]], gone: set[int]) -> Iterator[_Splice]:
        """Each with the comma before it; those at the beginning with the one after."""
        leading = True
        for number, (name, node) in enumerate(entries):
            leading = leading and name.start in gone
            if leading:
                following = entries[number + 1][0].start if number + 1 < len(entries) else node.end
                yield _Splice(name.start, following, "")
            elif name.start in gone:
                yield _Splice(entries[number - 1][1].end, node.end, "")

    # --- where ---

    def _one(self, mapping: _Node, key: str) -> tuple[_Node, _Node] | None:
        found = mapping.found(key)
        if len(found) > 1:
            lines = " and ".join(str(name.line) for name, _ in found)
            self._refuse(found[0][0], key, f"is there twice, in lines {lines}", "Keep one of them.")
        if found and not mapping.flow and self._text[self._line(found[0][0]) : found[0][0].start].strip():
            self._refuse(found[0][0], key, "is no plain key", f"Write `{key}: ...` in a line of its own.")
        return found[0] if found else None

    def _refuse_links(self, entry: tuple[_Node, _Node], key: str) -> None:
        if entry[0].linked or entry[1].linked:
            self._refuse(
                entry[0],
                key,
                "has an anchor (&) or an alias (*) in it, which an edit would break",
                "Write out what it stands for, here and where it is used.",
            )

    def _refuse(self, node: _Node, key: str, what: str, hint: str) -> NoReturn:
        raise ConfigUnreadable(f"{self._where}:{node.line}: `{key}` {what}.\n  {hint}")

    def _line(self, node: _Node) -> int:
        """Where the node's line begins."""
        return self._text.rfind("\n", 0, node.start) + 1

    def _indent(self, node: _Node) -> int:
        line = self._text[self._line(node) : node.start]
        return len(line) - len(line.lstrip(" "))

    def _below(self, node: _Node) -> int:
        """Where the line after the node begins."""
        if node.after > node.end:
            return node.after
        found = self._text.find("\n", node.after)
        return len(self._text) if found < 0 else found + 1


def _differing(old: Mapping[Any, Any], new: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """What of `new` is not so already; with `whole`, also what is to go because `new` has it not."""
    changes = {key: value for key, value in new.items() if key not in old or not _same(old[key], value)}
    return {**changes, **{key: _GONE for key in old if key not in new}} if whole else changes


def _is_plain(node: _Node, old: Any) -> bool:
    """Whether the entries are what is read of them: each key a string, and there once."""
    return isinstance(old, dict) and list(old) == [name.text for name, _ in node.entries]


def _is_collection(value: Any) -> bool:
    return isinstance(value, Mapping | list | tuple)


def _lines(values: Mapping[str, Any], indent: int) -> str:
    dumped = yaml.safe_dump(dict(values), sort_keys=False, width=4096)
    return "".join(f"{' ' * indent}{line}\n" for line in dumped.rstrip("\n").split("\n"))


def _flow(value: Any) -> str:
    """A value on one line, as it may stand among others in braces."""
    text = _on_one_line([value], None)
    if "\n" in text:  # a string of several lines
        text = _on_one_line([value], '"')
    return text[1:-1]


def _on_one_line(value: Any, style: str | None) -> str:
    dumped: str = yaml.safe_dump(
        value, sort_keys=False, width=float("inf"), default_flow_style=True, default_style=style
    )
    return dumped.rstrip("\n")

"""Collects the Stratos documents below a folder, whatever its structure, and orders their variants."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from blueprints.json_reader import read_json
from blueprints.nodes import Node, ReadError
from blueprints.sources import decode, read_bytes
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport
from blueprints.stratos.shape import StratosKind, identity, kind_of

_SKIPPED = frozenset({"node_modules", "__pycache__"})


@dataclass(slots=True)
class Collection:
    """Stratos documents by kind and name; several of one name are variants, in the order of files."""

    report: ImportReport
    variants: dict[tuple[StratosKind, str], list[Record]] = field(default_factory=dict)

    def names(self, kind: StratosKind) -> list[str]:
        """The names of all documents of a kind."""
        return [name for k, name in self.variants if k == kind]

    def all(self, kind: StratosKind) -> Iterator[Record]:
        """All documents of a kind, variants included."""
        for (k, _), records in self.variants.items():
            if k == kind:
                yield from records

    def application_folders(self) -> set[Path]:
        """The folders that hold an application."""
        return {record.file.parent for record in self.all("application")}


def _files(source: Path) -> Iterator[Path]:
    if source.is_file():
        yield source
        return
    for entry in sorted(source.iterdir()):
        if entry.name.startswith(".") or entry.name in _SKIPPED or entry.is_symlink():
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.suffix.lower() == ".json" and entry.is_file():
            yield entry


def collect(source: Path, report: ImportReport) -> Collection:
    """Read every JSON file below a folder, or one file."""
    collection = Collection(report)
    seen: dict[tuple[StratosKind, str, str], Path] = {}
    for path in _files(source):
        report.files += 1
        try:
            repeated: list[Node] = []
            nodes = read_json(decode(read_bytes(path)), repeated)
        except ReadError as error:
            text = f"{error.message}. {error.hint}" if error.hint else error.message
            report.add("broken", path, error.line, "file", text)
            continue
        for key in repeated:
            report.add("changed", path, key.line, "file", f"{key.value!r} stands twice; the last one counts")
        if not nodes:
            report.add("broken", path, 1, "file", "the file is empty")
        for node in _objects(nodes):
            if not node.is_mapping:
                report.add("broken", path, node.line, "file", "this is not a JSON object")
                continue
            _sort(Record(path, node), collection, seen)
    return collection


def _objects(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node.value, list):
            yield from node.value
        else:
            yield node


def _sort(record: Record, collection: Collection, seen: dict[tuple[StratosKind, str, str], Path]) -> None:
    kind = kind_of(record)
    if kind is None:
        keys = ", ".join(record.keys()[:6]) or "no keys"
        collection.report.add(
            "not carried over",
            record.file,
            record.line,
            "file",
            f"no kind of document has this shape ({keys})",
        )
        return
    name = identity(record, kind)
    local = kind in ("application signup", "domain mappings", "git hook", "metadata property")
    if not name and not local:
        collection.report.add("broken", record.file, record.line, kind, "it has no id or name")
        return
    if local:
        name = str(record.file)
    content = json.dumps(record.node.data(), sort_keys=True)
    first = seen.setdefault((kind, name, content), record.file)
    if first is not record.file:
        collection.report.add(
            "carried over", record.file, record.line, f"{kind} {name}", f"the same as in {first}"
        )
        return
    collection.variants.setdefault((kind, name), []).append(record)

"""Loads documents from files: reads them, checks each against its kind, and keeps every place."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blueprints.explain import explain, place, shown
from blueprints.findings import Finding
from blueprints.kinds.registry import KINDS
from blueprints.model import API_VERSION, Document
from blueprints.nearest import nearest
from blueprints.nodes import Node, ReadError
from blueprints.sources import SUFFIXES, Source, decode, discover, read_bytes, read_text

_REPAIR_ROUNDS = 3


@dataclass(slots=True)
class Loaded:
    """A document with where it came from.

    `model` is missing where it cannot be understood at all; `repaired` tells that it was
    understood only after misspelt keys were guessed, for the sake of further checks.
    """

    source: Source
    node: Node
    kind: str
    name: str
    model: Document | None
    repaired: bool = False

    @property
    def folder(self) -> Path:
        """The folder relative paths in the document start from."""
        return self.source.folder

    def finding(
        self, code: str, message: str, path: tuple[str | int, ...] = (), *, key: bool = False, **more: Any
    ) -> Finding:
        """A finding about a place in this document."""
        value = more.pop("value", None)
        if value is None:
            value = shown(self.node.find(path).data(), path) if path else ""
        from_path = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in path).lstrip(".")
        return Finding(
            code, message, path=from_path, value=value, **place(self.source, self.node, path, key=key), **more
        )


def load(paths: Iterable[Path]) -> tuple[list[Loaded], list[Finding], int]:
    """Every document in the files and folders, the findings on the way, and the number of files."""
    documents: list[Loaded] = []
    findings: list[Finding] = []
    files = 0
    for path, named in discover(paths):
        files += 1
        loaded, found = load_file(path, named)
        documents += loaded
        findings += found
    return documents, findings, files


def load_file(path: Path, named: bool = True) -> tuple[list[Loaded], list[Finding]]:
    """The documents of one file and what is wrong with them."""
    text = ""
    try:
        if named and path.suffix.lower() not in SUFFIXES and path.is_file():
            raise ReadError(
                "ALT1001", f"files ending in {path.suffix or 'nothing'!r} hold no documents",
                hint=f"Documents are in {', '.join(sorted(SUFFIXES))} files.",
            )  # fmt: skip
        text = decode(read_bytes(path))
        nodes = read_text(text, path.suffix.lower())
    except ReadError as error:
        line = Source(path, text, []).line(error.line)
        return [], [error.finding(str(path), line)]
    return load_nodes(Source(path, text, nodes, named))


def load_text(text: str, name: str = "<text>.yaml") -> tuple[list[Loaded], list[Finding]]:
    """The documents of a text that is in no file."""
    path = Path(name)
    try:
        text = decode(text.encode("utf-8", "surrogatepass"))
        nodes = read_text(text, path.suffix.lower())
    except ReadError as error:
        return [], [error.finding(name, Source(path, text, []).line(error.line))]
    return load_nodes(Source(path, text, nodes))


def load_nodes(source: Source) -> tuple[list[Loaded], list[Finding]]:
    """The documents of a file that has been read."""
    documents: list[Loaded] = []
    findings: list[Finding] = []
    for node in _documents(source.nodes):
        if not node.is_mapping:
            if node.value is not None and source.asked:
                findings.append(_not_a_mapping(source, node))
            continue
        if not source.asked and not _concerns_us(node):
            continue
        loaded, found = _load_document(source, node)
        findings += found
        if loaded is not None:
            documents.append(loaded)
    if source.asked and not documents and not findings:
        findings.append(Finding("ALT1011", "the file holds no documents", source.name, 1, 1))
    return documents, findings


def _documents(nodes: list[Node]) -> Iterable[Node]:
    """The documents of a file; one that is a list of mappings counts as several."""
    for node in nodes:
        if isinstance(node.value, list) and node.value and all(item.is_mapping for item in node.value):
            yield from node.value
        else:
            yield node


def _concerns_us(node: Node) -> bool:
    """Whether a mapping found in a folder means to be one of our documents."""
    version = node.value.get("apiVersion")
    if version is not None:
        return isinstance(version[1].value, str) and version[1].value.startswith(("altostratus", "alto"))
    kind = node.value.get("kind")
    return kind is not None and isinstance(kind[1].value, str) and kind[1].value in KINDS


def _not_a_mapping(source: Source, node: Node) -> Finding:
    return Finding(
        "ALT1010", f"a document must be a mapping, this is {shown(node.data())}",
        source.name, node.line, node.column, source_line=source.line(node.line),
        hint=f"Begin with apiVersion: {API_VERSION}.",
    )  # fmt: skip


def _load_document(source: Source, node: Node) -> tuple[Loaded | None, list[Finding]]:
    findings: list[Finding] = []
    envelope = Loaded(source, node, "", "", None)
    version = node.value.get("apiVersion")
    if version is None:
        findings.append(
            envelope.finding("ALT1101", "'apiVersion' is missing", hint=f"Add apiVersion: {API_VERSION}.")
        )
    elif version[1].value != API_VERSION:
        findings.append(
            envelope.finding(
                "ALT1101",
                f"apiVersion {shown(version[1].data())} is unknown",
                ("apiVersion",),
                allowed=(API_VERSION,),
                hint=f"Write apiVersion: {API_VERSION}.",
            )
        )
    kind_node = node.value.get("kind")
    kind = kind_node[1].value if kind_node else None
    if not isinstance(kind, str) or kind not in KINDS:
        findings.append(_unknown_kind(envelope, kind, kind_node is None))
        return None, findings
    name = node.value["name"][1].value if "name" in node.value else None
    loaded = Loaded(source, node, kind, name if isinstance(name, str) else "", None)
    findings += _validate(loaded, skip_version=True)
    return loaded, findings


def _unknown_kind(envelope: Loaded, kind: Any, missing: bool) -> Finding:
    allowed = tuple(KINDS)
    if missing:
        return envelope.finding(
            "ALT1102", "'kind' is missing", allowed=allowed, hint=f"Add kind: one of {', '.join(allowed)}."
        )
    close = nearest(kind, allowed) if isinstance(kind, str) else ""
    return envelope.finding(
        "ALT1102", f"kind {shown(kind)} is unknown", ("kind",), allowed=allowed, nearest=close,
        hint=f"Did you mean {close!r}?" if close else f"Kinds are {', '.join(allowed)}.",
    )  # fmt: skip


def _validate(loaded: Loaded, skip_version: bool) -> list[Finding]:
    """Check the document against its kind, and keep the model where one can be had."""
    model = KINDS[loaded.kind]
    data: dict[str, Any] = loaded.node.data()
    data.pop("kind", None)
    if skip_version:
        data.pop("apiVersion", None)
    findings: list[Finding] = []
    for attempt in range(_REPAIR_ROUNDS):
        try:
            loaded.model = model.model_validate(data, by_name=False, by_alias=True)
        except ValidationError as error:
            errors = _genuine(error.errors(include_url=False))
            fresh = [explain(e, model, loaded.source, loaded.node) for e in errors]
            shown = _without_misspelt(fresh)
            findings += (
                [f for f in shown if f not in findings] if attempt == 0 else _new_faults(shown, findings)
            )
            if not _repair(data, errors, fresh):
                break
            loaded.repaired = True
        else:
            break
    return findings


def _genuine(errors: list[Any]) -> list[Any]:
    """Without lists that only seem too short because their entries are faulty."""
    return [
        e
        for e in errors
        if e["type"] != "too_short"
        or not any(o is not e and o["loc"][: len(e["loc"])] == e["loc"] for o in errors)
    ]


def _without_misspelt(findings: list[Finding]) -> list[Finding]:
    """Without missing keys that stand there under a misspelt name: one mistake, one finding."""
    meant = {(f.path.rpartition(".")[0], f.nearest) for f in findings if f.code == "ALT1103" and f.nearest}
    return [
        f for f in findings
        if f.code != "ALT1104" or (f.path.rpartition(".")[0], f.path.rpartition(".")[2]) not in meant
    ]  # fmt: skip


def _new_faults(fresh: list[Finding], known: list[Finding]) -> list[Finding]:
    """Faults that show only once misspelt keys are out of the way."""
    places = {(f.line, f.column) for f in known}
    return [f for f in fresh if f.code.startswith("ALT111") and (f.line, f.column) not in places]


def _repair(data: Any, errors: list[Any], findings: list[Finding]) -> bool:
    """Rename misspelt keys to what they were meant to be, or drop them; whether anything changed."""
    changed = False
    for error, finding in zip(errors, findings, strict=True):
        if error["type"] != "extra_forbidden":
            continue
        holder = data
        for step in error["loc"][:-1]:
            if (isinstance(holder, dict) and step in holder) or (
                isinstance(holder, list) and isinstance(step, int)
            ):
                holder = holder[step]
        key = error["loc"][-1]
        if isinstance(holder, dict) and key in holder:
            value = holder.pop(key)
            if finding.nearest:
                holder.setdefault(finding.nearest, value)
            changed = True
    return changed


def dump_json(documents: Iterable[Document]) -> str:
    """Documents as one JSON list, as they would be written by hand."""
    return json.dumps([d.to_document() for d in documents], indent=2, ensure_ascii=False)

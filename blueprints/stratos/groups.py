"""Stratos' group definitions, for use by name; applications have theirs in place."""

from typing import Any

from blueprints.kinds.cartridge_group import CartridgeGroup
from blueprints.stratos.dependencies import dependencies
from blueprints.stratos.naming import alias_of, free, name_of
from blueprints.stratos.record import Record
from blueprints.stratos.report import ImportReport


def group_document(record: Record, name: str, report: ImportReport) -> CartridgeGroup | None:
    """A definition as a CartridgeGroup whose aliases are the types."""
    subject = f"cartridge group {record.text('name')}"
    level = _level(record, subject, report)
    if level is None:
        report.add(
            "not carried over", record.file, record.line, subject, "it has neither cartridges nor groups"
        )
        return None
    return CartridgeGroup.model_validate({"name": name, **level}, by_name=False)


def _level(record: Record, subject: str, report: ImportReport) -> dict[str, Any] | None:
    taken: set[str] = set()
    aliases: dict[str, str] = {}
    cartridges: list[dict[str, Any]] = []
    for text, line in record.texts("cartridges"):
        if not text.strip():
            report.add("not carried over", record.file, line, subject, "a cartridge without a type")
            continue
        alias = free(alias_of(text), taken)
        aliases.setdefault(text, alias)
        cartridges.append({"alias": alias, "cartridge": name_of(text)})
    groups: list[dict[str, Any]] = []
    for inner in record.records("groups"):
        level = _level(inner, subject, report)
        name = inner.text("name") or inner.text("alias")
        if level is None or not name:
            report.add(
                "not carried over", record.file, inner.line, subject, f"group {name!r}, which is empty"
            )
            continue
        alias = free(alias_of(name), taken)
        aliases.setdefault(name, alias)
        groups.append({"alias": alias, **level})
    if not cartridges and not groups:
        return None
    level = {"cartridges": cartridges, "groups": groups}
    found = dependencies(record, lambda text: _translate(text, aliases), subject, report)
    return {key: value for key, value in (level | found).items() if value}


def _translate(text: str, aliases: dict[str, str]) -> str:
    """A dependency names a type, or an alias that applications were expected to choose."""
    if text in aliases:
        return aliases[text]
    endings = [alias for name, alias in aliases.items() if text in (f"my-{name}", f"my{name}")]
    return endings[0] if len(endings) == 1 else ""


def best_definition(reference: Record, variants: list[Record]) -> Record | None:
    """Of several definitions of one name, the one whose cartridges and groups an application binds."""
    if not variants:
        return None
    bound = _types_bound(reference)

    def misses(record: Record) -> int:
        return len(_types_defined(record) ^ bound)

    return min(variants, key=misses)


def _types_bound(reference: Record) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {("cartridge", c.text("type")) for c in reference.records("cartridges")}
    for inner in reference.records("groups"):
        found.add(("group", inner.text("name")))
        found |= {("in", inner.text("name"), *rest) for rest in _types_bound(inner)}
    return found


def _types_defined(record: Record) -> set[tuple[str, ...]]:
    found: set[tuple[str, ...]] = {("cartridge", text) for text, _ in record.texts("cartridges")}
    for inner in record.records("groups"):
        found.add(("group", inner.text("name")))
        found |= {("in", inner.text("name"), *rest) for rest in _types_defined(inner)}
    return found

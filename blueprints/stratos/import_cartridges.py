"""Cartridges, those that only applications and groups name included, and group definitions."""

from functools import partial
from pathlib import Path

from blueprints.stratos import cartridges, groups
from blueprints.stratos.naming import free, name_of
from blueprints.stratos.record import Record
from blueprints.stratos.session import FOLDERS, Session


def import_cartridges(session: Session) -> None:
    """A cartridge for each type that is described or used."""
    needed, fed = _needed(session)
    for name in session.collection.names("cartridge"):
        record = cartridges.choose(session.collection.variants["cartridge", name], session.report)
        subject = f"cartridge {name}"
        made = session.guarded(
            record, subject, partial(cartridges.CartridgeImport(record, session.report).make, name in fed)
        )
        if made is None:
            continue
        if made.name in session.cartridges:
            session.left(record, subject, f"another one is named {made.name!r} here")
            continue
        session.cartridges[made.name] = made
        session.emit(made, record, "cartridge")
    for kind, users in needed.items():
        if kind and name_of(kind) not in session.cartridges:
            made = cartridges.stand_in_for(kind, session.report, users)
            session.cartridges[made.name] = made
            session.report.documents[f"{FOLDERS['Cartridge']}/{made.name}.yaml"] = made


def _needed(session: Session) -> tuple[dict[str, list[tuple[Path, int]]], set[str]]:
    """The types in use with the places that use them, and the types that are given an artifact."""
    needed: dict[str, list[tuple[Path, int]]] = {}
    fed: set[str] = set()
    given = {
        repository.text("alias")
        for record in session.collection.all("application signup")
        for repository in record.records("artifactRepositories")
    }
    for record in session.collection.all("application"):
        for use in uses(record):
            needed.setdefault(use.text("type"), []).append((use.file, use.line))
            info = use.record("subscribableInfo") or use
            repository = info.record("artifactRepository")
            own = repository is not None and repository.text("repoUrl")
            if own or {info.text("alias"), use.text("type")} & given:
                fed.add(use.text("type"))
    for record in session.collection.all("cartridge group"):
        for text, line in _types(record):
            needed.setdefault(text, []).append((record.file, line))
    return needed, fed


def import_groups(session: Session) -> None:
    """Group definitions as documents of their own; applications have theirs in place."""
    for record in session.collection.all("cartridge group"):
        theirs = record.text("name") or record.text("alias")
        ours = free(name_of(theirs), session.names("CartridgeGroup"))
        subject = f"cartridge group {theirs}"
        made = session.guarded(record, subject, partial(groups.group_document, record, ours, session.report))
        if made is None:
            continue
        if ours != theirs:
            session.report.add("changed", record.file, record.line, subject, f"it is named {ours!r}")
        session.emit(made, record, "cartridge group")


def uses(record: Record) -> list[Record]:
    """Every cartridge reference of an application."""
    found: list[Record] = []
    components = record.record("components")
    pending: list[Record] = [components] if components is not None else []
    while pending:
        level = pending.pop()
        found += level.records("cartridges")
        pending += level.records("groups")
    return found


def _types(record: Record) -> list[tuple[str, int]]:
    """Every cartridge type of a group definition with its line."""
    found: list[tuple[str, int]] = []
    pending: list[Record] = [record]
    while pending:
        level = pending.pop()
        found += level.texts("cartridges")
        pending += level.records("groups")
    return found

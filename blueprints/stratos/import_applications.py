"""Applications, and the signups and domain mappings that belong to them."""

from functools import partial
from pathlib import Path

from blueprints.kinds.signup import Signup
from blueprints.stratos import accounts
from blueprints.stratos.applications import ApplicationImport, Surroundings, application_name
from blueprints.stratos.record import Record
from blueprints.stratos.session import Session
from blueprints.stratos.shape import StratosKind

Made = dict[str, tuple[Path, ApplicationImport]]
"""Applications by our names, with their folders."""

_BELONGING: tuple[tuple[StratosKind, str, str], ...] = (
    ("application signup", "artifactRepositories", "alias"),
    ("domain mappings", "domainMappings", "cartridgeAlias"),
)


def import_applications(session: Session) -> None:
    """Every application, then what belongs to one."""
    made: Made = {}
    for record in session.collection.all("application"):
        conversion = _application(session, record)
        if conversion is not None:
            name, found = conversion
            made[name] = (record.file.parent, found)
    for kind, entries, alias in _BELONGING:
        folders = {folder for folder, _ in made.values()}
        records = sorted(session.collection.all(kind), key=lambda record: record.file.parent not in folders)
        for record in records:
            owners = _owners(session, kind, record, {e.text(alias) for e in record.records(entries)}, made)
            for name in owners:
                _belonging(session, kind, record, name, made[name][1])


def _application(session: Session, record: Record) -> tuple[str, ApplicationImport] | None:
    folder = record.file.parent
    around = Surroundings(
        session.cartridges,
        {
            name: session.collection.variants["cartridge group", name]
            for name in session.collection.names("cartridge group")
        },
        {**session.autoscaling.get(None, {}), **session.autoscaling.get(folder, {})},
        {**session.deployment.get(None, {}), **session.deployment.get(folder, {})},
    )
    conversion = ApplicationImport(record, around, session.report)
    name = application_name(record, session.names("Application"))
    made = session.guarded(record, conversion.subject, partial(conversion.make, name))
    if made is None:
        return None
    if name != record.text("applicationId"):
        session.report.add("changed", record.file, record.line, conversion.subject, f"it is named {name!r}")
    session.emit(made, record, "application")
    return name, conversion


def _owners(session: Session, kind: StratosKind, record: Record, aliases: set[str], made: Made) -> list[str]:
    """The applications that a document belongs to, which requests named: those beside it, else the only
    one, else the only one that has what it speaks of."""
    beside = [name for name, (folder, _) in made.items() if folder == record.file.parent]
    if beside:
        return beside
    having = [
        name
        for name, (_, conversion) in made.items()
        if aliases & ({*conversion.aliases} | {*conversion.types})
    ]
    owners = list(made) if len(made) == 1 else having
    if len(owners) == 1:
        session.report.add(
            "changed", record.file, record.line, kind,
            f"it is taken as belonging to the application {owners[0]!r}; the document does not say",
        )  # fmt: skip
        return owners
    which = f"{', '.join(having)} could be meant" if having else "and no application has what it speaks of"
    session.left(record, kind, f"no application lies beside it, the document does not name one, {which}")
    return []


def _belonging(
    session: Session, kind: StratosKind, record: Record, name: str, conversion: ApplicationImport
) -> None:
    if kind == "application signup":
        if any(d.application == name for d in session.report.documents.values() if isinstance(d, Signup)):
            session.left(
                record, f"signup to {name}",
                "there is one already, and no document says which tenants they are of; add it to a tenant",
            )  # fmt: skip
            return
        signup = session.guarded(
            record,
            f"signup to {name}",
            partial(accounts.signup, record, conversion, name, session.names("Signup"), session.report),
        )
        if signup is not None:
            session.emit(signup, record, kind)
        return
    mappings = session.guarded(
        record,
        f"domain mappings of {name}",
        partial(
            accounts.domain_mappings, record, conversion, name,
            session.names("DomainMapping"), session.addresses, session.report,
        ),
    )  # fmt: skip
    for mapping in mappings or ():
        session.emit(mapping, record, kind)

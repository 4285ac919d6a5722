"""Tenants with their users, and what was never a document but a message to a running server."""

from functools import partial

from blueprints.stratos import accounts
from blueprints.stratos.naming import free, name_of
from blueprints.stratos.session import Session
from blueprints.stratos.shape import StratosKind

_MESSAGES: tuple[StratosKind, ...] = ("git hook", "metadata property")


def import_tenants(session: Session) -> None:
    """Tenants; users belong to the only tenant there is."""
    names = session.collection.names("tenant")
    users = list(session.collection.all("user"))
    for name in names:
        record = session.first("tenant", name)
        ours = free(name_of(name), session.names("Tenant"))
        mine = users if len(names) == 1 else []
        made = session.guarded(
            record, f"tenant {name}", partial(accounts.tenant, record, ours, mine, session.report)
        )
        if made is not None:
            session.emit(made, record, "tenant")
    for user in users if len(names) != 1 else ():
        session.left(
            user,
            f"user {user.text('userName')}",
            "it is not clear to which tenant; add it to the users of one",
        )


def import_messages(session: Session) -> None:
    """Git hooks and metadata, which are noted only."""
    for kind in _MESSAGES:
        for record in session.collection.all(kind):
            session.left(record, kind, "a message to a running server, not a document")

"""What the documents of a load balancer wish for: routes and domain mappings, their clusters looked up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from blueprints.balancing.model import (
    DIRECT_TENANT,
    Scope,
)
from blueprints.balancing.names import (
    Groups,
    path_key,
)
from blueprints.balancing.reach import Reached, first_http, port_of, reach
from blueprints.composition import ComposedLevel
from blueprints.kinds.application import Application
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.load_balancer import Listener, LoadBalancer
from blueprints.kinds.ports import Port
from blueprints.kinds.signup import Signup
from blueprints.loader import Loaded


class Documents(Protocol):
    """Where documents are found."""

    documents: dict[tuple[str, str], Loaded]

    def find(self, kind: str, name: str) -> Loaded | None:
        """The document, or nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a balancer stands: its level, with the groups around it, and the one cluster it is for."""

    scope: Scope
    name: str
    document: LoadBalancer
    level: ComposedLevel
    groups: Groups
    only: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """One route as a document words it, its cluster looked up."""

    host: str | None
    path: str
    rewrite: str | None
    weight: int
    tenant: str
    listeners: tuple[str, ...]
    reached: Reached
    port: Port


def takes_rules(listener: Listener) -> bool:
    return listener.protocol in ("http", "https") and listener.redirect_to is None


def routed(place: Place, application: Application, http: tuple[str, ...]) -> Iterator[Wish]:
    tenant = application.tenant or DIRECT_TENANT
    if place.scope == "cloud":
        return
    if place.document.routes:
        for route in place.document.routes:
            reached = reach(place.level, route.cluster)
            port = port_of(reached.cluster, route.port, http=True) if reached else None
            if reached is not None and port is not None:
                path, rewrite = path_key(route.path), _rewrite(route.path, route.rewrite)
                yield Wish(
                    route.host, path, rewrite, route.weight, tenant, route.listeners or http, reached, port
                )
        return
    reached = reach(place.level, place.only) if place.only else first_http(place.level)
    port = port_of(reached.cluster, None, http=True) if reached else None
    if reached is not None and port is not None and http:
        yield Wish(None, "/", None, 100, tenant, http, reached, port)


def _rewrite(path: str, rewrite: str | None) -> str | None:
    found = path_key(rewrite) if rewrite is not None else None
    return None if found == path_key(path) else found


def mappings_of(application: str, documents: Documents) -> list[DomainMapping]:
    models = (document.model for document in documents.documents.values())
    return [m for m in models if isinstance(m, DomainMapping) and m.application == application]


def mapped(
    place: Place,
    application: Application,
    mappings: Iterable[DomainMapping],
    http: tuple[str, ...],
    documents: Documents,
) -> Iterator[Wish]:
    for mapping in mappings:
        reached = reached_from(place, mapping.cluster)
        port = port_of(reached.cluster, mapping.port, http=True) if reached else None
        if reached is None or port is None or not http:
            continue
        tenant = _tenant(mapping, application, documents)
        path, rewrite = path_key(mapping.path), _rewrite(mapping.path, mapping.rewrite)
        yield Wish(mapping.domain, path, rewrite, 100, tenant, http, reached, port)


def reached_from(place: Place, path: str) -> Reached | None:
    """A cluster that a mapping names by its path in the application, where this balancer covers it."""
    steps, around = tuple(path.split("/")), tuple(alias for alias, _ in place.groups)
    if len(steps) > len(around) and steps[: len(around)] == around:
        steps = steps[len(around) :]
    elif len(steps) > 1:
        return None
    reached = reach(place.level, "/".join(steps))
    covered = reached is not None and place.only in (None, reached.path[0])
    return reached if covered else None


def _tenant(mapping: DomainMapping, application: Application, documents: Documents) -> str:
    found = documents.find("Signup", mapping.signup) if mapping.signup else None
    signed = found.model.tenant if found and isinstance(found.model, Signup) else None
    return signed or application.tenant or DIRECT_TENANT

"""The load balancers of an application, from its documents and its scale. Pure.

Splits hold every instance that groups may have, so that scaling changes no configuration.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from blueprints.balancing.model import (
    DIRECT_TENANT,
    Backend,
    Balancer,
    GivenFor,
    MemberProtocol,
    PlannedListener,
    Rule,
    Scope,
    Split,
)
from blueprints.balancing.names import (
    Groups,
    application_balancer,
    bind_port,
    cloud_balancer,
    cluster_balancer,
    group_balancer,
    path_key,
)
from blueprints.balancing.reach import Reached, first_http, http_port, instances, level_at, port_of, reach
from blueprints.composition import ComposedLevel
from blueprints.kinds.application import Application
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.load_balancer import Listener, LoadBalancer
from blueprints.kinds.ports import Port
from blueprints.kinds.signup import Signup
from blueprints.loader import Loaded
from blueprints.names import LABEL_LIMIT, cluster_name, service_name, shorten
from blueprints.plan import Plan

LABEL = "altostratus.dev/balancer"

_WEIGHT = 100
_SPLIT_LIMIT = 63
_FINE = 100
"""The weight of a route that shares its requests with another is divided among its cluster's copies."""

_MEMBER_PROTOCOLS: Mapping[str, MemberProtocol] = {
    "http": "http", "websocket": "http", "https": "https", "http2": "h2c", "grpc": "h2c",
}  # fmt: skip


class Documents(Protocol):
    """Where documents are found."""

    documents: dict[tuple[str, str], Loaded]

    def find(self, kind: str, name: str) -> Loaded | None:
        """The document, or nothing."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a balancer stands: its level, with the groups around it, and the one cluster it is for."""

    scope: Scope
    name: str
    document: LoadBalancer
    level: ComposedLevel
    groups: Groups
    only: str | None = None


@dataclass(frozen=True, slots=True)
class _Wish:
    """One route as a document words it, its cluster looked up."""

    host: str | None
    path: str
    rewrite: str | None
    weight: int
    tenant: str
    listeners: tuple[str, ...]
    reached: Reached
    port: Port


def with_balancers(plan: Plan, root: ComposedLevel, documents: Documents) -> Plan:
    """The plan with its load balancers; what they front is inside the cluster only, unless `direct`."""
    made = tuple(_balancer(place, plan, documents) for place in _places(plan, root, documents))
    shared = tuple(_shared(plan, root, documents))
    hidden = {
        (backend.namespace, backend.service)
        for balancer in (*made, *shared)
        if not balancer.document.direct
        for backend in balancer.backends
    }
    clusters = {
        identity: replace(
            cluster,
            ports=tuple(
                replace(port, exposure="cluster", node_port=None)
                if (plan.namespace, port.service) in hidden
                else port
                for port in cluster.ports
            ),
        )
        for identity, cluster in plan.clusters.items()
    }
    return replace(plan, clusters=clusters, balancers=made, shared=shared) if made or shared else plan


def _shared(plan: Plan, root: ComposedLevel, documents: Documents) -> Iterator[Balancer]:
    """What balancers that a cloud's applications share do for this one."""
    found = documents.find("LoadBalancer", plan.application.load_balancer or "")
    model = found.model if found else None
    if isinstance(model, LoadBalancer) and model.scope == "cloud":
        yield _balancer(_Place("cloud", cloud_balancer(model.name), model, root, ()), plan, documents)


def _places(plan: Plan, root: ComposedLevel, documents: Documents) -> Iterator[_Place]:
    for level in plan.levels.values():
        document = _document(level.load_balancer, documents)
        groups = parse_groups(level.id)
        composed = level_at(root, tuple(alias for alias, _ in groups))
        if document is not None:
            name = group_balancer(groups) if groups else application_balancer()
            yield _Place("group" if groups else "application", name, document, composed, groups)
        for child in level.children.values():
            found = composed.clusters.get(child.alias)
            mine = _document(found.use.load_balancer, documents) if found else None
            if mine is not None:
                name = cluster_balancer(groups, child.alias)
                yield _Place("cluster", name, mine, composed, groups, child.alias)


def parse_groups(level: str) -> Groups:
    """`search.1/inner.2` as pairs."""
    pairs = [step.rpartition(".") for step in level.split("/")] if level else []
    return tuple((alias, int(number)) for alias, _, number in pairs)


def _document(name: str | None, documents: Documents) -> LoadBalancer | None:
    found = documents.find("LoadBalancer", name) if name else None
    model = found.model if found else None
    return model if isinstance(model, LoadBalancer) and model.scope != "cloud" else None


def _balancer(place: _Place, plan: Plan, documents: Documents) -> Balancer:
    document = place.document
    http = tuple(each.name for each in document.listeners if _takes_rules(each))
    application = plan.application
    mappings = _mappings(application.name, documents)
    wishes = [
        *_routes(place, application, http),
        *_mapped(place, application, mappings, http, documents),
    ]
    parts = _Parts(place, plan)
    rules = _rules(wishes, parts)
    listeners = tuple(_listeners(parts, mappings))
    selector = {
        "altostratus.dev/application": shorten(application.name, LABEL_LIMIT),
        LABEL: place.name,
        "altostratus.dev/copy": plan.copy,
    }
    return Balancer(
        name=place.name,
        scope=place.scope,
        level="/".join(f"{alias}.{number}" for alias, number in place.groups),
        application=application.name,
        copy=plan.copy,
        namespace=plan.namespace,
        document=document,
        listeners=listeners,
        rules=rules,
        splits=tuple(parts.splits.values()),
        backends=tuple(parts.backends.values()),
        hosts=tuple(sorted({rule.host for rule in rules if rule.host})),
        selector=selector,
        labels={
            **document.labels,
            "app.kubernetes.io/name": place.name,
            "app.kubernetes.io/component": "load-balancer",
            "app.kubernetes.io/part-of": shorten(application.name, LABEL_LIMIT),
            "app.kubernetes.io/managed-by": "altostratus",
            **selector,
        },
    )


def _takes_rules(listener: Listener) -> bool:
    return listener.protocol in ("http", "https") and listener.redirect_to is None


def _routes(place: _Place, application: Application, http: tuple[str, ...]) -> Iterator[_Wish]:
    tenant = application.tenant or DIRECT_TENANT
    if place.scope == "cloud":
        return
    if place.document.routes:
        for route in place.document.routes:
            reached = reach(place.level, route.cluster)
            port = port_of(reached.cluster, route.port, http=True) if reached else None
            if reached is not None and port is not None:
                path, rewrite = path_key(route.path), _rewrite(route.path, route.rewrite)
                yield _Wish(
                    route.host, path, rewrite, route.weight, tenant, route.listeners or http, reached, port
                )
        return
    reached = reach(place.level, place.only) if place.only else first_http(place.level)
    port = port_of(reached.cluster, None, http=True) if reached else None
    if reached is not None and port is not None and http:
        yield _Wish(None, "/", None, 100, tenant, http, reached, port)


def _rewrite(path: str, rewrite: str | None) -> str | None:
    found = path_key(rewrite) if rewrite is not None else None
    return None if found == path_key(path) else found


def _mappings(application: str, documents: Documents) -> list[DomainMapping]:
    models = (document.model for document in documents.documents.values())
    return [m for m in models if isinstance(m, DomainMapping) and m.application == application]


def _mapped(
    place: _Place,
    application: Application,
    mappings: Iterable[DomainMapping],
    http: tuple[str, ...],
    documents: Documents,
) -> Iterator[_Wish]:
    for mapping in mappings:
        reached = _reached_from(place, mapping.cluster)
        port = port_of(reached.cluster, mapping.port, http=True) if reached else None
        if reached is None or port is None or not http:
            continue
        tenant = _tenant(mapping, application, documents)
        path, rewrite = path_key(mapping.path), _rewrite(mapping.path, mapping.rewrite)
        yield _Wish(mapping.domain, path, rewrite, 100, tenant, http, reached, port)


def _reached_from(place: _Place, path: str) -> Reached | None:
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


@dataclass(slots=True)
class _Parts:
    """Splits and backends as they are asked for."""

    place: _Place
    plan: Plan
    splits: dict[str, Split] = field(default_factory=dict)
    backends: dict[str, Backend] = field(default_factory=dict)

    def split(self, wishes: Sequence[_Wish]) -> str:
        """The split that wishes which match alike share."""
        names: list[str] = []
        shares: list[tuple[str, int]] = []
        for wish in wishes:
            backends = self.backends_of(wish.reached, wish.port, http=True)
            suffix = "" if wish.weight == _WEIGHT else f"-w{wish.weight}"
            names += [f"{_plain(backend.key)}{suffix}" for backend in backends]
            running = max(1, sum(each.cluster in self.plan.clusters for each in backends))
            share = wish.weight if len(wishes) == 1 else wish.weight * _FINE // running
            shares += [(backend.key, share) for backend in backends]
        name = shorten(".".join(names), _SPLIT_LIMIT)
        copies = len(names) > 1 and len({wish.reached.path for wish in wishes}) == 1
        return self.splits.setdefault(name, Split(name, tuple(shares), copies)).name

    def backends_of(self, reached: Reached, port: Port, *, http: bool) -> list[Backend]:
        """The backends of every copy that a cluster may have."""
        running = [parse_groups(level) for level in self.plan.levels]
        copies = instances(self.place.level, reached.path, self.place.groups, running)
        return [self._backend(groups, reached, port, http=http) for groups in copies]

    def _backend(self, groups: Groups, reached: Reached, port: Port, *, http: bool) -> Backend:
        alias = reached.path[-1]
        cluster = "/".join([*(f"{each}.{number}" for each, number in groups), alias])
        usual = http_port(reached.cluster)
        key = cluster if usual is not None and usual.name == port.name else f"{cluster}:{port.name}"
        key = key if http else f"{key}.stream"
        made = Backend(
            key=key,
            name=_plain(key),
            cluster=cluster,
            namespace=self.plan.namespace,
            service=service_name(cluster_name(groups, alias), port.name),
            port=port.name,
            protocol=_MEMBER_PROTOCOLS.get(port.protocol, "http") if http else "tcp",
            most=reached.cluster.use.members.max,
            target_port=port.port,
            selector={
                "altostratus.dev/application": shorten(self.plan.application.name, LABEL_LIMIT),
                "altostratus.dev/cluster": cluster_name(groups, alias),
                "altostratus.dev/copy": self.plan.copy,
            },
        )
        return self.backends.setdefault(key, made)


def _plain(key: str) -> str:
    """A backend's key in the letters that configurations allow."""
    return key.replace("/", "--").replace(":", "..")


def _rules(wishes: Iterable[_Wish], parts: _Parts) -> tuple[Rule, ...]:
    alike: dict[tuple[str | None, str, tuple[str, ...]], list[_Wish]] = {}
    for wish in wishes:
        alike.setdefault((wish.host, wish.path, tuple(sorted(wish.listeners))), []).append(wish)
    ordered = sorted(alike.items(), key=lambda each: telling(each[0][0], each[0][1]))
    return tuple(
        Rule(f"r{number}", host, path, same[0].rewrite, parts.split(same), same[0].tenant, listeners)
        for number, ((host, path, listeners), same) in enumerate(ordered)
    )


def telling(host: str | None, path: str) -> tuple[int, str, int, str]:
    """Exact hosts first, then wildcards, then any; in each the longest path first."""
    rank = 2 if host is None else 1 if host.startswith("*.") else 0
    return (rank, host or "", -len(path), path)


def _listeners(parts: _Parts, mappings: Iterable[DomainMapping]) -> Iterator[PlannedListener]:
    taken: set[int] = set()
    given = tuple(
        GivenFor(mapping.domain, mapping.certificate)
        for mapping in mappings
        if mapping.certificate is not None and _reached_from(parts.place, mapping.cluster)
    )
    for listener in parts.place.document.listeners:
        bind = bind_port(listener.port, taken)
        taken.add(bind)
        own = (GivenFor(None, listener.certificate),) if listener.certificate else ()
        yield PlannedListener(
            name=listener.name,
            port=listener.port,
            bind=bind,
            protocol=listener.protocol,
            node_port=listener.node_port,
            proxy_protocol=listener.proxy_protocol,
            http2=listener.http2,
            redirect_to=listener.redirect_to,
            backend=_stream_backend(listener, parts),
            certificates=(*own, *given) if listener.protocol == "https" else (),
        )


def _stream_backend(listener: Listener, parts: _Parts) -> str | None:
    if listener.protocol not in ("tcp", "tls"):
        return None
    reached = reach(parts.place.level, listener.target or parts.place.only or "")
    port = port_of(reached.cluster, listener.target_port, http=False) if reached else None
    if reached is None or port is None:
        return None
    return parts.backends_of(reached, port, http=False)[0].key

"""Rules, splits, backends and listeners of a load balancer, made from its wishes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from blueprints.balancing.model import (
    Backend,
    GivenFor,
    MemberProtocol,
    PlannedListener,
    Rule,
    Split,
)
from blueprints.balancing.names import (
    Groups,
    bind_port,
    parse_groups,
)
from blueprints.balancing.reach import Reached, http_port, instances, port_of, reach
from blueprints.balancing.wishes import Place, Wish, reached_from
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.load_balancer import Listener
from blueprints.kinds.ports import Port
from blueprints.names import LABEL_LIMIT, cluster_name, service_name, shorten
from blueprints.plan import Plan

_WEIGHT = 100
_SPLIT_LIMIT = 63
_FINE = 100
"""The weight of a route that shares its requests with another is divided among its cluster's copies."""

_MEMBER_PROTOCOLS: Mapping[str, MemberProtocol] = {
    "http": "http", "websocket": "http", "https": "https", "http2": "h2c", "grpc": "h2c",
}  # fmt: skip


@dataclass(slots=True)
class Parts:
    """Splits and backends as they are asked for."""

    place: Place
    plan: Plan
    splits: dict[str, Split] = field(default_factory=dict)
    backends: dict[str, Backend] = field(default_factory=dict)

    def split(self, wishes: Sequence[Wish]) -> str:
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


def rules_of(wishes: Iterable[Wish], parts: Parts) -> tuple[Rule, ...]:
    alike: dict[tuple[str | None, str, tuple[str, ...]], list[Wish]] = {}
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


def listeners_of(parts: Parts, mappings: Iterable[DomainMapping]) -> Iterator[PlannedListener]:
    taken: set[int] = set()
    given = tuple(
        GivenFor(mapping.domain, mapping.certificate)
        for mapping in mappings
        if mapping.certificate is not None and reached_from(parts.place, mapping.cluster)
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


def _stream_backend(listener: Listener, parts: Parts) -> str | None:
    if listener.protocol not in ("tcp", "tls"):
        return None
    reached = reach(parts.place.level, listener.target or parts.place.only or "")
    port = port_of(reached.cluster, listener.target_port, http=False) if reached else None
    if reached is None or port is None:
        return None
    return parts.backends_of(reached, port, http=False)[0].key

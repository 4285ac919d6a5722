"""One load balancer for several applications of a cloud: their parts put together. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from blueprints.balancing.model import Backend, Balancer, Rule, Split
from blueprints.balancing.parts import telling
from blueprints.balancing.planning import LABEL

NAMESPACE = "altostratus-balancing"
"""Where the balancers of a cloud run."""


def shared(parts: Sequence[Balancer]) -> Balancer:
    """The balancer that does what each of the parts asks for: one for each application.

    Names of splits and backends begin with their application's. Raises ValueError without parts.
    """
    if not parts:
        raise ValueError("a shared balancer needs an application at least")
    first = parts[0]
    named = [_named(part) for part in parts]
    rules = sorted((rule for part in named for rule in part.rules), key=lambda r: telling(r.host, r.path))
    given = {
        listener.name: [c for part in parts for c in part.listener(listener.name).certificates]
        for listener in first.listeners
    }
    selector = {LABEL: first.name, "altostratus.dev/copy": first.copy}
    return replace(
        first,
        application="",
        namespace=NAMESPACE,
        listeners=tuple(
            replace(each, certificates=tuple(dict.fromkeys(given[each.name]))) for each in first.listeners
        ),
        rules=tuple(replace(rule, name=f"r{number}") for number, rule in enumerate(rules)),
        splits=tuple(split for part in named for split in part.splits),
        backends=tuple(backend for part in named for backend in part.backends),
        hosts=tuple(sorted({host for part in parts for host in part.hosts})),
        selector=selector,
        labels={
            **first.document.labels,
            "app.kubernetes.io/name": first.name,
            "app.kubernetes.io/component": "load-balancer",
            "app.kubernetes.io/managed-by": "altostratus",
            **selector,
        },
    )


def _named(part: Balancer) -> Balancer:
    return replace(
        part,
        rules=tuple(_rules(part)),
        splits=tuple(_splits(part)),
        backends=tuple(_backends(part)),
    )


def _rules(part: Balancer) -> Iterator[Rule]:
    for rule in part.rules:
        tenant = rule.tenant if rule.tenant != "-" else part.application
        yield replace(rule, split=f"{part.application}.{rule.split}", tenant=tenant)


def _splits(part: Balancer) -> Iterator[Split]:
    for split in part.splits:
        shares = tuple((f"{part.application}/{key}", weight) for key, weight in split.shares)
        yield replace(split, name=f"{part.application}.{split.name}", shares=shares)


def _backends(part: Balancer) -> Iterator[Backend]:
    for backend in part.backends:
        yield replace(
            backend,
            key=f"{part.application}/{backend.key}",
            name=f"{part.application}--{backend.name}",
            cluster=f"{part.application}/{backend.cluster}",
        )

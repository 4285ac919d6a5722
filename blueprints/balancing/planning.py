"""The load balancers of an application, from its documents and its scale. Pure.

Splits hold every instance that groups may have, so that scaling changes no configuration.
"""

from collections.abc import Iterator
from dataclasses import replace

from blueprints.balancing.model import (
    Balancer,
)
from blueprints.balancing.names import (
    application_balancer,
    cloud_balancer,
    cluster_balancer,
    group_balancer,
    parse_groups,
)
from blueprints.balancing.parts import Parts, listeners_of, rules_of
from blueprints.balancing.reach import level_at
from blueprints.balancing.wishes import Documents, Place, mapped, mappings_of, routed, takes_rules
from blueprints.composition import ComposedLevel
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.names import LABEL_LIMIT, shorten
from blueprints.plan import Plan

LABEL = "altostratus.dev/balancer"


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
        yield _balancer(Place("cloud", cloud_balancer(model.name), model, root, ()), plan, documents)


def _places(plan: Plan, root: ComposedLevel, documents: Documents) -> Iterator[Place]:
    for level in plan.levels.values():
        document = _document(level.load_balancer, documents)
        groups = parse_groups(level.id)
        composed = level_at(root, tuple(alias for alias, _ in groups))
        if document is not None:
            name = group_balancer(groups) if groups else application_balancer()
            yield Place("group" if groups else "application", name, document, composed, groups)
        for child in level.children.values():
            found = composed.clusters.get(child.alias)
            mine = _document(found.use.load_balancer, documents) if found else None
            if mine is not None:
                name = cluster_balancer(groups, child.alias)
                yield Place("cluster", name, mine, composed, groups, child.alias)


def _document(name: str | None, documents: Documents) -> LoadBalancer | None:
    found = documents.find("LoadBalancer", name) if name else None
    model = found.model if found else None
    return model if isinstance(model, LoadBalancer) and model.scope != "cloud" else None


def _balancer(place: Place, plan: Plan, documents: Documents) -> Balancer:
    document = place.document
    http = tuple(each.name for each in document.listeners if takes_rules(each))
    application = plan.application
    mappings = mappings_of(application.name, documents)
    wishes = [
        *routed(place, application, http),
        *mapped(place, application, mappings, http, documents),
    ]
    parts = Parts(place, plan)
    rules = rules_of(wishes, parts)
    listeners = tuple(listeners_of(parts, mappings))
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

"""Expansion: an application and its scale become a plan. Pure; the same input gives the same plan."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from blueprints.composition import CLUSTER_LIMIT, ComposedCluster, ComposedGroup, ComposedLevel
from blueprints.families import Aliases, Groups, family_id, family_labels, is_copied
from blueprints.findings import DocumentError, Finding
from blueprints.kinds.application import Application
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_use import Range
from blueprints.kinds.level import ScalingRule
from blueprints.kinds.storage import Persistence
from blueprints.links import Scope, connect
from blueprints.names import LABEL_LIMIT, cluster_name, namespace, primary_name, service_name, shorten
from blueprints.order import stages
from blueprints.plan import (
    HOME_COPY,
    Plan,
    PlannedChild,
    PlannedCluster,
    PlannedLevel,
    PlannedPort,
    PlannedScaling,
)
from blueprints.scale import ResolvedScale, ScaleState, resolve

CLUSTER_DOMAIN = "cluster.local"


@dataclass(slots=True)
class _Expansion:
    application: Application
    namespace: str
    copy: str
    scale: ResolvedScale
    clusters: dict[str, PlannedCluster] = field(default_factory=dict)
    levels: dict[str, PlannedLevel] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)
    copied: set[Aliases] = field(default_factory=set)
    """Groups that can have another number of instances than one, by their aliases from the top."""
    absent: dict[str, PlannedCluster] = field(default_factory=dict)
    """What the first instance of a group without any would hold."""


def expand(root: ComposedLevel, scale: ScaleState | None = None, copy: str = HOME_COPY) -> Plan:
    """The plan of a composed application at a scale; without one, at its minimums.

    `copy` names the copy of the whole application (its cloud) and goes into the selectors.
    Raises DocumentError where the scale does not fit or a cartridge is missing.
    """
    application = root.origin.model
    if not isinstance(application, Application):
        raise TypeError(f"{root.origin.kind} {root.origin.name} is not an application")
    if root.size > CLUSTER_LIMIT:
        raise DocumentError([too_large(root)])
    state = _Expansion(application, namespace(application.name), copy, resolve(scale or ScaleState(), root))
    _level(state, root, (), (), application.deployment, None, None, application.load_balancer)
    families = connect(state.clusters, state.absent, state.scopes, state.copied, _domain(state.namespace))
    return Plan(application, state.namespace, copy, state.clusters, state.levels, families=families)


def too_large(root: ComposedLevel) -> Finding:
    """The finding about more clusters than any application may have."""
    return root.origin.finding(
        "ALT1220",
        f"{root.origin.name} has {root.size:,} clusters and groups; at most {CLUSTER_LIMIT:,} are allowed",
    )


def group_id(groups: Groups) -> str:
    """`(("search", 1),)` as `search.1`."""
    return "/".join(f"{alias}.{instance}" for alias, instance in groups)


def _level(
    state: _Expansion,
    level: ComposedLevel,
    groups: Groups,
    entry: tuple[str, ...],
    deployment: str | None,
    parent: str | None,
    scope: Scope | None,
    load_balancer: str | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Expand one level that may start after `entry`; its last clusters, and all of them."""
    here = group_id(groups)
    inner = Scope(scope, groups[-1][0] if groups else "", level.waits_for, len(groups))
    state.scopes[here] = inner
    slot = {here: None}
    state.levels.update(slot)  # type: ignore[arg-type]  # keeps outer levels before inner ones
    exits: dict[str, tuple[str, ...]] = {}
    children: dict[str, PlannedChild] = {}
    for alias in _starting_order(level):
        waits = level.waits_for.get(alias, ())
        before = _joined(exits[w] for w in waits if w in exits) if waits else entry
        child = level.child(alias)
        if isinstance(child, ComposedCluster):
            cluster = _cluster(state, child, groups, before, deployment)
            exits[alias] = (cluster.id,)
            children[alias] = PlannedChild(alias, "cluster", (cluster.id,), (cluster.id,), cluster.bounds)
        elif isinstance(child, ComposedGroup):
            exits[alias], children[alias] = _group(state, child, groups, before, deployment, inner)
        inner.children[alias] = children[alias].clusters
    awaited = {w for waits in level.waits_for.values() for w in waits}
    last = _joined(exits[a] for a in exits if a not in awaited) if exits else entry
    state.levels[here] = PlannedLevel(
        here,
        parent,
        groups[-1][0] if groups else state.application.name,
        groups[-1][1] if groups else 1,
        {alias: children[alias] for alias in level.aliases if alias in children},
        {alias: level.waits_for[alias] for alias in level.aliases if alias in level.waits_for},
        level.termination,
        tuple(planned_scaling(rule, level) for rule in level.scaling),
        load_balancer,
    )
    return last, tuple(c for child in children.values() for c in child.clusters)


def _group(
    state: _Expansion,
    group: ComposedGroup,
    groups: Groups,
    entry: tuple[str, ...],
    deployment: str | None,
    scope: Scope,
) -> tuple[tuple[str, ...], PlannedChild]:
    last: list[tuple[str, ...]] = []
    clusters: list[str] = []
    ids: list[str] = []
    count = state.scale.instances(groups, group.alias, group.instances)
    if is_copied(group.instances):
        state.copied.add((*(alias for alias, _ in groups), group.alias))
    if count == 0:
        scope.absent[group.alias] = _absent(state, group, groups, scope)
    for instance in range(1, count + 1):
        inner = (*groups, (group.alias, instance))
        ids.append(group_id(inner))
        exits, found = _level(
            state, group.level, inner, entry, group.use.deployment or deployment, group_id(groups), scope,
            group.use.load_balancer,
        )  # fmt: skip
        last.append(exits)
        clusters += found
    child = PlannedChild(group.alias, "group", tuple(ids), tuple(clusters), group.instances)
    return (_joined(last) if last else entry), child


def _absent(state: _Expansion, group: ComposedGroup, groups: Groups, scope: Scope) -> tuple[str, ...]:
    """The clusters that one instance of a group without any would hold; they are seen, but not made."""
    apart = replace(state, clusters={}, levels={}, scopes={})
    _, found = _level(
        apart, group.level, (*groups, (group.alias, 1)), (), None, group_id(groups), scope, None
    )
    state.absent.update(apart.clusters)
    return found


def _starting_order(level: ComposedLevel) -> list[str]:
    order = {alias: level.waits_for.get(alias, ()) for alias in level.aliases}
    return [alias for stage in stages(order) for alias in stage]


def _joined(parts: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    found = list(parts)
    return found[0] if len(found) == 1 else tuple(dict.fromkeys(id for part in found for id in part))


def _cluster(
    state: _Expansion,
    cluster: ComposedCluster,
    groups: Groups,
    waits_for: tuple[str, ...],
    deployment: str | None,
) -> PlannedCluster:
    use, cartridge = cluster.use, cluster.cartridge
    if cartridge is None:
        raise DocumentError(
            [cluster.origin.finding("ALT1202", f"there is no Cartridge {use.cartridge!r}", cluster.place)]
        )
    here = group_id(groups)
    name = cluster_name(groups, use.alias)
    identity = f"{here}/{use.alias}" if here else use.alias
    selector = {
        "altostratus.dev/application": shorten(state.application.name, LABEL_LIMIT),
        "altostratus.dev/cluster": name,
        "altostratus.dev/copy": state.copy,
    }
    labels = {
        **dict((cartridge.labels | state.application.labels | use.labels).items()),
        "app.kubernetes.io/name": shorten(use.alias, LABEL_LIMIT),
        "app.kubernetes.io/part-of": shorten(state.application.name, LABEL_LIMIT),
        "altostratus.dev/cartridge": cartridge.name,
        **(
            {"altostratus.dev/group-instance": shorten(here.replace("/", "_"), LABEL_LIMIT)} if groups else {}
        ),
        **family_labels(groups, use.alias, state.copied),
        **selector,
    }
    planned = PlannedCluster(
        id=identity,
        path="/".join((*(alias for alias, _ in groups), use.alias)),
        alias=use.alias,
        name=name,
        family=family_id(groups, use.alias, state.copied),
        level=here,
        use=use,
        cartridge=cartridge,
        members=state.scale.members(groups, use.alias, use.members),
        bounds=use.members,
        waits_for=waits_for,
        ports=_ports(cartridge, name, state.namespace),
        links=(),
        sources={},
        deployment=use.deployment or deployment,
        environment={**cartridge.environment, **use.environment},
        resources=use.resources or cartridge.resources,
        persistence=tuple(_persistence(claim, cluster) for claim in cartridge.persistence),
        artifact=use.artifact,
        selector=selector,
        labels=labels,
        cartridge_folder=cluster.cartridge_folder,
        folder=cluster.artifact_folder,
    )
    state.clusters[identity] = planned
    return planned


def _domain(space: str) -> str:
    return f"{space}.svc.{CLUSTER_DOMAIN}"


def _ports(cartridge: Cartridge, name: str, space: str) -> tuple[PlannedPort, ...]:
    return tuple(
        PlannedPort(
            port.name,
            port.port,
            port.service_port,
            port.protocol,
            port.carrier,
            port.exposure,
            port.node_port,
            port.session_affinity,
            service_name(name, port.name),
            f"{service_name(name, port.name)}.{_domain(space)}",
            primary_name(service_name(name, port.name)) if port is cartridge.followed_port else "",
        )
        for port in cartridge.all_ports
    )


def _persistence(claim: Persistence, cluster: ComposedCluster) -> Persistence:
    changes = cluster.use.persistence.get(claim.name)
    if changes is None:
        return claim
    given = {k: v for k in changes.model_fields_set if (v := getattr(changes, k)) is not None}
    return claim.model_copy(update=given)


def planned_scaling(rule: ScalingRule, level: ComposedLevel) -> PlannedScaling:
    """A scaling rule with its ratio made explicit: the one given, or that of the minimums."""
    if rule.ratio is not None:
        return PlannedScaling(tuple(rule.members), rule.ratio.parts)
    return PlannedScaling(
        tuple(rule.members), tuple(max(_bounds(level, alias).min, 1) for alias in rule.members)
    )


def _bounds(level: ComposedLevel, alias: str) -> Range:
    child = level.child(alias)
    if isinstance(child, ComposedCluster):
        return child.use.members
    return child.instances if child else Range()

"""A part of a plan: some of an application's clusters, while the others run elsewhere. Pure.

Names stay those of the whole application, so a member notices nothing: what it is linked to has the host
names, ports and variables that it has where everything is together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from blueprints.composition import ComposedCluster, ComposedLevel
from blueprints.findings import DocumentError, Finding
from blueprints.plan import Plan, PlannedChild, PlannedCluster, PlannedLevel, PlannedScaling

Chosen = Callable[[PlannedCluster], bool]


def part(plan: Plan, only: Sequence[str], root: ComposedLevel) -> Plan:
    """The plan of the clusters that `only` names, by alias, path or id; a group means all that is in it.

    `remote` of the plan holds what these wait for, get exports from or balance, and which is not among them.
    Raises DocumentError where a name means nothing.
    """
    _check(only, root)

    def chosen(cluster: PlannedCluster) -> bool:
        return any(_names(entry, cluster) for entry in only)

    here = {id for id, cluster in plan.clusters.items() if chosen(cluster)}
    balancers = tuple(each for each in plan.balancers if here & set(each.clusters))
    shared = tuple(each for each in plan.shared if here & set(each.clusters))
    wanted = dict.fromkeys(_wanted(plan, here))
    # Balancers also know copies that do not run now.
    balanced = (id for each in (*balancers, *shared) for id in each.clusters)
    wanted |= dict.fromkeys(id for id in balanced if id in plan.clusters)
    families = {id: each for id, each in plan.families.items() if _runs_here(plan, id, here, chosen)}
    waits = {id: _waits(id, plan.clusters, here) for id in here}
    return replace(
        plan,
        clusters={
            id: replace(cluster, waits_for=waits[id]) for id, cluster in plan.clusters.items() if id in here
        },
        levels=_levels(plan.levels, here, only),
        balancers=balancers,
        shared=shared,
        families=families,
        remote={id: plan.seen(id) for id in _once(plan, wanted) if id not in here and id not in families},
        partial=True,
    )


def stateless(root: ComposedLevel) -> tuple[str, ...]:
    """All clusters without data, as `part` takes them: a group's alias where nothing in it has any."""
    return tuple(_stateless(root, ()))


def names(path: str, only: Sequence[str]) -> bool:
    """Whether a cluster's path of aliases is among what `only` names, in any instance of its groups."""
    entries = ("/".join(_aliases(entry)) for entry in only)
    return any(f"{path}/".startswith(f"{entry}/") for entry in entries)


def _stateless(level: ComposedLevel, above: tuple[str, ...]) -> Iterator[str]:
    for alias in level.aliases:
        child, path = level.child(alias), (*above, alias)
        if isinstance(child, ComposedCluster):
            if not _keeps(child):
                yield "/".join(path)
        elif child is not None:
            inside = [each for _, each in child.level.paths() if isinstance(each, ComposedCluster)]
            if any(map(_keeps, inside)):
                yield from _stateless(child.level, path)
            else:
                yield "/".join(path)


def _keeps(cluster: ComposedCluster) -> bool:
    return cluster.cartridge is not None and bool(cluster.cartridge.persistence)


def _check(only: Sequence[str], root: ComposedLevel) -> None:
    unknown = [each for each in only if root.descend(_aliases(each)) is None]
    if unknown:
        known = tuple("/".join(path) for path, _ in root.paths())
        raise DocumentError(
            [
                Finding(
                    "ALT1202",
                    f"{root.origin.name} has no cluster or group {each!r}",
                    value=each,
                    allowed=known,
                    hint=f"There are {', '.join(known)}.",
                )
                for each in unknown
            ]
        )


def _aliases(entry: str) -> tuple[str, ...]:
    return tuple(step.partition(".")[0] for step in entry.split("/"))


def _names(entry: str, cluster: PlannedCluster) -> bool:
    return any(name == entry or name.startswith(f"{entry}/") for name in (cluster.id, cluster.path))


def _wanted(plan: Plan, here: set[str]) -> Iterator[str]:
    """The clusters and families that those here know of."""
    for id in plan.clusters:
        if id in here:
            cluster = plan.clusters[id]
            yield from (link.source for link in cluster.links)
            yield from cluster.sources.values()
            yield from cluster.waits_for


def _once(plan: Plan, wanted: Iterable[str]) -> list[str]:
    """Copies of a family that is wanted as one are not wanted each."""
    found = list(wanted)
    covered = {id for family in found if family in plan.families for id in plan.copies(family)}
    return [each for each in found if each not in covered]


def _runs_here(plan: Plan, family: str, here: set[str], chosen: Chosen) -> bool:
    copies = plan.copies(family)
    # A group without instances now may have some later.
    return bool(here & set(copies)) if copies else chosen(plan.families[family])


def _waits(id: str, clusters: Mapping[str, PlannedCluster], here: set[str]) -> tuple[str, ...]:
    """What a cluster waits for here, also through clusters that are elsewhere."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    pending = list(reversed(clusters[id].waits_for))
    while pending:
        wait = pending.pop()
        if wait in here:
            found[wait] = None
        elif wait not in seen:
            seen.add(wait)
            pending += reversed(clusters[wait].waits_for)
    return tuple(found)


def _levels(
    levels: Mapping[str, PlannedLevel], here: set[str], only: Sequence[str]
) -> dict[str, PlannedLevel]:
    kept = {}
    for id, level in levels.items():
        children = {
            alias: _child(child, here)
            for alias, child in level.children.items()
            if here & set(child.clusters) or (not child.clusters and _may_run(id, alias, only))
        }
        if id and not any(child.clusters for child in children.values()):
            continue
        waits = level.waits_for.items()
        kept[id] = replace(
            level,
            children=children,
            waits_for={
                alias: tuple(each for each in before if each in children)
                for alias, before in waits
                if alias in children
            },
            scaling=tuple(rule for each in level.scaling if (rule := _scaling(each, children))),
        )
    return kept


def _may_run(level: str, alias: str, only: Sequence[str]) -> bool:
    """Whether a group without instances is to have any here."""
    path = "/".join((*_aliases(level), alias)) if level else alias
    entries = ["/".join(_aliases(entry)) for entry in only]
    return any(f"{path}/".startswith(f"{each}/") or f"{each}/".startswith(f"{path}/") for each in entries)


def _child(child: PlannedChild, here: set[str]) -> PlannedChild:
    clusters = tuple(each for each in child.clusters if each in here)
    if child.kind == "cluster":
        return replace(child, clusters=clusters)
    ids = tuple(id for id in child.ids if any(each.startswith(f"{id}/") for each in clusters))
    return replace(child, clusters=clusters, ids=ids)


def _scaling(rule: PlannedScaling, children: Mapping[str, PlannedChild]) -> PlannedScaling | None:
    pairs = [pair for pair in zip(rule.members, rule.ratio, strict=True) if pair[0] in children]
    if len(pairs) < 2:
        return None
    return PlannedScaling(tuple(alias for alias, _ in pairs), tuple(weight for _, weight in pairs))

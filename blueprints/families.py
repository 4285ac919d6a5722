"""Families: the copies of one cluster in all instances of the groups around it, seen as one.

Who stands outside a group sees its clusters through one address for all copies, so that more or
fewer instances change nothing for it. Who stands inside a copy sees the clusters of that copy.
"""

from collections.abc import Iterator, Set
from dataclasses import replace

from blueprints.kinds.cartridge_use import Range
from blueprints.names import CLUSTER_NAME_LIMIT, service_name, shorten
from blueprints.plan import PlannedCluster

Groups = tuple[tuple[str, int], ...]
Aliases = tuple[str, ...]

_LABEL = "altostratus.dev/copies-"
_OWN_LABELS = ("altostratus.dev/cluster", "altostratus.dev/group-instance")


def is_copied(instances: Range) -> bool:
    """Whether a group can ever have another number of instances than one."""
    return not instances.min == instances.max == 1


def family_id(groups: Groups, alias: str, copied: Set[Aliases], depth: int = 0) -> str:
    """A cluster's id with `*` for each instance of a copied group from `depth` on: `search.*/engine`."""
    steps = [
        f"{group}.{'*' if plural else instance}" for group, instance, plural in _steps(groups, copied, depth)
    ]
    return "/".join([*steps, alias])


def family_labels(groups: Groups, alias: str, copied: Set[Aliases]) -> dict[str, str]:
    """The labels by which each family that a cluster is in finds its members."""
    return {
        f"{_LABEL}{depth}": name
        for depth in range(len(groups))
        if (name := _name(groups, alias, copied, depth))
    }


def face(cluster: PlannedCluster, copied: Set[Aliases], depth: int, domain: str) -> PlannedCluster | None:
    """The family that a cluster is in for those who stand `depth` groups deep around it, as a cluster of
    its own: one id, name, address and selector for all copies. None where there can be one copy only.

    `domain` is what follows a Service's name in its full host name.
    """
    groups = _groups(cluster)
    name = _name(groups, cluster.alias, copied, depth)
    if not name:
        return None
    label = f"{_LABEL}{depth}"
    selector = {k: v for k, v in cluster.selector.items() if k != "altostratus.dev/cluster"} | {label: name}
    labels = {k: v for k, v in cluster.labels.items() if k not in _OWN_LABELS and not k.startswith(_LABEL)}
    return replace(
        cluster,
        id=family_id(groups, cluster.alias, copied, depth),
        name=name,
        # What the scale decides is each copy's own.
        members=0,
        waits_for=(),
        ports=tuple(
            replace(
                port,
                exposure="cluster",
                node_port=None,
                service=service_name(name, port.name),
                host=f"{service_name(name, port.name)}.{domain}",
                primary="",
            )
            for port in cluster.ports
        ),
        selector=selector,
        labels={**labels, **selector},
    )


def _steps(groups: Groups, copied: Set[Aliases], depth: int) -> Iterator[tuple[str, int, bool]]:
    for index, (group, instance) in enumerate(groups):
        aliases = tuple(alias for alias, _ in groups[: index + 1])
        yield group, instance, index >= depth and aliases in copied


def _name(groups: Groups, alias: str, copied: Set[Aliases], depth: int) -> str:
    """The family's name; empty where it is none. No cluster has such a name: instances are numbers."""
    steps = list(_steps(groups, copied, depth))
    if not any(plural for *_, plural in steps):
        return ""
    names = [f"{group}-{'all' if plural else instance}" for group, instance, plural in steps]
    return shorten("--".join([*names, alias]), CLUSTER_NAME_LIMIT)


def _groups(cluster: PlannedCluster) -> Groups:
    steps = (step.rpartition(".") for step in cluster.level.split("/")) if cluster.level else ()
    return tuple((alias, int(instance)) for alias, _, instance in steps)

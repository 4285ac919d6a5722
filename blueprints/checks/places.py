"""Checks of deployment and application policies against the network partitions they use."""

from collections.abc import Iterator

from blueprints.findings import Finding
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.workspace import Workspace


def check_partitions(document: Loaded, workspace: Workspace) -> Iterator[Finding]:
    """What a policy says about places that are not there, or that cannot be as it says."""
    if isinstance(document.model, DeploymentPolicy):
        yield from _names(document, document.model, workspace)
        yield from _quota(document, document.model)
        yield from _idle(document, document.model, workspace)
        yield from _variables(document, document.model, workspace)
    elif isinstance(document.model, ApplicationPolicy):
        yield from _copies(document, document.model, workspace)


def least_by_copy(
    policy: DeploymentPolicy, copies: ApplicationPolicy | None, workspace: Workspace
) -> tuple[int, ...]:
    """The members that all partitions want together, in each copy of an application that uses both policies:
    whole copies have those of their own cloud."""
    named = {name for group in copies.groups for name in group} if copies is not None else None
    found: dict[str, int] = {}
    for share in policy.network_partitions:
        if named is not None and share.name not in named:
            continue
        cloud = _cloud(share.name, workspace) if copies is not None and copies.makes_copies else ""
        found[cloud] = found.get(cloud, 0) + sum(each.min for each in share.partitions)
    return tuple(found.values())


def _network(name: str, workspace: Workspace) -> NetworkPartition | None:
    found = workspace.find("NetworkPartition", name)
    return found.model if found is not None and isinstance(found.model, NetworkPartition) else None


def _cloud(name: str, workspace: Workspace) -> str:
    """The cloud of a network partition; empty where there is none of that name."""
    network = _network(name, workspace)
    return network.cloud if network is not None else ""


def _names(document: Loaded, policy: DeploymentPolicy, workspace: Workspace) -> Iterator[Finding]:
    for index, share in enumerate(policy.network_partitions):
        network = _network(share.name, workspace)
        if network is None:
            continue
        known = [p.name for p in network.partitions]
        for number, partition in enumerate(share.partitions):
            if partition.name not in known:
                close = nearest(partition.name, known)
                yield document.finding(
                    "ALT1202",
                    f"the network partition {share.name!r} has no partition {partition.name!r}",
                    ("networkPartitions", index, "partitions", number, "name"),
                    allowed=tuple(known),
                    nearest=close,
                    hint=f"Did you mean {close!r}?" if close else f"It has {', '.join(known)}.",
                )


def _quota(document: Loaded, policy: DeploymentPolicy) -> Iterator[Finding]:
    least = sum(each.min for share in policy.network_partitions for each in share.partitions)
    if policy.quota is not None and least > policy.quota.members:
        yield document.finding(
            "ALT1112",
            f"the partitions are to have at least {least} members of a cluster, and the quota over all "
            f"applications is {policy.quota.members}",
            ("quota", "members"),
            allowed=(f"at least {least}",),
            hint="Lower min of the partitions, or raise the quota.",
        )


def _idle(document: Loaded, policy: DeploymentPolicy, workspace: Workspace) -> Iterator[Finding]:
    """Settings that nothing goes by under the order that is given."""
    for index, share in enumerate(policy.network_partitions):
        for number, partition in enumerate(share.partitions):
            if "weight" in partition.model_fields_set and share.order != "weighted":
                yield document.finding(
                    "ALT1224",
                    f"the weight of {partition.name!r} counts under order weighted only, and {share.name!r} "
                    f"is filled {share.order}",
                    ("networkPartitions", index, "partitions", number, "weight"),
                    allowed=("order: weighted",),
                    hint=f"Set order: weighted for {share.name}, or take its weights out.",
                    severity="warning",
                )
    if policy.prefer_cheap and not _has_equals(policy, workspace):
        yield document.finding(
            "ALT1224",
            "preferCheap decides between partitions that are otherwise equal, and all of these are filled "
            "one after another",
            ("preferCheap",),
            allowed=("order: round-robin", "order: weighted"),
            hint="Set such an order for several partitions, or name the cheap ones first.",
            severity="warning",
        )


def _has_equals(policy: DeploymentPolicy, workspace: Workspace) -> bool:
    """Whether any of its places are filled together, by its own order or by that of an application policy."""
    mine = {share.name for share in policy.network_partitions}
    together = (group for each in workspace.all(ApplicationPolicy) for group in each.together)
    return any(
        share.order != "one-after-another" and len(share.partitions) > 1
        for share in policy.network_partitions
    ) or any(len(mine & set(group)) > 1 for group in together)


def _variables(document: Loaded, policy: DeploymentPolicy, workspace: Workspace) -> Iterator[Finding]:
    """Variables that differ between places of one cloud, where all members of a cluster are alike."""
    before: dict[tuple[str, str], tuple[str, object]] = {}
    for index, share in enumerate(policy.network_partitions):
        network = _network(share.name, workspace)
        for name, value in network.environment.items() if network is not None else ():
            cloud = _cloud(share.name, workspace)
            first, its = before.setdefault((cloud, name), (share.name, value))
            if its != value:
                yield document.finding(
                    "ALT1224",
                    f"the variable {name} of {share.name!r} reaches no member: {first!r}, which stands "
                    f"before it, sets it for all in the cloud {cloud!r}",
                    ("networkPartitions", index, "name"),
                    hint="Members of a cluster in one cloud are alike: give both the same value.",
                    severity="warning",
                )


def _copies(document: Loaded, policy: ApplicationPolicy, workspace: Workspace) -> Iterator[Finding]:
    """Places that a burst passes over: their cloud has a copy when their turn comes."""
    if policy.burst is None:
        return
    first: dict[str, str] = {}
    taken: list[tuple[int, str]] = []
    others = False
    for index, group in enumerate(policy.groups):
        clouds = {name: _cloud(name, workspace) for name in group}
        taken += [(index, name) for name, cloud in clouds.items() if cloud and cloud in first]
        others = others or (index > 0 and any(cloud not in first for cloud in clouds.values()))
        for name, cloud in clouds.items():
            first.setdefault(cloud, name)
    free = tuple(n for n in workspace.names("NetworkPartition") if _cloud(n, workspace) not in first)
    for index, name in taken:
        entry, cloud = policy.network_partitions[index], _cloud(name, workspace)
        yield document.finding(
            "ALT1223",
            f"{name!r} never gets a copy: it is in the cloud {cloud!r}, as {first[cloud]!r} is, which stands "
            "before it",
            ("networkPartitions", index, *(() if isinstance(entry, str) else (entry.index(name),))),
            allowed=free,
            hint=f"Write both as one entry, [{first[cloud]}, {name}]"
            + (", or name one of another cloud." if others else ", and remove burst; or name another cloud."),
            severity="warning" if others else "error",
        )

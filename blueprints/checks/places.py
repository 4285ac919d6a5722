"""Checks of deployment policies against the network partitions they fill."""

from collections.abc import Iterator

from blueprints.findings import Finding
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.loader import Loaded
from blueprints.nearest import nearest
from blueprints.workspace import Workspace


def check_partitions(document: Loaded, workspace: Workspace) -> Iterator[Finding]:
    """The partitions a deployment policy names that their network partition does not have."""
    if not isinstance(document.model, DeploymentPolicy):
        return
    for index, share in enumerate(document.model.network_partitions):
        found = workspace.find("NetworkPartition", share.name)
        if found is None or not isinstance(found.model, NetworkPartition):
            continue
        known = [p.name for p in found.model.partitions]
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

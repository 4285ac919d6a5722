"""`altostratus:hosts:ExistingCluster`: a cluster made by others, checked and registered."""

from pathlib import Path
from typing import Any

import pulumi

from components.hosts.cluster_check import WANTED, judge
from components.hosts.cluster_facts import ClusterFacts, ClusterUnreachable, gather
from components.hosts.config import ExistingCluster as ExistingClusterSettings


class ClusterUnfit(pulumi.RunError):
    """The cluster cannot be registered; the text has every reason."""

    def __init__(self, cloud: str, problems: list[str]) -> None:
        super().__init__(
            f"The cluster of cloud {cloud!r} cannot be used:\n"
            + "\n".join(f"  - {each}" for each in problems)
        )


class ExistingCluster(pulumi.ComponentResource):
    """The same outputs as a HostCluster has, as far as a foreign cluster has them.

    It owns nothing: removing it leaves the cluster as it is.
    """

    kubeconfig: pulumi.Output[str]
    nodes: pulumi.Output[list[dict[str, Any]]]
    address: pulumi.Output[str]
    reach: pulumi.Output[list[str]]

    def __init__(
        self,
        cloud: str,
        settings: ExistingClusterSettings,
        kubeconfig: pulumi.Output[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`kubeconfig` (text) is used where the settings name no file.

        Raises ClusterUnfit when there is neither, or when the file cannot be read.
        """
        super().__init__("altostratus:hosts:ExistingCluster", cloud, None, opts)
        text = _text(cloud, settings, kubeconfig)
        facts = text.apply(lambda known: _checked(cloud, settings, known))
        self.kubeconfig = pulumi.Output.secret(pulumi.Output.all(text, facts).apply(lambda both: both[0]))
        self.nodes = pulumi.Output.unsecret(facts.apply(_described))
        self.address = pulumi.Output.unsecret(facts.apply(lambda known: known.server))
        self.reach = self.nodes.apply(
            lambda nodes: list(settings.reached_at) or [str(node["address"]) for node in nodes]
        )
        self.register_outputs(
            {
                "kubeconfig": self.kubeconfig,
                "nodes": self.nodes,
                "address": self.address,
                "reach": self.reach,
            }
        )


def _text(
    cloud: str, settings: ExistingClusterSettings, kubeconfig: pulumi.Output[str] | None
) -> pulumi.Output[str]:
    if settings.kubeconfig is not None:
        path = Path(settings.kubeconfig).expanduser()
        try:
            return pulumi.Output.secret(path.read_text())
        except OSError as error:
            raise ClusterUnfit(cloud, [f"the kubeconfig {path} cannot be read: {error.strerror}"]) from error
    if kubeconfig is None:
        raise ClusterUnfit(
            cloud,
            [
                "no kubeconfig is given: set `kubeconfig` in `altostratus:hosts` to a path, or run "
                "`pulumi config set --secret altostratus:kubeconfig < FILE`"
            ],
        )
    return pulumi.Output.secret(kubeconfig)


def _checked(cloud: str, settings: ExistingClusterSettings, kubeconfig: str) -> ClusterFacts:
    try:
        facts = gather(kubeconfig, settings.context, WANTED)
    except ClusterUnreachable as error:
        raise ClusterUnfit(cloud, [str(error)]) from error
    verdict = judge(facts, settings.storage_class)
    if verdict.problems:
        raise ClusterUnfit(cloud, verdict.problems)
    for remark in verdict.remarks:
        pulumi.log.warn(f"The cluster of cloud {cloud!r} can be used, but {remark}.")
    return facts


def _described(facts: ClusterFacts) -> list[dict[str, Any]]:
    return [{"name": node.name, "address": node.address, "roles": list(node.roles)} for node in facts.nodes]

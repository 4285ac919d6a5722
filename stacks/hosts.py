"""The stack kind `hosts-<cloud>`: a host cluster, made or registered."""

import pulumi

from components.hosts.config import HostsConfigError, MadeHosts, load_hosts_config
from components.hosts.existing_cluster import ClusterUnfit, ExistingCluster
from components.hosts.host_cluster import HostCluster
from toolchain.errors import ToolchainError


def build(cloud: str) -> None:
    """Make what `altostratus:hosts` describes, and export what platforms and applications need.

    Every kind of driver exports `cloud`, `driver`, `kubeconfig` (secret), `nodes`, `address` and `reach`
    (addresses under which other clouds reach the ports of Services); made clusters also `etcd`, `registryCa`
    (secrets), `network` and `subnet`.
    """
    config = pulumi.Config("altostratus")
    try:
        settings = load_hosts_config(config.get_object("hosts") or {})
        if isinstance(settings, MadeHosts):
            _export_made(HostCluster(cloud, settings))
        else:
            cluster = ExistingCluster(cloud, settings, config.get_secret("kubeconfig"))
            _export_common(cluster)
    except (HostsConfigError, ClusterUnfit, ToolchainError) as error:
        raise pulumi.RunError(str(error)) from error
    pulumi.export("cloud", cloud)
    pulumi.export("driver", settings.driver)


def _export_common(cluster: HostCluster | ExistingCluster) -> None:
    pulumi.export("kubeconfig", cluster.kubeconfig)
    pulumi.export("nodes", cluster.nodes)
    pulumi.export("address", cluster.address)
    pulumi.export("reach", cluster.reach)


def _export_made(cluster: HostCluster) -> None:
    _export_common(cluster)
    pulumi.export("etcd", cluster.etcd)
    pulumi.export("registryCa", cluster.certificate_authority)
    pulumi.export("network", cluster.network)
    pulumi.export("subnet", str(cluster.topology.subnet))

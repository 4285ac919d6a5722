"""The table of document kinds."""

from collections.abc import Mapping

from blueprints.kinds.application import Application
from blueprints.kinds.application_policy import ApplicationPolicy
from blueprints.kinds.autoscaling_policy import AutoscalingPolicy
from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.cartridge_group import CartridgeGroup
from blueprints.kinds.deployment_policy import DeploymentPolicy
from blueprints.kinds.domain_mapping import DomainMapping
from blueprints.kinds.host_cluster import HostCluster
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.kinds.network_partition import NetworkPartition
from blueprints.kinds.signup import Signup
from blueprints.kinds.tenant import Tenant
from blueprints.model import Document

KINDS: Mapping[str, type[Document]] = {
    kind.KIND: kind
    for kind in (
        Application,
        ApplicationPolicy,
        AutoscalingPolicy,
        Cartridge,
        CartridgeGroup,
        DeploymentPolicy,
        DomainMapping,
        HostCluster,
        LoadBalancer,
        NetworkPartition,
        Signup,
        Tenant,
    )
}
"""Document models by the word that stands after `kind:`."""

"""`altostratus:platform:CloudBalancers`: the load balancers that applications of a cloud share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from blueprints.balancing.model import Balancer
from blueprints.balancing.sharing import NAMESPACE
from components.load_balancer.drivers.driver import Site
from components.load_balancer.load_balancer import LoadBalancer
from components.pods.template import PULL_SECRET
from components.registry_login import RegistryLogin, docker_config

TYPE = "altostratus:platform:CloudBalancers"


class CloudBalancers(pulumi.ComponentResource):
    """The shared balancers of one cloud, in a namespace of their own. Output: `described`, by document."""

    described: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        cloud: str,
        balancers: Sequence[Balancer],
        images: Mapping[str, pulumi.Input[str]],
        registry: RegistryLogin,
        node_addresses: pulumi.Input[Sequence[str]],
        secret: Callable[[str, str], pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(TYPE, f"{cloud}-balancers", None, opts)
        labels = {"app.kubernetes.io/managed-by": "altostratus"}
        rules = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
        space = k8s.core.v1.Namespace(
            f"{cloud}-balancing",
            metadata={"name": NAMESPACE, "labels": {**labels, **rules}},
            opts=pulumi.ResourceOptions(parent=self),
        )
        namespace = space.metadata.apply(lambda metadata: str(metadata.name))
        login = pulumi.Output.all(registry.address, registry.username, registry.password)
        config: pulumi.Output[str] = login.apply(lambda known: docker_config(*known))
        hidden: pulumi.Output[str] = pulumi.Output.secret(config)
        pull = k8s.core.v1.Secret(
            f"{cloud}-balancing-registry",
            metadata={"name": PULL_SECRET, "namespace": namespace, "labels": labels},
            type="kubernetes.io/dockerconfigjson",
            string_data={".dockerconfigjson": hidden},
            opts=pulumi.ResourceOptions(parent=self),
        )
        site = Site(cloud, namespace, node_addresses, images, secret, 0)
        made = {
            balancer.document.name: LoadBalancer(
                balancer, site, pulumi.ResourceOptions(parent=self, depends_on=[pull])
            )
            for balancer in balancers
        }
        self.described = pulumi.Output.from_input({name: each.described for name, each in made.items()})
        self.register_outputs({"described": self.described})

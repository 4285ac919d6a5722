"""`altostratus:balancing:LoadBalancer`: what stands in front of members, made by its driver."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from blueprints.balancing.model import Balancer
from components.load_balancer.drivers.catalogue import driver
from components.load_balancer.drivers.driver import Site

TYPE = "altostratus:balancing:LoadBalancer"


class LoadBalancer(pulumi.ComponentResource):
    """One load balancer, by whatever driver its document names.

    Outputs: `urls` (one for each listener and address), `described` (what programs need to know of it).
    """

    urls: pulumi.Output[list[str]]
    described: pulumi.Output[dict[str, Any]]

    def __init__(self, balancer: Balancer, site: Site, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(TYPE, balancer.name, None, opts)
        made = driver(balancer.document.driver).create(balancer, site, self)
        ports = pulumi.Output.all(**made.ports)
        self.urls = pulumi.Output.all(made.addresses, ports).apply(
            lambda known: urls(balancer, known[0], known[1])
        )
        self.described = pulumi.Output.from_input(
            {
                "name": balancer.name,
                "namespace": balancer.namespace,
                "document": balancer.document.name,
                "driver": balancer.document.driver,
                "scope": balancer.scope,
                "level": balancer.level,
                "clusters": list(balancer.clusters),
                "hosts": list(balancer.hosts),
                "routes": routes(balancer),
                "addresses": made.addresses,
                "ports": ports,
                "urls": self.urls,
                **made.outputs,
            }
        )
        self.register_outputs({"urls": self.urls, "described": self.described})


def urls(balancer: Balancer, addresses: Sequence[str], ports: Mapping[str, int]) -> list[str]:
    """Where clients come in: every listener at every address, those that only redirect last. Pure."""
    ordered = sorted(balancer.listeners, key=lambda listener: listener.redirect_to is not None)
    return [
        f"{listener.protocol}://{address}:{int(ports[listener.name])}"
        for listener in ordered
        for address in addresses
    ]


def routes(balancer: Balancer) -> list[dict[str, Any]]:
    """Where requests go, in the order they are matched. Pure."""
    return [
        {
            "host": rule.host or "*",
            "path": rule.path,
            "rewrite": rule.rewrite or "",
            "split": rule.split,
            "tenant": rule.tenant,
            "listeners": list(rule.listeners),
        }
        for rule in balancer.rules
    ]

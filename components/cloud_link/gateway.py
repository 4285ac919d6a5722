"""`altostratus:link:Gateway`: where an application's clusters are let out to its other clouds."""

from collections.abc import Sequence
from typing import Any

import pulumi

from blueprints.passages import ALIVE, Passage
from components import kubernetes as k8s
from components.cloud_link.configuration import ALIVE_PORT, gateway_configuration, ports
from components.cloud_link.keys import EndKeys
from components.cloud_link.proxy import Place, create_proxy
from components.pods.workload import SKIP_AWAIT

TYPE = "altostratus:link:Gateway"
NAME = "altostratus-gateway"


class Gateway(pulumi.ComponentResource):
    """Lets clients with a certificate of the application's authority through to its clusters' ports.

    Output `described`: `addresses`, and `ports` on each of them, by passage. A link takes it as its way.
    """

    described: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        passages: Sequence[Passage],
        keys: EndKeys,
        place: Place,
        addresses: pulumi.Input[Sequence[str]],
        name: str = NAME,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`addresses`: under which other clouds reach the hosts here."""
        super().__init__(TYPE, name, None, opts)
        children = pulumi.ResourceOptions(parent=self)
        inside = {ALIVE: ALIVE_PORT, **ports(passages)}
        configuration = gateway_configuration(passages)
        create_proxy(name, place, configuration, keys, list(inside.values()), "/alive", self)
        service = k8s.core.v1.Service(
            name,
            metadata=place.about(name, name, **{SKIP_AWAIT: "true"}),
            spec={
                "type": "NodePort",
                "selector": place.selector(name),
                "ports": [
                    {"name": f"p{port}", "port": port, "targetPort": port, "protocol": "TCP"}
                    for port in inside.values()
                ],
            },
            opts=children,
        )
        # Its clients are other clouds' hosts, and what lets them in is their certificate.
        k8s.networking.v1.NetworkPolicy(
            name,
            metadata=place.about(name, name),
            spec={
                "podSelector": {"matchLabels": place.selector(name)},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in inside.values()]}],
            },
            opts=children,
        )

        def described(known: Sequence[Any]) -> dict[str, Any]:
            spec, told = known
            node_ports = {int(each["port"]): int(each["nodePort"]) for each in spec["ports"]}
            found = {key: node_ports[port] for key, port in inside.items()}
            return {"addresses": list(told), "ports": found}

        self.described = pulumi.Output.all(service.spec, addresses).apply(described)
        self.register_outputs({"described": self.described})

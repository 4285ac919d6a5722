"""`altostratus:link:Link`: how members reach clusters of their application in another cloud."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pulumi

from blueprints.passages import Passage
from components import kubernetes as k8s
from components.cloud_link.configuration import link_configuration, ports
from components.cloud_link.keys import EndKeys
from components.cloud_link.proxy import Place, create_proxy
from components.pods.workload import SKIP_AWAIT

TYPE = "altostratus:link:Link"
NAME = "altostratus-link"


class Link(pulumi.ComponentResource):
    """A Service for each passage, under the name that members know, and a proxy that leads to the gateway.

    Who depends on it waits until the gateway has been reached. `addresses`: host and port of each Service, by
    the passage's key.
    """

    addresses: pulumi.Output[dict[str, Any]]

    def __init__(
        self,
        application: str,
        passages: Sequence[Passage],
        keys: EndKeys,
        way: pulumi.Input[Mapping[str, Any]],
        place: Place,
        name: str = NAME,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`way`: what the gateway describes itself as."""
        super().__init__(TYPE, name, None, opts)
        inside = ports(passages)

        def written(gateway: Mapping[str, Any]) -> str:
            addresses, let_in = list(gateway["addresses"]), dict(gateway["ports"])
            if missing := [each.key for each in passages if each.key not in let_in]:
                raise pulumi.RunError(
                    f"the other cloud's gateway does not let in {', '.join(missing)} (it lets in "
                    f"{', '.join(sorted(let_in))}).\n  Update the stack that makes it first."
                )
            node_ports = {key: int(port) for key, port in let_in.items()}
            return link_configuration(application, passages, addresses, node_ports)

        configuration = pulumi.Output.from_input(way).apply(written)
        create_proxy(name, place, configuration, keys, list(inside.values()), "/linked", self)
        made: dict[str, pulumi.Output[dict[str, Any]]] = {}
        for each in passages:
            port = {
                "name": each.port_name,
                "port": each.port,
                "targetPort": inside[each.key],
                "protocol": "TCP",
            }
            service = k8s.core.v1.Service(
                each.service,
                metadata=place.about(each.service, name, **{SKIP_AWAIT: "true"}),
                spec={"type": "ClusterIP", "selector": place.selector(name), "ports": [port]},
                opts=pulumi.ResourceOptions(parent=self),
            )
            made[each.key] = service.spec.apply(partial(_address, port=each.port))
        self.addresses = pulumi.Output.all(**made)
        self.register_outputs({"addresses": self.addresses})


def _address(spec: Any, port: int) -> dict[str, Any]:
    """Empty in a preview, where the cluster has not chosen it yet."""
    return {"host": str(spec["clusterIP"]) if "clusterIP" in spec else "", "port": port}

"""A balancer of an application in maintenance: the page answers, at the usual address and names. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from blueprints.balancing.model import Backend, Balancer, Split


@dataclass(frozen=True)
class PageService:
    """The Service of the page's Pods: its port in them, and a path that they call healthy."""

    name: str
    port: str
    target_port: int
    health: str
    replicas: int
    selector: Mapping[str, str]


def resting(balancer: Balancer, page: PageService) -> Balancer:
    """The same listeners and rules, with the page behind every split. What tcp and tls pass on stays."""
    backend = Backend(
        key=page.name,
        name=page.name,
        cluster=page.name,
        namespace=balancer.namespace,
        service=page.name,
        port=page.port,
        protocol="http",
        most=page.replicas,
        target_port=page.target_port,
        selector=page.selector,
    )
    document = balancer.document
    return replace(
        balancer,
        # An answer with 503 is what is wanted here: it is not tried again.
        document=document.model_copy(
            update={
                "health": document.health.model_copy(update={"path": page.health}),
                "retries": document.retries.model_copy(
                    update={"on": [each for each in document.retries.on if not each.isdigit()]}
                ),
                "affinity": None,
            }
        ),
        splits=tuple(Split(split.name, ((page.name, 100),), False) for split in balancer.splits),
        backends=(*(each for each in balancer.backends if each.mode == "tcp"), backend),
    )

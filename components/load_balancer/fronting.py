"""The load balancers of an application's plan."""

from collections.abc import Callable, Mapping, Sequence

import pulumi

from blueprints.plan import Plan
from components.load_balancer.drivers.driver import Site
from components.load_balancer.load_balancer import LoadBalancer
from components.load_balancer.resting import PageService, resting


def create_balancers(
    plan: Plan,
    secret: Callable[[str, str], pulumi.Output[str]],
    images: Mapping[str, pulumi.Input[str]],
    namespace: pulumi.Input[str],
    node_addresses: pulumi.Input[Sequence[str]],
    cloud: str,
    after: Callable[[Sequence[str]], pulumi.ResourceOptions],
    page: PageService | None = None,
) -> dict[str, LoadBalancer]:
    """Each balancer by name, the application's own first; `after` gives the options for what it waits for.

    With a `page` the application is in maintenance: they lead to it instead.
    """
    ranks = {"application": 0, "group": 1, "cluster": 2, "cloud": 3}
    made: dict[str, LoadBalancer] = {}
    for balancer in sorted(plan.balancers, key=lambda each: ranks[each.scope]):
        running = [each for each in balancer.clusters if each in plan.clusters]
        members = sum(plan.clusters[each].members for each in running)
        site = Site(cloud, namespace, node_addresses, images, secret, members)
        fronted = balancer if page is None else resting(balancer, page)
        made[balancer.name] = LoadBalancer(fronted, site, after(running))
    return made

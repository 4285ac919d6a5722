"""The plan of members that run in another cloud beside the home of their application. Pure."""

from dataclasses import replace

from blueprints.plan import Plan

LINK_LABEL = "altostratus.dev/link"
"""Of what leads from a home to another cloud, whose name is its value."""


def without_entrances(plan: Plan) -> Plan:
    """Nobody comes in by them: the home's balancers lead to them, and nothing of theirs shows outside."""
    clusters = {
        id: replace(
            cluster,
            ports=tuple(replace(port, exposure="cluster", node_port=None) for port in cluster.ports),
        )
        for id, cluster in plan.clusters.items()
    }
    return replace(plan, clusters=clusters, balancers=(), shared=())


def stands_alone(plan: Plan) -> bool:
    """Whether nothing of a part is the home's: it goes nowhere, and shares no password."""
    return plan.partial and not plan.remote and not plan.generated

"""What deployment policies make of the scheduling of an application's members in its cloud."""

from collections.abc import Mapping

import pulumi

from blueprints.plan import Plan
from blueprints.workspace import Workspace
from policies.placement.documents import problem_of
from policies.placement.scheduling import Scheduling, scheduling


def schedulings(workspace: Workspace, plan: Plan, cloud: str) -> Mapping[str, Scheduling]:
    """By cluster id, for clusters with a deployment policy. Warns where a policy does not name the cloud.

    Raises DocumentError.
    """
    if not any(cluster.deployment for cluster in plan.clusters.values()):
        return {}
    found = {}
    for demand in problem_of(workspace, plan, home=cloud).demands:
        policy = plan.clusters[demand.cluster].deployment
        if policy is None:
            continue
        told = scheduling(demand, cloud)
        if told is None:
            pulumi.log.warn(
                f"the deployment policy {policy} of {demand.cluster} has no place in the cloud {cloud}: its "
                "members run on any host there. Name a NetworkPartition of that cloud in it, or see: "
                f"alto place {plan.application.name}"
            )
        else:
            found[demand.cluster] = told
    return found

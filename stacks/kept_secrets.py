"""Secrets that a person has changed in the config wait for their own update, as everything of theirs does.

They are in no output of the stack, so what was deployed is left as it is by the engine: it takes its inputs
from the state.
"""

from collections.abc import Mapping
from typing import Any

import pulumi

from blueprints.plan import Plan
from components.cluster import SECRETS_CHECKSUM
from components.pods.template import secret_object

_SECRET = "kubernetes:core/v1:Secret"  # noqa: S105
_WORKLOADS = ("kubernetes:apps/v1:Deployment", "kubernetes:apps/v1:StatefulSet")


def keeping(plan: Plan) -> pulumi.ResourceTransformation:
    """For the application: its members' secrets, where they are made already, stay as they are."""
    secrets = frozenset(secret_object(cluster) for cluster in plan.clusters.values())
    workloads = frozenset(cluster.name for cluster in plan.clusters.values())

    def keep(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        ignored: list[str] = []
        if args.type_ == _SECRET and args.name in secrets:
            ignored = ["stringData", "data"]
        elif args.type_ in _WORKLOADS and args.name in workloads and _told_of_secrets(args.props):
            ignored = ["spec.template.metadata.annotations"]
        if not ignored:
            return None
        more = pulumi.ResourceOptions(ignore_changes=ignored)
        return pulumi.ResourceTransformationResult(args.props, pulumi.ResourceOptions.merge(args.opts, more))

    return keep


def _told_of_secrets(props: Mapping[str, Any]) -> bool:
    """Whether members are replaced when their secrets change."""
    return SECRETS_CHECKSUM in (props["spec"]["template"]["metadata"].get("annotations") or {})

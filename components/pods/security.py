"""What members' processes may do, and how strict their namespace can be."""

from typing import Any, Literal

from blueprints.kinds.cartridge import Cartridge
from blueprints.kinds.containers import Security
from blueprints.plan import Plan
from policies.guardrails.pods import BASELINE_CAPABILITIES

Level = Literal["restricted", "baseline", "privileged"]

# What the Pod Security Standards let a container keep.
_RESTRICTED = {"NET_BIND_SERVICE"}


def container_security(declared: Security) -> dict[str, Any]:
    """A container's securityContext. Root only where the cartridge says `user: 0`."""
    capabilities: dict[str, Any] = {"drop": ["ALL"]}
    if declared.capabilities:
        capabilities["add"] = list(declared.capabilities)
    context: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "capabilities": capabilities,
        "readOnlyRootFilesystem": declared.read_only_root,
        "runAsNonRoot": declared.user != 0,
    }
    if declared.user is not None:
        context["runAsUser"] = declared.user
    if declared.group is not None:
        context["runAsGroup"] = declared.group
    return context


def pod_security(cartridge: Cartridge) -> dict[str, Any]:
    """The Pod's securityContext: mounted data belongs to the group that the main container runs as."""
    owners = [each.owner for each in cartridge.persistence if each.owner is not None]
    owner = owners[0] if owners else cartridge.security.group or cartridge.security.user
    context: dict[str, Any] = {"seccompProfile": {"type": "RuntimeDefault"}}
    if owner:
        context |= {"fsGroup": owner, "fsGroupChangePolicy": "OnRootMismatch"}
    return context


def namespace_level(plan: Plan) -> Level:
    """The strictest Pod Security Standard that everything in the plan meets."""
    asked = [
        container.security
        for cluster in plan.clusters.values()
        for container in (cluster.cartridge, *cluster.cartridge.init, *cluster.cartridge.sidecars)
    ]
    kept = {capability for security in asked for capability in security.capabilities}
    if not kept <= BASELINE_CAPABILITIES:
        return "privileged"
    if kept <= _RESTRICTED and all(security.user != 0 for security in asked):
        return "restricted"
    return "baseline"

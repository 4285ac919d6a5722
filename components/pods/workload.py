"""The objects around a cluster's Pods: their controller, Services, and the disruption budget."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blueprints.plan import PlannedCluster, PlannedPort
from components.pods.template import Members

SKIP_AWAIT = "pulumi.com/skipAwait"
AWAIT_SECONDS = "pulumi.com/timeoutSeconds"

_PULL_SECONDS = 240
_USUAL_START_SECONDS = 60
_LONGEST_SECONDS = 3600
_HISTORY = 5


def metadata(cluster: PlannedCluster, namespace: Any, name: str) -> dict[str, Any]:
    """Name, namespace and labels of an object of the cluster."""
    return {"name": name, "namespace": namespace, "labels": dict(cluster.labels)}


def deployment_spec(cluster: PlannedCluster, members: Members) -> dict[str, Any]:
    """Members that are all alike: new ones serve before old ones leave."""
    return {
        "replicas": cluster.members,
        "revisionHistoryLimit": _HISTORY,
        "progressDeadlineSeconds": start_seconds(cluster),
        "selector": {"matchLabels": dict(cluster.selector)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
        "template": members.template,
    }


def start_seconds(cluster: PlannedCluster) -> int:
    """How long a member may take until it is ready before that counts as a failure: time to pull its image,
    and what its startup probe allows."""
    probe = cluster.cartridge.probes.startup
    if probe is None:
        return _PULL_SECONDS + _USUAL_START_SECONDS
    return _PULL_SECONDS + math.ceil(probe.delay.seconds + probe.period.seconds * probe.failures)


def await_seconds(cluster: PlannedCluster) -> int:
    """How long an update waits for the cluster's members: members with data start one after another."""
    rounds = cluster.bounds.max if cluster.cartridge.stateful else 1
    return min(start_seconds(cluster) * rounds, _LONGEST_SECONDS)


def stateful_set_spec(cluster: PlannedCluster, members: Members) -> dict[str, Any]:
    """Members with a name and data of their own, started and replaced one after another."""
    own = [each for each in cluster.persistence if not each.shared]
    kept = any(each.retain for each in own)
    return {
        "replicas": cluster.members,
        "serviceName": cluster.name,
        "revisionHistoryLimit": _HISTORY,
        "selector": {"matchLabels": dict(cluster.selector)},
        "updateStrategy": {"type": "RollingUpdate"},
        "template": members.template,
        "volumeClaimTemplates": members.claim_templates,
        # A member that returns finds its data; only the end of the application may end that.
        "persistentVolumeClaimRetentionPolicy": {
            "whenScaled": "Retain",
            "whenDeleted": "Retain" if kept else "Delete",
        },
    }


def service_spec(cluster: PlannedCluster, port: PlannedPort) -> dict[str, Any]:
    """The Service of one port mapping."""
    types: Mapping[str, str] = {"cluster": "ClusterIP", "node": "NodePort", "loadBalancer": "LoadBalancer"}
    mapping: dict[str, Any] = {
        "name": port.name,
        "port": port.service_port,
        "targetPort": port.port,
        "protocol": port.transport.upper(),
    }
    if port.node_port is not None:
        mapping["nodePort"] = port.node_port
    return {
        "type": types[port.exposure],
        "selector": dict(cluster.selector),
        "ports": [mapping],
        "sessionAffinity": "ClientIP" if port.session_affinity else "None",
    }


@dataclass(frozen=True)
class Lead:
    """Pods that a Service leads to, and their port."""

    selector: Mapping[str, str]
    port: int


def primary_service_spec(
    cluster: PlannedCluster, port: PlannedPort, home: Lead | None = None
) -> dict[str, Any]:
    """The Service that leads to whoever takes writes: these members, or `home` where they follow that."""
    to = home or Lead(cluster.selector, port.port)
    mapping = {"name": port.name, "port": port.service_port, "targetPort": to.port, "protocol": "TCP"}
    return {"type": "ClusterIP", "selector": dict(to.selector), "ports": [mapping]}


def headless_service_spec(cluster: PlannedCluster) -> dict[str, Any]:
    """The Service that gives each member of a stateful cluster a name."""
    return {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,
        "selector": dict(cluster.selector),
        "ports": [
            {"name": port.name, "port": port.port, "protocol": port.transport.upper()}
            for port in cluster.ports
        ],
    }


def disruption_budget_spec(cluster: PlannedCluster) -> dict[str, Any]:
    """Hosts are emptied one member at a time; a member that does not work anyway is in nobody's way."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": dict(cluster.selector)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }

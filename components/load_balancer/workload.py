"""The objects of a balancer with Pods of its own, as plain specifications. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from blueprints.balancing.model import Balancer
from components.load_balancer.drivers.limits import CERTIFICATES, memory_limit
from components.load_balancer.drivers.neutral import control_name
from components.pods.template import PULL_SECRET, resource_amounts

STATE_PORT = 8404
USER = 10001
CONFIG_CHECKSUM = "altostratus.dev/config-checksum"
MEMBERS_PER_REPLICA = 25

_LONGER_THAN_DRAINING = 15
_HISTORY = 5
_START_SECONDS = 300


def replicas(balancer: Balancer, members: int) -> int:
    """How many copies of a balancer run: one for every MEMBERS_PER_REPLICA members, within its range."""
    wanted = math.ceil(members / MEMBERS_PER_REPLICA)
    asked = balancer.document.replicas
    return max(asked.min, min(asked.max, wanted))


SEES_MEMBERS: dict[str, Any] = {
    "apiGroups": ["discovery.k8s.io"],
    "resources": ["endpointslices"],
    "verbs": ["list", "watch"],
}


def role_rules(balancer: Balancer) -> list[dict[str, Any]]:
    """It may see who the members are, and what it is told while it runs; nothing else."""
    return [
        SEES_MEMBERS,
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": [control_name(balancer)],
            "verbs": ["get", "list", "watch"],
        },
    ]


def service_spec(balancer: Balancer) -> dict[str, Any]:
    """The stable address: one port for each listener."""
    document = balancer.document
    types = {"cluster": "ClusterIP", "node": "NodePort", "loadBalancer": "LoadBalancer"}
    own = document.client_addresses and document.exposure != "cluster"
    return {
        "type": types[document.exposure],
        "selector": dict(balancer.selector),
        "ports": [
            {
                "name": listener.name,
                "port": listener.port,
                "targetPort": listener.bind,
                "protocol": "TCP",
                **({"nodePort": listener.node_port} if listener.node_port is not None else {}),
            }
            for listener in balancer.listeners
        ],
        "sessionAffinity": "ClientIP" if _keeps_clients(balancer) else "None",
        **({"externalTrafficPolicy": "Local"} if own else {}),
    }


def _keeps_clients(balancer: Balancer) -> bool:
    """Whether a client must come to the same replica: counts and choices by client are each replica's own."""
    document = balancer.document
    by_source = document.affinity is not None and document.affinity.by == "source"
    return (
        by_source
        or document.algorithm == "source"
        or any(limit.per == "client" for limit in document.rate_limits)
    )


def network_policy_spec(balancer: Balancer) -> dict[str, Any]:
    """Clients come from anywhere; so does who reads the state, by way of the API server and with a token."""
    ports = [*(listener.bind for listener in balancer.listeners), STATE_PORT]
    return {
        "podSelector": {"matchLabels": dict(balancer.selector)},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in ports]}],
    }


def disruption_budget_spec(balancer: Balancer) -> dict[str, Any]:
    """Hosts are emptied one replica at a time."""
    return {
        "maxUnavailable": 1,
        "selector": {"matchLabels": dict(balancer.selector)},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def deployment_spec(
    balancer: Balancer,
    count: int,
    image: Any,
    checksum: Any,
    certificates: Mapping[str, Sequence[str]],
    names: "Names",
) -> dict[str, Any]:
    """Replicas that are all alike: a new one serves before an old one leaves."""
    folders = list(dict.fromkeys(each for folders in certificates.values() for each in folders))
    return {
        "replicas": count,
        "revisionHistoryLimit": _HISTORY,
        "progressDeadlineSeconds": _START_SECONDS,
        "selector": {"matchLabels": dict(balancer.selector)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {
            "metadata": {"labels": dict(balancer.labels), "annotations": {CONFIG_CHECKSUM: checksum}},
            "spec": _pod(balancer, image, folders, names),
        },
    }


class Names:
    """What the objects of one balancer are called."""

    def __init__(self, balancer: Balancer) -> None:
        self.config = f"{balancer.name}-config"
        self.token = f"{balancer.name}-token"
        self.state = f"{balancer.name}-state"
        self._stem = balancer.name

    def certificate(self, folder: str) -> str:
        """The Secret of one of its certificates."""
        return f"{self._stem}-tls-{folder}"


def _pod(balancer: Balancer, image: Any, folders: Sequence[str], names: Names) -> dict[str, Any]:
    draining = balancer.document.draining.seconds
    return {
        "serviceAccountName": balancer.name,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "imagePullSecrets": [{"name": PULL_SECRET}],
        "terminationGracePeriodSeconds": math.ceil(draining) + _LONGER_THAN_DRAINING,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(balancer.selector)},
                "matchLabelKeys": ["pod-template-hash"],
            }
            for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
        ],
        "containers": [_container(balancer, image, folders)],
        "volumes": [
            {"name": "config", "configMap": {"name": names.config}},
            {"name": "token", "secret": {"secretName": names.token, "defaultMode": 0o440}},
            {"name": "state", "secret": {"secretName": names.state, "defaultMode": 0o440}},
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}},
            *(
                {"name": f"tls-{n}", "secret": {"secretName": names.certificate(each), "defaultMode": 0o440}}
                for n, each in enumerate(folders)
            ),
        ],
    }


def _container(balancer: Balancer, image: Any, folders: Sequence[str]) -> dict[str, Any]:
    return {
        "name": "balancer",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "ports": [
            *(
                {"name": each.name, "containerPort": each.bind, "protocol": "TCP"}
                for each in balancer.listeners
            ),
            {"name": _state_name(balancer), "containerPort": STATE_PORT, "protocol": "TCP"},
        ],
        # One late answer of a busy host is no reason to take the only replica out; who ends leaves anyway.
        "readinessProbe": {**_probe("/readyz"), "periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**_probe("/healthz"), "periodSeconds": 10, "failureThreshold": 6},
        "startupProbe": {**_probe("/healthz"), "periodSeconds": 1, "failureThreshold": 60},
        "resources": _resources(balancer),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/altostratus/balancer", "readOnly": True},
            {"name": "token", "mountPath": "/etc/altostratus/token", "readOnly": True},
            {"name": "state", "mountPath": "/etc/altostratus/state", "readOnly": True},
            {"name": "run", "mountPath": "/run/altostratus"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
            *(
                {"name": f"tls-{n}", "mountPath": f"{CERTIFICATES}/{each}", "readOnly": True}
                for n, each in enumerate(folders)
            ),
        ],
    }


def _state_name(balancer: Balancer) -> str:
    taken = {listener.name for listener in balancer.listeners}
    return "state" if "state" not in taken else "balancer-state"


def _probe(path: str) -> dict[str, Any]:
    return {"httpGet": {"path": path, "port": STATE_PORT, "scheme": "HTTPS"}, "timeoutSeconds": 2}


def _resources(balancer: Balancer) -> dict[str, Any]:
    amounts = resource_amounts(balancer.document.resources)
    requests = {"cpu": "100m", "memory": "64Mi", **amounts.get("requests", {})}
    limits = {**amounts.get("limits", {}), "memory": str(memory_limit(balancer.document))}
    return {"requests": requests, "limits": limits}

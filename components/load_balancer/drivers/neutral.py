"""`balancer.json`: the neutral model in the words of docs/balancer-protocol.md. Pure."""

import json
import math
from collections import Counter
from typing import Any

from blueprints.balancing.model import DIRECT_TENANT, Backend, Balancer, PlannedListener
from blueprints.kinds.load_balancer import LoadBalancer
from components.load_balancer.drivers.driver import Facts

CONTROL_SUFFIX = "-control"


def control_name(balancer: Balancer) -> str:
    """The ConfigMap with what changes while the balancer runs."""
    return balancer.name + CONTROL_SUFFIX


def balancer_json(balancer: Balancer, facts: Facts, driver: str) -> str:
    """The whole model as JSON text with sorted keys."""
    document = balancer.document
    model = {
        "version": 1,
        "name": balancer.name,
        "driver": driver,
        "application": balancer.application,
        "tenant": default_tenant(balancer),
        "cloud": facts.cloud,
        "namespace": balancer.namespace,
        "control": control_name(balancer),
        "draining": document.draining.seconds,
        "accessLog": document.access_log,
        "clientTimeout": document.timeouts.client.seconds,
        "listeners": [_listener(each, facts) for each in balancer.listeners],
        "splits": {
            split.name: [
                {"backend": key, "weight": weight, **({"byMembers": True} if split.by_members else {})}
                for key, weight in split.shares
            ]
            for split in balancer.splits
        },
        "backends": {each.key: _backend(each, document, facts) for each in balancer.backends},
    }
    return json.dumps(model, indent=1, sort_keys=True) + "\n"


def default_tenant(balancer: Balancer) -> str:
    """Who most rules belong to; empty where that is nobody."""
    counted = Counter(rule.tenant for rule in balancer.rules)
    usual = max(counted, key=lambda tenant: (counted[tenant], tenant), default=DIRECT_TENANT)
    return "" if usual == DIRECT_TENANT else usual


def share(amount: int, replicas: int) -> int:
    """What one of several replicas may allow of an amount that holds for all: never nothing."""
    return max(1, math.ceil(amount / max(replicas, 1))) if amount else 0


def _listener(listener: PlannedListener, facts: Facts) -> dict[str, Any]:
    return {
        "name": listener.name,
        "port": listener.port,
        "bind": listener.bind,
        "protocol": listener.protocol,
        "http2": listener.http2,
        "proxyProtocol": listener.proxy_protocol,
        "redirectTo": listener.redirect_to or "",
        "certificates": list(facts.certificates.get(listener.name, ())),
        "backend": listener.backend or "",
    }


def _backend(backend: Backend, document: LoadBalancer, facts: Facts) -> dict[str, Any]:
    health, timeouts, queue = document.health, document.timeouts, document.queue
    found: dict[str, Any] = {
        "name": backend.name,
        "cluster": backend.cluster,
        "service": {"namespace": backend.namespace, "name": backend.service, "port": backend.port},
        "protocol": backend.protocol,
        "algorithm": document.algorithm,
        "health": {
            "path": (health.path or "") if backend.mode == "http" else "",
            "interval": health.interval.seconds,
            "timeout": health.timeout.seconds,
            "rise": health.rise,
            "fall": health.fall,
        },
        "timeouts": {
            "connect": timeouts.connect.seconds,
            "server": timeouts.server.seconds,
            "queue": timeouts.queue.seconds,
            "tunnel": timeouts.tunnel.seconds,
        },
        "queue": {
            "memberConnections": share(queue.member_connections or 0, facts.replicas),
            "length": share(queue.length, facts.replicas),
        },
        "draining": document.draining.seconds,
    }
    if document.retries.attempts and document.retries.on:
        found["retries"] = {"attempts": document.retries.attempts, "on": list(document.retries.on)}
    affinity = document.affinity
    if affinity is not None and (backend.mode == "http" or affinity.by == "source"):
        lifetime = affinity.lifetime.seconds if affinity.lifetime else 0
        found["affinity"] = {"by": affinity.by, "name": affinity.name, "lifetime": lifetime}
    return found

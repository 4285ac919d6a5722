"""What the AWS driver will make, as plain data. Pure."""

from typing import Any

from blueprints.balancing.model import Backend, Balancer, PlannedListener, Rule, Split
from blueprints.names import shorten
from components.pods.errors import ApplicationError

_NAME_LIMIT = 32
_MOST_TARGET_GROUPS = 5
"""How many target groups one action of an Application Load Balancer may have (its quota)."""
_MOST_WEIGHT = 999
_ALGORITHMS = {
    "round-robin": "round_robin",
    "least-connections": "least_outstanding_requests",
    "weighted": "weighted_random",
}
_NO_ROUTE = {
    "type": "fixed-response",
    "fixedResponse": {
        "contentType": "text/plain",
        "messageBody": "No route leads from here to an application.",
        "statusCode": "503",
    },
}


def short_name(balancer: Balancer, *more: str) -> str:
    """A name that AWS takes: letters, digits and single hyphens, at most 32."""
    words = "-".join([balancer.application, balancer.name, *more])
    plain = "".join(c if c.isalnum() else "-" for c in words)
    return shorten("-".join(word for word in plain.split("-") if word), _NAME_LIMIT)


def kind_of(listener: PlannedListener) -> str:
    """Which of the two balancers a listener is on."""
    return "application" if listener.mode == "http" else "network"


def planned_listener(balancer: Balancer, listener: PlannedListener) -> dict[str, Any]:
    """A listener with its default action and its rules."""
    protocol = {"http": "HTTP", "https": "HTTPS"}.get(listener.protocol, "TCP")
    found: dict[str, Any] = {"kind": kind_of(listener), "port": listener.port, "protocol": protocol}
    if listener.mode == "tcp":
        return {**found, "default": _forward([(listener.backend or "", 1)]), "rules": []}
    if listener.redirect_to is not None:
        aim = balancer.listener(listener.redirect_to)
        redirect = {"port": str(aim.port), "protocol": aim.protocol.upper(), "statusCode": "HTTP_301"}
        return {**found, "default": {"type": "redirect", "redirect": redirect}, "rules": []}
    rules = [rule for rule in balancer.rules if listener.name in rule.listeners]
    others = [rule for rule in rules if rule.host is None and rule.path == "/"]
    default = _forward(_shares(balancer.split(others[0].split))) if others else _NO_ROUTE
    numbered = [rule for rule in rules if rule not in others]
    return {
        **found,
        "default": default,
        "rules": [_rule(balancer, rule, number) for number, rule in enumerate(numbered, 1)],
    }


def _rule(balancer: Balancer, rule: Rule, priority: int) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = []
    if rule.host is not None:
        conditions.append({"hostHeader": {"values": [rule.host]}})
    if rule.path != "/":
        conditions.append({"pathPattern": {"values": [rule.path, f"{rule.path}/*"]}})
    return {
        "name": rule.name,
        "priority": priority,
        "conditions": conditions,
        "action": _forward(_shares(balancer.split(rule.split))),
    }


def _forward(shares: list[tuple[str, int]]) -> dict[str, Any]:
    return {"type": "forward", "targets": [{"backend": key, "weight": weight} for key, weight in shares]}


def _shares(split: Split) -> list[tuple[str, int]]:
    if len(split.shares) > _MOST_TARGET_GROUPS:
        raise ApplicationError(
            f"{len(split.shares)} clusters share one route's requests; AWS allows {_MOST_TARGET_GROUPS}.\n"
            "  Lower the instances of the group, or take another driver."
        )
    most = max((weight for _, weight in split.shares), default=0) or 1
    return [
        (key, round(weight * _MOST_WEIGHT / most) if len(split.shares) > 1 else 1)
        for key, weight in split.shares
    ]


def planned_group(balancer: Balancer, backend: Backend) -> dict[str, Any]:
    """The target group of a backend."""
    document, health = balancer.document, balancer.document.health
    http = backend.mode == "http"
    check: dict[str, Any] = {
        "enabled": True,
        "protocol": "TCP",
        # AWS takes whole seconds, from 5 to 300 and from 2 to 120, and 2 to 10 in a row.
        "interval": min(300, max(5, round(health.interval.seconds))),
        "timeout": min(120, max(2, round(health.timeout.seconds))),
        "healthyThreshold": min(10, max(2, health.rise)),
        "unhealthyThreshold": min(10, max(2, health.fall)),
    }
    if http:
        check |= {"protocol": "HTTP", "path": health.path or "/", "matcher": "200-399"}
        if health.path is None:
            check["matcher"] = "200-499"
    found: dict[str, Any] = {
        "name": short_name(balancer, backend.name),
        "port": backend.target_port,
        "protocol": {"http": "HTTP", "h2c": "HTTP", "https": "HTTPS"}.get(backend.protocol, "TCP"),
        "deregistrationDelay": round(document.draining.seconds),
        "healthCheck": check,
    }
    if http:
        found["protocolVersion"] = "HTTP2" if backend.protocol == "h2c" else "HTTP1"
        found["loadBalancingAlgorithmType"] = _ALGORITHMS.get(document.algorithm, "round_robin")
    affinity = document.affinity
    if affinity is not None and http and affinity.by == "cookie":
        # A cookie of AWS' own lasts a day where the document does not say; it has no session cookies.
        lifetime = round(affinity.lifetime.seconds) if affinity.lifetime else 86_400
        found["stickiness"] = {"enabled": True, "type": "lb_cookie", "cookieDuration": lifetime}
    elif affinity is not None and not http and affinity.by == "source":
        found["stickiness"] = {"enabled": True, "type": "source_ip"}
    return found

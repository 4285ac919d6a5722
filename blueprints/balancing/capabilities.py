"""What drivers can do, and what a LoadBalancer document asks of its driver, in one list of features."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from blueprints.kinds.load_balancer import Listener, LoadBalancer
from blueprints.model import Model

DocumentPath = tuple[str | int, ...]

FEATURES: Mapping[str, str] = {
    "listener:http": "http listeners",
    "listener:https": "https listeners",
    "listener:tcp": "tcp listeners",
    "listener:tls": "tls listeners, which pass TLS through",
    "certificate": "certificates of your own",
    "proxy-protocol": "the PROXY protocol",
    "http2": "a choice about HTTP/2 on https",
    "http2-clear": "a choice about HTTP/2 without TLS",
    "redirect": "redirects to another listener",
    "node-port": "a fixed port on every host",
    "host": "routes by host name",
    "path": "routes by path",
    "rewrite": "a path that is rewritten",
    "weight": "weights of routes",
    "route-listeners": "routes on some listeners only",
    "algorithm:round-robin": "round-robin",
    "algorithm:least-connections": "least-connections",
    "algorithm:weighted": "weighted",
    "algorithm:source": "source",
    "affinity:cookie": "affinity by cookie",
    "affinity:source": "affinity by source",
    "affinity:header": "affinity by header",
    "affinity-name": "a name for the affinity's cookie",
    "affinity-lifetime": "a lifetime of the affinity's cookie",
    "affinity-lifetime-hash": "a lifetime of affinity without a cookie",
    "health-path": "health checks by path",
    "health-timing": "the timing of health checks",
    "health-counts": "the counts of health checks",
    "retry:attempts": "a number of attempts",
    "retry:connect": "retries after a failed connect",
    "retry:empty": "retries after an empty answer",
    "retry:timeout": "retries after a timeout",
    "retry:500": "retries after 500",
    "retry:502": "retries after 502",
    "retry:503": "retries after 503",
    "retry:504": "retries after 504",
    "timeout:connect": "a timeout of connects",
    "timeout:client": "a timeout of clients",
    "timeout:server": "a timeout of members",
    "timeout:queue": "a bound on waiting",
    "timeout:tunnel": "a timeout of WebSockets",
    "queue-member": "a bound on what one member serves at once",
    "queue-length": "a bound on how many wait",
    "rate-limit:client": "rate limits for each client",
    "rate-limit:tenant": "rate limits for each tenant",
    "rate-limit:total": "a rate limit on everybody",
    "access-log": "a choice about the access log",
    "max-body": "a bound on request bodies",
    "draining": "a time for leaving members",
    "replicas": "a number of replicas",
    "resources": "resources of its replicas",
    "client-addresses": "clients' own addresses",
    "exposure:cluster": "exposure cluster",
    "exposure:node": "exposure node",
    "exposure:loadBalancer": "exposure loadBalancer",
}
"""Every feature a document can ask for, in words."""


Option = type[int] | type[str] | tuple[str, ...]


@dataclass(frozen=True)
class Capabilities:
    """What a driver can do: features of FEATURES, options by name, and the most rate limits it counts.

    An option is a whole number over 0 (`int`), a text (`str`), or one of several texts (a tuple of them).
    """

    features: frozenset[str]
    options: Mapping[str, Option]
    rate_limits: int = 3

    @classmethod
    def all_but(cls, *missing: str, options: Mapping[str, Option] | None = None) -> "Capabilities":
        """Every feature but some. Raises KeyError for one that is not known."""
        for name in missing:
            FEATURES[name]
        return cls(frozenset(FEATURES) - set(missing), options or {})


def fits(option: Option, value: object) -> bool:
    """Whether a value can be that option's."""
    if isinstance(option, tuple):
        return value in option
    if option is int:
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    return isinstance(value, str)


def in_words(option: Option) -> str:
    """What is allowed."""
    if isinstance(option, tuple):
        return " or ".join(option)
    return "a whole number over 0" if option is int else "a text"


@dataclass(frozen=True, slots=True)
class Asked:
    """A feature that a document asks for, and where."""

    feature: str
    place: DocumentPath


def asked(document: LoadBalancer) -> Iterator[Asked]:
    """Everything that a document asks of its driver. What was left at its default asks for nothing."""
    for index, listener in enumerate(document.listeners):
        yield from _of_listener(listener, ("listeners", index))
    for index, route in enumerate(document.routes):
        place = ("routes", index)
        if route.host is not None:
            yield Asked("host", (*place, "host"))
        if route.path != "/":
            yield Asked("path", (*place, "path"))
        if route.rewrite is not None:
            yield Asked("rewrite", (*place, "rewrite"))
        yield from _given(route, place, {"weight": "weight"})
        if route.listeners:
            yield Asked("route-listeners", (*place, "listeners"))
    if "algorithm" in document.model_fields_set:
        yield Asked(f"algorithm:{document.algorithm}", ("algorithm",))
    yield from _of_affinity(document)
    yield from _given(document.health, ("health",), {
        "path": "health-path", "interval": "health-timing", "timeout": "health-timing",
        "rise": "health-counts", "fall": "health-counts",
    })  # fmt: skip
    yield from _given(document.retries, ("retries",), {"attempts": "retry:attempts"})
    if "on" in document.retries.model_fields_set:
        for index, cause in enumerate(document.retries.on):
            yield Asked(f"retry:{cause}", ("retries", "on", index))
    names = ("connect", "client", "server", "queue", "tunnel")
    yield from _given(document.timeouts, ("timeouts",), {name: f"timeout:{name}" for name in names})
    yield from _given(
        document.queue, ("queue",), {"member_connections": "queue-member", "length": "queue-length"}
    )
    for index, limit in enumerate(document.rate_limits):
        yield Asked(f"rate-limit:{limit.per}", ("rateLimits", index))
    if document.client_addresses:
        yield Asked("client-addresses", ("clientAddresses",))
    yield from _given(document, (), {
        "access_log": "access-log", "max_body": "max-body", "draining": "draining", "replicas": "replicas",
        "resources": "resources", "exposure": f"exposure:{document.exposure}",
    })  # fmt: skip


def _of_listener(listener: Listener, place: DocumentPath) -> Iterator[Asked]:
    yield Asked(f"listener:{listener.protocol}", (*place, "protocol"))
    if listener.certificate is not None:
        yield Asked("certificate", (*place, "certificate"))
    if listener.proxy_protocol:
        yield Asked("proxy-protocol", (*place, "proxyProtocol"))
    if "http2" in listener.model_fields_set:
        yield Asked("http2" if listener.protocol == "https" else "http2-clear", (*place, "http2"))
    if listener.redirect_to is not None:
        yield Asked("redirect", (*place, "redirectTo"))
    if listener.node_port is not None:
        yield Asked("node-port", (*place, "nodePort"))


def _of_affinity(document: LoadBalancer) -> Iterator[Asked]:
    affinity = document.affinity
    if affinity is None:
        return
    yield Asked(f"affinity:{affinity.by}", ("affinity", "by"))
    if affinity.by == "cookie" and "name" in affinity.model_fields_set:
        yield Asked("affinity-name", ("affinity", "name"))
    if affinity.lifetime is not None:
        feature = "affinity-lifetime" if affinity.by == "cookie" else "affinity-lifetime-hash"
        yield Asked(feature, ("affinity", "lifetime"))


def _given(model: Model, place: DocumentPath, features: Mapping[str, str]) -> Iterator[Asked]:
    fields: Mapping[str, Any] = type(model).model_fields
    for name, feature in features.items():
        if name in model.model_fields_set and getattr(model, name) is not None:
            yield Asked(feature, (*place, fields[name].alias or name))

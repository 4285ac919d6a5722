"""The HAProxy driver: the model as a configuration that its agent completes. Pure text."""

import re
from collections.abc import Iterator, Mapping

from blueprints.balancing import catalogue
from blueprints.balancing.model import DIRECT_TENANT, Backend, Balancer, PlannedListener, Rule
from blueprints.kinds.load_balancer import LoadBalancer, RateLimit
from components.load_balancer.drivers.driver import Facts
from components.load_balancer.drivers.limits import (
    CERTIFICATES,
    LONGEST_HEADER_SECONDS,
    connections,
    milliseconds,
    tls_minimum,
)
from components.load_balancer.drivers.neutral import balancer_json, default_tenant, share
from components.load_balancer.pods import PodDriver

_BYTES_EACH = 36 * 1024
"""What HAProxy needs for one connection: two buffers of 16 KiB, and some."""

_RETRY_ON = {
    "connect": "conn-failure", "empty": "empty-response", "timeout": "response-timeout",
    "500": "500", "502": "502", "503": "503", "504": "504",
}  # fmt: skip
_ALGORITHMS = {
    "round-robin": "roundrobin",
    "least-connections": "leastconn",
    "weighted": "random(2)",
    "source": "source",
}
_SAFE = "GET HEAD OPTIONS PUT DELETE TRACE"
"""Methods that HTTP calls safe to repeat (RFC 9110, 9.2.2)."""


class Haproxy(PodDriver):
    """HAProxy in Pods of its own."""

    program = "haproxy"
    capabilities = catalogue.HAPROXY

    def configuration(self, balancer: Balancer, facts: Facts) -> Mapping[str, str]:
        """`balancer.json` and `haproxy.cfg`."""
        return {
            "balancer.json": balancer_json(balancer, facts, self.program),
            "haproxy.cfg": "\n".join(template(balancer, facts)) + "\n",
        }


def template(balancer: Balancer, facts: Facts) -> Iterator[str]:
    """The lines of `haproxy.cfg`, with the agent's markers."""
    document = balancer.document
    yield from _global(document)
    yield from _defaults(document)
    yield "# altostratus:sections"
    yield from _tables(document)
    for listener in balancer.listeners:
        yield ""
        yield f"frontend {listener.name}"
        yield from _indented(_frontend(balancer, listener, facts))
    for backend in balancer.backends:
        yield ""
        yield f"backend {backend.name}"
        yield from _indented(_backend(backend, balancer))


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _global(document: LoadBalancer) -> Iterator[str]:
    yield "global"
    most = connections(document, _BYTES_EACH, "maxConnections")
    yield f"    maxconn {most}"
    yield "    ssl-load-extra-del-ext"
    yield f"    ssl-default-bind-options ssl-min-ver {tls_minimum(document)} no-tls-tickets"
    yield "    # altostratus:global"
    yield ""


def _defaults(document: LoadBalancer) -> Iterator[str]:
    timeouts = document.timeouts
    yield "defaults"
    yield "    mode http"
    for name, seconds in (
        ("connect", timeouts.connect.seconds),
        ("client", timeouts.client.seconds),
        ("server", timeouts.server.seconds),
        ("queue", timeouts.queue.seconds),
        ("tunnel", timeouts.tunnel.seconds),
        ("http-request", min(LONGEST_HEADER_SECONDS, timeouts.client.seconds)),
        ("http-keep-alive", timeouts.client.seconds),
        # A tunnel that one side has left would stay for `tunnel`, and hold its member, without these.
        ("client-fin", min(timeouts.client.seconds, document.draining.seconds)),
        ("server-fin", min(timeouts.server.seconds, document.draining.seconds)),
    ):
        yield f"    timeout {name} {milliseconds(seconds)}ms"
    yield "    option redispatch 1"
    yield "    option dontlognull"
    yield ""


def _tables(document: LoadBalancer) -> Iterator[str]:
    kinds = {"client": "ipv6 size 100k", "tenant": "string len 64 size 10k", "total": "integer size 1"}
    for number, limit in enumerate(document.rate_limits):
        window = milliseconds(limit.window.seconds)
        expire = max(10_000, 2 * window)
        yield ""
        yield f"backend limit-{number}"
        yield (
            f"    stick-table type {kinds[limit.per]} expire {expire}ms store gpc0,gpc0_rate({window}ms)"
        )  # fmt: skip


def _frontend(balancer: Balancer, listener: PlannedListener, facts: Facts) -> Iterator[str]:
    document = balancer.document
    if listener.mode == "tcp":
        yield "mode tcp"
        yield _bind(listener, facts, document)
        yield "# altostratus:log tcp"
        if listener.backend is not None:
            yield f"default_backend {balancer.backend(listener.backend).name}"
        return
    yield _bind(listener, facts, document)
    yield "# altostratus:log"
    if listener.redirect_to is not None:
        yield _redirect(balancer.listener(listener.redirect_to), facts)
        return
    yield f"http-request set-var(txn.tenant) str({default_tenant(balancer)})"
    yield f"http-request set-header X-Forwarded-Proto {listener.protocol}"
    yield f"http-request set-header X-Forwarded-Port {facts.public_ports.get(listener.name, listener.port)}"
    yield "option forwardfor"
    if document.max_body is not None:
        yield from _body(document.max_body.bytes)
    rules = [rule for rule in balancer.rules if listener.name in rule.listeners]
    if any(rule.host for rule in rules):
        yield "http-request set-var(txn.host) req.hdr(host),lower,host_only"
    for number, rule in enumerate(rules):
        yield from _route(rule, default_tenant(balancer), first=number == 0, only=len(rules) == 1)
    yield from _limits(document, facts.replicas)
    for rule in rules:
        yield from _rewrite(rule)
    yield "# altostratus:pick"


def _bind(listener: PlannedListener, facts: Facts, document: LoadBalancer) -> str:
    words = [f"bind {facts.listen}:{listener.bind}"]
    if listener.proxy_protocol:
        words.append("accept-proxy")
    if listener.protocol == "https":
        folders = facts.certificates[listener.name]
        words += ["ssl", *(f"crt {CERTIFICATES}/{folder}/tls.crt" for folder in folders)]
        words.append("alpn h2,http/1.1" if listener.http2 else "alpn http/1.1")
    elif listener.protocol == "http" and not listener.http2:
        words.append("proto h1")
    return " ".join(words)


def _redirect(aim: PlannedListener, facts: Facts) -> str:
    port = facts.public_ports.get(aim.name, aim.port)
    usual = 443 if aim.protocol == "https" else 80
    shown = "" if port == usual else f":{port}"
    return (
        f"http-request redirect location {aim.protocol}://%[req.hdr(host),host_only]{shown}%[pathq] code 308"
    )


def _body(most: int) -> Iterator[str]:
    yield f"http-request return status 413 if {{ req.hdr_val(content-length) gt {most} }}"
    # A body of unknown length could be any; who sends one is asked to tell its length.
    yield "http-request return status 411 if { req.hdr(transfer-encoding) -m found }"


def _conditions(rule: Rule, *, first: bool) -> str:
    parts = [] if first else ["!{ var(txn.rule) -m found }"]
    if rule.host is not None and rule.host.startswith("*."):
        parts.append("{ var(txn.host) -m reg '^[^.]+" + re.escape(rule.host[1:]) + "$' }")
    elif rule.host is not None:
        parts.append(f"{{ var(txn.host) -m str {rule.host} }}")
    if rule.path == "/":
        return " if " + " ".join(parts) if parts else ""
    alone, below = f"{{ path {rule.path} }}", f"{{ path_beg {rule.path}/ }}"
    return f" if {' '.join([*parts, alone])} or {' '.join([*parts, below])}"


def _route(rule: Rule, usual_tenant: str, *, first: bool, only: bool) -> Iterator[str]:
    conditions = _conditions(rule, first=first)
    tenant = "" if rule.tenant == DIRECT_TENANT else rule.tenant
    if tenant != usual_tenant:
        yield f"http-request set-var(txn.tenant) str({tenant}){conditions}"
    yield f"http-request set-var(txn.split) str({rule.split}){conditions}"
    if not only or rule.rewrite is not None:
        # Last: who is taken once is not taken again.
        yield f"http-request set-var(txn.rule) str({rule.name}){conditions}"


def _limits(document: LoadBalancer, replicas: int) -> Iterator[str]:
    for number, limit in enumerate(document.rate_limits):
        yield f"http-request track-sc{number} {_counted(limit)} table limit-{number}"
    for number, limit in enumerate(document.rate_limits):
        most = limit.requests if limit.per == "client" else share(limit.requests, replicas)
        over = f"{{ sc_gpc0_rate({number},limit-{number}) ge {most} }}"
        yield f"http-request set-var(txn.reason) str(rate-limit) if {over}"
    if not document.rate_limits:
        return
    seconds = max(1, round(max(limit.window.seconds for limit in document.rate_limits)))
    yield (
        f"http-request return status 429 content-type text/plain hdr Retry-After {seconds} "
        'hdr X-Altostratus-Reason rate-limit string "Too many requests.\\n" '
        "if { var(txn.reason) -m str rate-limit }"
    )
    # Only what is let through counts: who asks too often is served at the limit, not shut out.
    for number in range(len(document.rate_limits)):
        yield f"http-request sc-inc-gpc0({number})"


def _counted(limit: RateLimit) -> str:
    return {"client": "src", "tenant": "var(txn.tenant)", "total": "int(0)"}[limit.per]


def _rewrite(rule: Rule) -> Iterator[str]:
    if rule.rewrite is None:
        return
    mine = f"if {{ var(txn.rule) -m str {rule.name} }}"
    before = "" if rule.path == "/" else rule.path
    after = "" if rule.rewrite == "/" else rule.rewrite
    pattern = f"^{re.escape(before)}/?(.*)$"
    yield f"http-request replace-path '{pattern}' '{_format(after)}/\\1' {mine}"
    if before:
        yield f"http-request set-header X-Forwarded-Prefix {_format(before)} {mine}"


def _format(text: str) -> str:
    """Text inside a log format, where % begins a variable."""
    return text.replace("%", "%%")


def _backend(backend: Backend, balancer: Balancer) -> Iterator[str]:
    document = balancer.document
    if backend.mode == "tcp":
        yield "mode tcp"
    yield from _balance(backend, balancer)
    if backend.mode == "http" and document.health.path is not None:
        yield f"option httpchk GET {document.health.path}"
    retries = document.retries
    causes = [_RETRY_ON[each] for each in retries.on]
    yield f"retries {retries.attempts if causes else 0}"
    if backend.mode == "http" and causes and retries.attempts:
        yield f"retry-on {' '.join(causes)}"
        if causes != ["conn-failure"]:
            yield f"http-request disable-l7-retry unless {{ method {_SAFE} }}"
    yield f"# altostratus:backend {backend.name}"


def _balance(backend: Backend, balancer: Balancer) -> Iterator[str]:
    document, affinity = balancer.document, balancer.document.affinity
    by = affinity.by if affinity else None
    if affinity is not None and by == "header" and backend.mode == "http":
        yield f"balance hdr({affinity.name})"
        yield "hash-type consistent"
    elif by == "source" or document.algorithm == "source":
        yield "balance source"
        yield "hash-type consistent"
    else:
        yield f"balance {_ALGORITHMS[document.algorithm]}"
    if affinity is not None and by == "cookie" and backend.mode == "http":
        seconds = round(affinity.lifetime.seconds) if affinity.lifetime else 0
        lasting = f" maxlife {seconds}" if seconds else ""
        yield f"cookie {affinity.name} insert indirect nocache httponly dynamic{lasting}"
        yield f"dynamic-cookie-key {balancer.application}.{balancer.name}"

"""The nginx driver: the model as a configuration that its agent completes. Pure text."""

import re
from collections.abc import Iterator, Mapping, Sequence

from blueprints.balancing import catalogue
from blueprints.balancing.model import DIRECT_TENANT, Balancer, PlannedListener, Rule
from blueprints.kinds.load_balancer import LoadBalancer, RateLimit
from components.load_balancer.certificates import host_folder
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

_BYTES_EACH = 24 * 1024
"""What nginx needs for one connection to a client and one to a member, with their buffers."""

_NO_ROUTE = "No route leads from here to an application.\\n"


class Nginx(PodDriver):
    """nginx in Pods of its own."""

    program = "nginx"
    capabilities = catalogue.NGINX

    def configuration(self, balancer: Balancer, facts: Facts) -> Mapping[str, str]:
        """`balancer.json` and `nginx.conf`."""
        return {
            "balancer.json": balancer_json(balancer, facts, self.program),
            "nginx.conf": "\n".join(template(balancer, facts)) + "\n",
        }


def template(balancer: Balancer, facts: Facts) -> Iterator[str]:
    """The lines of `nginx.conf`, with the agent's markers."""
    document = balancer.document
    yield "# altostratus:main"
    yield "events {"
    yield f"    worker_connections {connections(document, _BYTES_EACH, 'workerConnections')};"
    yield "}"
    yield ""
    yield "http {"
    yield from _indented(_http(document, facts))
    for listener in balancer.listeners:
        if listener.mode == "http":
            for block in _servers(balancer, listener, facts):
                yield ""
                yield from _indented(block)
    yield "}"
    streams = [each for each in balancer.listeners if each.mode == "tcp" and each.backend is not None]
    if streams:
        yield ""
        yield "stream {"
        yield "    # altostratus:stream"
        for listener in streams:
            yield from _indented(_stream(balancer, listener))
        yield "}"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"    {line}" for line in lines)


def _http(document: LoadBalancer, facts: Facts) -> Iterator[str]:
    client = document.timeouts.client.seconds
    yield "# altostratus:http"
    yield "server_tokens off;"
    yield f"client_header_timeout {milliseconds(min(LONGEST_HEADER_SECONDS, client))}ms;"
    yield f"client_body_timeout {milliseconds(client)}ms;"
    yield f"send_timeout {milliseconds(client)}ms;"
    yield f"keepalive_timeout {milliseconds(client)}ms;"
    yield "keepalive_requests 100000;"
    yield f"client_max_body_size {document.max_body.bytes if document.max_body else 0};"
    for number, limit in enumerate(document.rate_limits):
        yield f"limit_req_zone {_counted(limit)} zone=limit-{number}:10m rate={_rate(limit, facts.replicas)};"
    if document.rate_limits:
        yield "limit_req_status 429;"


def _counted(limit: RateLimit) -> str:
    return {"client": "$binary_remote_addr", "tenant": "$tenant", "total": '"all"'}[limit.per]


def _allowed(limit: RateLimit, replicas: int) -> int:
    return limit.requests if limit.per == "client" else share(limit.requests, replicas)


def _rate(limit: RateLimit, replicas: int) -> str:
    """Requests a second where that is a whole number, else a minute: nginx takes no fractions."""
    each_second = _allowed(limit, replicas) / limit.window.seconds
    if each_second >= 1 and each_second == int(each_second):
        return f"{int(each_second)}r/s"
    return f"{max(1, round(each_second * 60))}r/m"


def _servers(balancer: Balancer, listener: PlannedListener, facts: Facts) -> Iterator[Iterator[str]]:
    if listener.redirect_to is not None:
        yield _block("server", _redirect(balancer, listener, facts))
        return
    rules = [rule for rule in balancer.rules if listener.name in rule.listeners]
    hosts: list[str | None] = list(dict.fromkeys(rule.host for rule in rules if rule.host is not None))
    for host in [None, *hosts]:
        yield _block("server", _server(balancer, listener, facts, host, effective(rules, host)))


def effective(rules: Sequence[Rule], host: str | None) -> list[Rule]:
    """The rules in force for one host name (None: one that no rule names), the most telling first.

    A rule for any host holds where none for this host matches, so it is left out where one always would.
    """
    found: list[Rule] = []
    for rule in rules:
        if rule.host is None or rule.host == host or _covers(rule.host, host):
            hidden = any(_rank(other) < _rank(rule) and _below(rule.path, other.path) for other in found)
            if not hidden and all(other.path != rule.path for other in found):
                found.append(rule)
    return found


def _covers(wildcard: str, host: str | None) -> bool:
    return (
        host is not None and wildcard.startswith("*.") and host.partition(".")[2] == wildcard[2:]
        and not host.startswith("*")
    )  # fmt: skip


def _rank(rule: Rule) -> int:
    return 2 if rule.host is None else 1 if rule.host.startswith("*.") else 0


def _below(path: str, above: str) -> bool:
    return above == "/" or path == above or path.startswith(f"{above}/")


def _block(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield f"{head} {{"
    yield from _indented(lines)
    yield "}"


def _listen(listener: PlannedListener, *, default: bool) -> str:
    words = [f"listen {listener.bind}"]
    if default:
        words.append("default_server")
    if listener.protocol == "https":
        words.append("ssl")
        if listener.http2:
            words.append("http2")
    if listener.proxy_protocol:
        words.append("proxy_protocol")
    return " ".join(words) + ";"


def _head(balancer: Balancer, listener: PlannedListener, facts: Facts, host: str | None) -> Iterator[str]:
    yield _listen(listener, default=host is None)
    yield f"server_name {_server_name(host)};"
    if listener.proxy_protocol:
        # Whoever reaches this port speaks for others: that is what the listener was told.
        yield "set_real_ip_from 0.0.0.0/0;"
        yield "set_real_ip_from ::/0;"
        yield "real_ip_header proxy_protocol;"
    if listener.protocol == "https":
        folders = facts.certificates[listener.name]
        wanted = host_folder(host) if host else ""
        folder = wanted if wanted in folders else folders[0]
        yield f"ssl_certificate {CERTIFICATES}/{folder}/tls.crt;"
        yield f"ssl_certificate_key {CERTIFICATES}/{folder}/tls.key;"
        oldest = tls_minimum(balancer.document)
        yield f"ssl_protocols {'TLSv1.3' if oldest == 'TLSv1.3' else 'TLSv1.2 TLSv1.3'};"
        yield "ssl_session_tickets off;"


def _server_name(host: str | None) -> str:
    if host is None:
        return "_"
    return f"'~^[^.]+{re.escape(host[1:])}$'" if host.startswith("*.") else host


def _redirect(balancer: Balancer, listener: PlannedListener, facts: Facts) -> Iterator[str]:
    aim = balancer.listener(listener.redirect_to or "")
    port = facts.public_ports.get(aim.name, aim.port)
    usual = 443 if aim.protocol == "https" else 80
    yield from _head(balancer, listener, facts, None)
    yield f'set $tenant "{default_tenant(balancer)}";'
    yield f"return 308 {aim.protocol}://$host{'' if port == usual else f':{port}'}$request_uri;"


def _server(
    balancer: Balancer,
    listener: PlannedListener,
    facts: Facts,
    host: str | None,
    rules: Sequence[Rule],
) -> Iterator[str]:
    document = balancer.document
    yield from _head(balancer, listener, facts, host)
    usual = default_tenant(balancer)
    yield f'set $tenant "{usual}";'
    for number, limit in enumerate(document.rate_limits):
        burst = _allowed(limit, facts.replicas) - 1
        yield f"limit_req zone=limit-{number}{f' burst={burst} nodelay' if burst else ''};"
    if document.rate_limits:
        yield "error_page 429 @rate-limit;"
        yield from _block("location @rate-limit", _refused(document))
    for rule in rules:
        yield from _locations(rule, usual)
    if all(rule.path != "/" for rule in rules):
        yield from _block("location /", iter(_no_route()))


def _refused(document: LoadBalancer) -> Iterator[str]:
    seconds = max(1, round(max(limit.window.seconds for limit in document.rate_limits)))
    yield "internal;"
    yield "default_type text/plain;"
    yield f"add_header Retry-After {seconds} always;"
    yield "add_header X-Altostratus-Reason rate-limit always;"
    yield 'return 429 "Too many requests.\\n";'


def _no_route() -> list[str]:
    return [
        "default_type text/plain;",
        "add_header X-Altostratus-Reason no-route always;",
        f'return 503 "{_NO_ROUTE}";',
    ]


def _locations(rule: Rule, usual_tenant: str) -> Iterator[str]:
    tenant = "" if rule.tenant == DIRECT_TENANT else rule.tenant
    told = [] if tenant == usual_tenant else [f'set $tenant "{tenant}";']
    after = "" if rule.rewrite in (None, "/") else rule.rewrite
    if rule.path == "/":
        moved = [f"rewrite ^/(.*)$ {after}/$1 break;"] if rule.rewrite is not None else []
        yield from _block("location /", _passed(rule, [*told, *moved]))
        return
    alone = [f"rewrite ^ {after or '/'} break;"] if rule.rewrite is not None else []
    below = [f"rewrite ^{re.escape(rule.path)}/(.*)$ {after}/$1 break;"] if rule.rewrite is not None else []
    yield from _block(f"location = {rule.path}", _passed(rule, [*told, *alone]))
    yield from _block(f"location ^~ {rule.path}/", _passed(rule, [*told, *below]))


def _passed(rule: Rule, lines: Sequence[str]) -> Iterator[str]:
    yield from lines
    yield f"# altostratus:route {rule.split}"


def _stream(balancer: Balancer, listener: PlannedListener) -> Iterator[str]:
    timeouts = balancer.document.timeouts
    yield from _block(
        "server",
        iter(
            [
                f"listen {listener.bind}{' proxy_protocol' if listener.proxy_protocol else ''};",
                f"proxy_connect_timeout {milliseconds(timeouts.connect.seconds)}ms;",
                f"proxy_timeout {milliseconds(timeouts.tunnel.seconds)}ms;",
                f"proxy_pass {balancer.backend(listener.backend or '').name};",
            ]
        ),
    )

"""The HAProxy configurations of both ends of a link. Pure.

Connections are kept open as long as at home: only keepalives of the kernel, and an address that answers no
more, end them.
"""

from collections.abc import Mapping, Sequence

from blueprints.passages import ALIVE, Passage

STATE_PORT = 8404
"""Where the kubelet asks; it has no certificate, and learns yes or no."""
ALIVE_PORT = 9999
FIRST_PORT = 10000
FOLDER = "/etc/altostratus/link"
KEYS = f"{FOLDER}/keys"
OWN = f"{KEYS}/tls.pem"
AUTHORITY = f"{KEYS}/authority.pem"

# `timeout tunnel` takes over when both sides are connected; the others bound handshakes.
_COMMON = """global
  log stdout format raw local0 notice
  maxconn 8192
  hard-stop-after 20s
  ssl-default-bind-options ssl-min-ver TLSv1.2
  ssl-default-server-options ssl-min-ver TLSv1.2

defaults
  mode tcp
  log global
  option dontlognull
  option clitcpka
  clitcpka-idle 30s
  clitcpka-intvl 10s
  clitcpka-cnt 3
  option srvtcpka
  srvtcpka-idle 30s
  srvtcpka-intvl 10s
  srvtcpka-cnt 3
  timeout connect 3s
  timeout check 2s
  timeout client 10s
  timeout server 10s
  timeout tunnel 24d
  timeout client-fin 1h
  timeout server-fin 1h
  retries 3
  option redispatch 1

resolvers cluster
  parse-resolv-conf
  hold valid 5s
  # What was known last serves until there is an answer.
  hold nx 1h
  hold other 1h
  hold refused 1h
  hold timeout 1h
"""


def server_name(application: str) -> str:
    """The name that gateways of an application show in their certificate."""
    return f"gateway.{application}.altostratus.internal"


def ports(passages: Sequence[Passage]) -> dict[str, int]:
    """Where each passage is listened on in the Pods, by key."""
    return {each.key: FIRST_PORT + index for index, each in enumerate(_ordered(passages))}


def gateway_configuration(passages: Sequence[Passage]) -> str:
    """Lets nobody in without a certificate of the application's authority."""
    lets_in = f"ssl crt {OWN} ca-file {AUTHORITY} verify required"
    parts = [_COMMON, _state(""), f"frontend alive\n  bind :{ALIVE_PORT} {lets_in}\n{_answers()}"]
    for each in _ordered(passages):
        port = ports(passages)[each.key]
        parts.append(
            f"# {each.key}\n"
            f"frontend in-{port}\n  bind :{port} {lets_in}\n  default_backend to-{port}\n\n"
            f"backend to-{port}\n"
            f"  server cluster {each.host}:{each.port} resolvers cluster init-addr libc,none tcp-ut 15s\n"
        )
    return "\n".join(parts)


def link_configuration(
    application: str, passages: Sequence[Passage], addresses: Sequence[str], node_ports: Mapping[str, int]
) -> str:
    """Leads to the gateway at whichever of its addresses answers.

    node_ports: the gateway's by passage, and under ALIVE that by which an address is watched. Raises KeyError
    for a passage that the gateway does not let in.
    """
    name = server_name(application)
    trusted = f"ssl crt {OWN} ca-file {AUTHORITY} verify required sni str({name}) verifyhost {name}"
    common = f"{trusted} resolvers cluster init-addr libc,none tcp-ut 15s"
    parts = [_COMMON, _state("  http-request return status 503 if { path /linked } { nbsrv(way) lt 1 }\n")]
    watched = "".join(
        f"  server at-{number} {address}:{node_ports[ALIVE]} {common} check check-sni {name} "
        "inter 1s fastinter 300ms fall 3 rise 1\n"
        for number, address in enumerate(addresses)
    )
    # With TLS 1.3 a client hears after the handshake only that its certificate is refused: so it asks.
    asks = "  option httpchk\n  http-check send meth GET uri /alive\n  http-check expect status 200\n"
    parts.append(f"backend way\n{asks}{watched}")
    for each in _ordered(passages):
        port = ports(passages)[each.key]
        servers = "".join(
            # What is on its way to a dead address is lost: whoever waits for it learns so at once.
            f"  server at-{number} {address}:{node_ports[each.key]} {common} track way/at-{number} "
            "on-marked-down shutdown-sessions\n"
            for number, address in enumerate(addresses)
        )
        parts.append(
            f"# {each.key}\n"
            f"frontend in-{port}\n  bind :{port}\n  default_backend to-{port}\n\n"
            f"backend to-{port}\n{servers}"
        )
    return "\n".join(parts)


def _ordered(passages: Sequence[Passage]) -> list[Passage]:
    return sorted(passages, key=lambda each: each.key)


def _state(more: str) -> str:
    return f"frontend state\n  bind :{STATE_PORT} ssl crt {OWN}\n{more}{_answers()}"


def _answers() -> str:
    return "  mode http\n  timeout http-request 5s\n  http-request return status 200\n"

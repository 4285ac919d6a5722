"""The LoadBalancer document: what stands in front of members."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from blueprints.kinds.cartridge_use import Range
from blueprints.kinds.containers import Resources
from blueprints.kinds.domain_mapping import GivenCertificate
from blueprints.kinds.ports import PortNumber
from blueprints.model import Document, Items, Model, fault
from blueprints.names import ALIAS_PATTERN, AliasPath, Hostname, PortName, UrlPath
from blueprints.quantities import Duration, Memory
from blueprints.rules import unique


class Listener(Model):
    """A port the balancer listens on."""

    name: PortName
    """Its name."""
    port: PortNumber
    """The port."""
    protocol: Literal["http", "https", "tcp", "tls"] = "http"
    """What is spoken on it; https ends TLS at the balancer, tls passes it through."""
    certificate: GivenCertificate | None = None
    """A certificate of your own for https; left out, one is made."""
    proxy_protocol: bool = False
    """Whether clients are behind something that speaks the PROXY protocol."""
    http2: bool = True
    """Whether HTTP/2 is offered."""
    redirect_to: PortName | None = None
    """Send every client to this listener instead, such as from http to https."""
    target: AliasPath | None = None
    """The cluster behind a tcp or tls listener; for a balancer of one cluster it may be left out."""
    target_port: PortName | None = None
    """That cluster's port; left out, its first."""
    node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None
    """A fixed port on every host, for exposure node; left out, Kubernetes chooses one and keeps it."""

    @model_validator(mode="after")
    def _fits_the_protocol(self) -> Self:
        streams = self.protocol in ("tcp", "tls")
        for key, given, allowed, hint in (
            ("target", self.target, streams, "target goes with tcp and tls only; use routes"),
            ("targetPort", self.target_port, streams, "targetPort goes with tcp and tls only"),
            ("certificate", self.certificate, self.protocol == "https", "certificate goes with https only"),
            ("redirectTo", self.redirect_to, self.protocol in ("http", "https"),
             "redirectTo goes with http and https only"),
            ("http2", "http2" in self.model_fields_set or None, not streams,
             "http2 goes with http and https only"),
        ):  # fmt: skip
            if given is not None and not allowed:
                raise fault("ALT1111", hint, at=(key,))
        return self


class Route(Model):
    """Requests that match go to a cluster; the longest matching path wins."""

    cluster: AliasPath
    """The cluster, seen from where the balancer stands."""
    port: PortName | None = None
    """Its port; left out, its first http port."""
    host: Hostname | None = None
    """Only requests for this host name."""
    path: UrlPath = "/"
    """Only requests whose path begins so, in whole segments: /a matches /a/b, not /ab."""
    rewrite: UrlPath | None = None
    """What the beginning of the path is replaced by."""
    weight: int = Field(default=100, ge=0, le=256)
    """The share among routes that match alike."""
    listeners: Items[PortName] = ()
    """Only on these listeners; left out, on all http and https ones."""


class Affinity(Model):
    """Keeps one client on one member."""

    by: Literal["cookie", "source", "header"] = "cookie"
    """What tells clients apart."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")] = "ALTOMEMBER"
    """The name of the cookie or header."""
    lifetime: Duration | None = None
    """How long it lasts; left out, as long as the client's session."""


class HealthCheck(Model):
    """How the balancer itself finds out whether a member serves."""

    path: UrlPath | None = None
    """The path to ask for; left out, the port is opened only."""
    interval: Duration = Duration("2s")
    """The time between checks."""
    timeout: Duration = Duration("3s")
    """How long a check may take."""
    rise: int = Field(default=2, ge=1, le=100)
    """Checks in a row that must pass."""
    fall: int = Field(default=3, ge=1, le=100)
    """Checks in a row that must fail."""


class Retries(Model):
    """What happens to a request whose member fails."""

    attempts: int = Field(default=2, ge=0, le=10)
    """How often it is tried again, elsewhere."""
    on: Items[Literal["connect", "empty", "timeout", "500", "502", "503", "504"]] = ("connect", "empty")
    """After which failures; requests that may change something are tried again only after connect."""


class Timeouts(Model):
    """How long things may take."""

    connect: Duration = Duration("3s")
    """Reaching a member."""
    client: Duration = Duration("60s")
    """Silence of a client."""
    server: Duration = Duration("60s")
    """Silence of a member."""
    queue: Duration = Duration("30s")
    """Waiting for a member to be free, or to start."""
    tunnel: Duration = Duration("1h")
    """Silence of a WebSocket."""


class Queue(Model):
    """How much may wait."""

    member_connections: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """The most requests one member serves at once; more wait."""
    length: int = Field(default=10_000, ge=0, le=1_000_000)
    """The most requests that may wait; more are refused with 503."""


class RateLimit(Model):
    """A bound on requests; more are refused with 429."""

    per: Literal["client", "tenant", "total"] = "client"
    """Who is counted: a client's address, the tenant a host name or application belongs to, or everybody."""
    requests: int = Field(ge=1, le=10_000_000)
    """How many requests."""
    window: Duration = Duration("1s")
    """In what time."""


class LoadBalancer(Document):
    """A load balancer, made where a document asks for it by name; it heals like a cartridge."""

    KIND: ClassVar[str] = "LoadBalancer"

    scope: Literal["application", "group", "cluster", "cloud"] = "application"
    """What one balancer of this kind stands in front of; cloud ones are shared by all applications there."""
    driver: Annotated[str, Field(pattern=ALIAS_PATTERN, max_length=63)] = "haproxy"
    """The driver: haproxy, nginx, aws, or one installed as a plug-in."""
    replicas: Range = Range(min=2, max=2)
    """How few and how many copies of the balancer itself: one for every 25 members that it fronts."""
    listeners: Items[Listener] = (Listener(name="http", port=80),)
    """The ports it listens on."""
    routes: Items[Route] = ()
    """Where requests go, besides domain mappings; left out, to the scope's first http cluster."""
    algorithm: Literal["round-robin", "least-connections", "weighted", "source"] = "round-robin"
    """Which member gets the next request; weighted draws two by their weights and takes the less busy one."""
    affinity: Affinity | None = None
    """Keeps one client on one member."""
    health: HealthCheck = HealthCheck()
    """How the balancer itself finds out whether a member serves."""
    retries: Retries = Retries()
    """What happens to a request whose member fails."""
    timeouts: Timeouts = Timeouts()
    """How long things may take."""
    queue: Queue = Queue()
    """How much may wait."""
    rate_limits: Items[RateLimit] = ()
    """Bounds on requests."""
    access_log: Literal["json", "none"] = "json"
    """Whether every request is logged."""
    max_body: Memory | None = None
    """The largest request body."""
    draining: Duration = Duration("30s")
    """How long a leaving member may finish what it serves."""
    exposure: Literal["cluster", "node", "loadBalancer"] = "node"
    """Who can reach it."""
    client_addresses: bool = False
    """Whether clients' own addresses reach it; then only hosts that run a replica of it answer."""
    direct: bool = False
    """Whether members stay reachable beside the balancer, as the ports of their cartridges say."""
    resources: Resources = Resources()
    """What each replica is promised and may use at most."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Settings of the driver's own."""

    @model_validator(mode="after")
    def _listeners(self) -> Self:
        unique("listeners", self.listeners)
        names = [listener.name for listener in self.listeners]
        ports: dict[int, str] = {}
        for index, listener in enumerate(self.listeners):
            owner = ports.setdefault(listener.port, listener.name)
            if owner != listener.name:
                raise fault(
                    "ALT1115", f"port {listener.port} already belongs to listener {owner!r}",
                    at=("listeners", index, "port"),
                )  # fmt: skip
            if listener.redirect_to is not None and listener.redirect_to not in names:
                raise fault(
                    "ALT1116", f"there is no listener {listener.redirect_to!r}; there are {', '.join(names)}",
                    at=("listeners", index, "redirectTo"),
                )  # fmt: skip
            aim = next((each for each in self.listeners if each.name == listener.redirect_to), None)
            if aim is not None and (aim.protocol not in ("http", "https") or aim.redirect_to is not None):
                raise fault(
                    "ALT1116", f"{aim.name!r} cannot take redirected clients: it must take requests itself",
                    at=("listeners", index, "redirectTo"),
                )  # fmt: skip
            if listener.protocol in ("tcp", "tls") and listener.target is None and self.scope != "cluster":
                raise fault(
                    "ALT1111", f"a {listener.protocol} listener needs a target: the cluster behind it",
                    at=("listeners", index),
                )  # fmt: skip
            if listener.node_port is not None and self.exposure != "node":
                raise fault(
                    "ALT1111", f"nodePort goes with exposure node only, and it is {self.exposure}",
                    at=("listeners", index, "nodePort"),
                )  # fmt: skip
        for index, route in enumerate(self.routes):
            for number, name in enumerate(route.listeners):
                if name not in names:
                    raise fault(
                        "ALT1116", f"there is no listener {name!r}; there are {', '.join(names)}",
                        at=("routes", index, "listeners", number),
                    )  # fmt: skip
                aim = next(each for each in self.listeners if each.name == name)
                if aim.protocol not in ("http", "https") or aim.redirect_to is not None:
                    raise fault(
                        "ALT1116", f"listener {name!r} takes no routes: it is {aim.protocol}, or redirects",
                        at=("routes", index, "listeners", number),
                    )  # fmt: skip
        return self

"""The neutral model of a load balancer: listeners, rules, splits and backends, all names looked up.

Drivers turn it into their own configuration. It is plain data: equal documents give equal models.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from blueprints.kinds.domain_mapping import GivenCertificate
from blueprints.kinds.load_balancer import LoadBalancer

Scope = Literal["application", "group", "cluster", "cloud"]
Mode = Literal["http", "tcp"]
MemberProtocol = Literal["http", "https", "h2c", "tcp"]

DIRECT_TENANT = "-"
"""Who requests are counted for that belong to no tenant."""


@dataclass(frozen=True, slots=True)
class Backend:
    """The members of one cluster on one port, as the EndpointSlices of their Service tell them."""

    key: str
    """What state and control data call it: the cluster's id, with its port where that is an unusual one."""
    name: str
    """What configurations call it."""
    cluster: str
    """The cluster's id, such as `search.1/engine`."""
    namespace: str
    service: str
    port: str
    """The port's name in the EndpointSlices."""
    protocol: MemberProtocol
    most: int
    """The most members it may have."""
    target_port: int
    """The port in the members."""
    selector: Mapping[str, str] = field(hash=False)
    """The labels that pick exactly its members, for drivers that make Services of their own."""

    @property
    def mode(self) -> Mode:
        """Whether requests or bytes are passed on."""
        return "tcp" if self.protocol == "tcp" else "http"


@dataclass(frozen=True, slots=True)
class Split:
    """The backends that share the requests of some rules, with their weights; the first is their home."""

    name: str
    shares: tuple[tuple[str, int], ...]
    """Keys of backends and their weights; 0 gets nothing."""
    by_members: bool
    """Whether each weight counts once for every member that serves: copies of one cluster share so."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Requests for a host and the beginning of a path go to a split.

    Paths are whole segments: `/a` matches `/a` and `/a/b`, not `/ab`.
    """

    name: str
    host: str | None
    """Lower case; `*.` stands for one label; None for any host."""
    path: str
    """Without a slash at its end; the root is `/`."""
    rewrite: str | None
    """What the path's beginning is replaced by, likewise."""
    split: str
    tenant: str
    listeners: tuple[str, ...]
    """The http and https listeners it holds on."""


@dataclass(frozen=True, slots=True)
class GivenFor:
    """A certificate that somebody gave, for one host name; None for all others."""

    host: str | None
    given: GivenCertificate


@dataclass(frozen=True, slots=True)
class PlannedListener:
    """A port the balancer listens on."""

    name: str
    port: int
    """The port people know."""
    bind: int
    """The port in the balancer's Pods; never under 1024, which would ask for a capability."""
    protocol: Literal["http", "https", "tcp", "tls"]
    node_port: int | None
    proxy_protocol: bool
    http2: bool
    redirect_to: str | None
    backend: str | None
    """The key of the backend that tcp and tls go to."""
    certificates: tuple[GivenFor, ...]
    """Certificates that were given; for all other names one is made."""

    @property
    def mode(self) -> Mode:
        """Whether requests or bytes are passed on."""
        return "http" if self.protocol in ("http", "https") else "tcp"


@dataclass(frozen=True)
class Balancer:
    """One load balancer: a document, asked for at one place of an application."""

    name: str
    """Its Kubernetes name."""
    scope: Scope
    level: str
    """The id of the level it stands in; empty for the application."""
    application: str
    copy: str
    namespace: str
    document: LoadBalancer
    listeners: tuple[PlannedListener, ...]
    rules: tuple[Rule, ...]
    """The most telling first: exact hosts, wildcards, any; in each the longest path first."""
    splits: tuple[Split, ...]
    backends: tuple[Backend, ...]
    hosts: tuple[str, ...]
    """Every host name that rules know, sorted."""
    selector: Mapping[str, str] = field(hash=False)
    labels: Mapping[str, str] = field(hash=False)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The ids of the clusters it stands in front of."""
        return tuple(dict.fromkeys(backend.cluster for backend in self.backends))

    def split(self, name: str) -> Split:
        """A split by its name. Raises KeyError."""
        return {split.name: split for split in self.splits}[name]

    def backend(self, key: str) -> Backend:
        """A backend by its key. Raises KeyError."""
        return {backend.key: backend for backend in self.backends}[key]

    def listener(self, name: str) -> PlannedListener:
        """A listener by its name. Raises KeyError."""
        return {listener.name: listener for listener in self.listeners}[name]

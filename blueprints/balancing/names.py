"""What balancers and their parts are called. Pure, and the same over updates."""

from blueprints.names import CLUSTER_NAME_LIMIT, cluster_name, shorten

Groups = tuple[tuple[str, int], ...]

RESERVED_PORTS = frozenset({8404, 9443})
"""Ports of a balancer's Pods that its own endpoints use."""

_LOWEST = 1024
_RAISED_BY = 10_000
_HIGHEST = 65_535


def application_balancer() -> str:
    """The balancer in front of a whole application. No cluster's name has its first segment."""
    return "lb--application"


def group_balancer(groups: Groups) -> str:
    """The balancer in front of one instance of a group."""
    segments = [f"{alias}-{instance}" for alias, instance in groups]
    return shorten("--".join(["lb-group", *segments]), CLUSTER_NAME_LIMIT)


def cluster_balancer(groups: Groups, alias: str) -> str:
    """The balancer in front of one cluster."""
    return shorten(f"lb-cluster--{cluster_name(groups, alias)}", CLUSTER_NAME_LIMIT)


def cloud_balancer(document: str) -> str:
    """The balancer that applications of a cloud share."""
    return shorten(f"lb-cloud--{document}", CLUSTER_NAME_LIMIT)


def bind_port(port: int, taken: frozenset[int] | set[int]) -> int:
    """Where a listener's port is in the balancer's Pods: no port under 1024, and none that is taken."""
    found = port if port >= _LOWEST else port + _RAISED_BY
    while found in taken or found in RESERVED_PORTS:
        found = found + 1 if found < _HIGHEST else _LOWEST
    return found


def path_key(path: str) -> str:
    """A path prefix without the slash at its end; the root stays `/`."""
    return path.rstrip("/") or "/"


def parse_groups(level: str) -> Groups:
    """`search.1/inner.2` as pairs."""
    pairs = [step.rpartition(".") for step in level.split("/")] if level else []
    return tuple((alias, int(number)) for alias, _, number in pairs)

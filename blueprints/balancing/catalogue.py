"""Which drivers there are, and what each can do: the built-in ones, and those of installed packages.

A package adds one by an entry point of the group `altostratus.load_balancers`: the driver's name, and an
object with an attribute `capabilities`. It is loaded only where a document names it.
"""

from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from blueprints.balancing.capabilities import Capabilities

GROUP = "altostratus.load_balancers"

TLS = ("TLSv1.2", "TLSv1.3")

HAPROXY = Capabilities.all_but("affinity-lifetime-hash", options={"maxConnections": int, "tlsMinimum": TLS})
NGINX = Capabilities.all_but(
    "http2-clear", "affinity-lifetime-hash", options={"workerConnections": int, "tlsMinimum": TLS}
)
AWS = Capabilities(
    frozenset({
        "listener:http", "listener:https", "listener:tcp", "listener:tls", "certificate", "http2", "redirect",
        "host", "path", "weight", "route-listeners", "algorithm:round-robin",
        "algorithm:least-connections", "algorithm:weighted", "affinity:cookie", "affinity:source",
        "affinity-name", "affinity-lifetime", "health-path", "health-timing", "health-counts",
        "timeout:client", "draining", "exposure:cluster", "exposure:loadBalancer", "client-addresses",
    }),
    {"vpcId": str, "subnets": str, "securityGroups": str, "certificateArn": str, "accessLogBucket": str},
    rate_limits=0,
)  # fmt: skip

BUILT_IN = {"haproxy": HAPROXY, "nginx": NGINX, "aws": AWS}


class BrokenDriver(Exception):
    """An installed driver that cannot be loaded, or does not say what it can do."""


@lru_cache(maxsize=1)
def installed() -> dict[str, EntryPoint]:
    """The drivers of installed packages by name, not yet loaded. Built-in names cannot be taken."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in BUILT_IN}


def names() -> tuple[str, ...]:
    """The names of all drivers."""
    return (*BUILT_IN, *sorted(installed()))


def load(name: str) -> object | None:
    """An installed driver; None where there is none of that name. Raises BrokenDriver."""
    point = installed().get(name)
    if point is None:
        return None
    try:
        found: object = point.load()
    except Exception as error:  # whatever a stranger's module does, the user is told which one it was
        raise BrokenDriver(f"the driver {name!r} ({point.value}) cannot be loaded: {error}") from error
    return found


def capabilities(name: str) -> Capabilities | None:
    """What a driver can do; None where there is none of that name. Raises BrokenDriver."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    driver = load(name)
    if driver is None:
        return None
    found = getattr(driver, "capabilities", None)
    if not isinstance(found, Capabilities):
        raise BrokenDriver(f"the driver {name!r} does not say what it can do (no `capabilities`)")
    return found

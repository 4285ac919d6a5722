"""Numbers that the drivers with Pods of their own share."""

from blueprints.balancing.catalogue import TLS
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.quantities import Memory

CERTIFICATES = "/etc/altostratus/certificates"
LONGEST_HEADER_SECONDS = 10.0
"""How long a client may take to send a request's headers."""

USUAL_MEMORY = Memory("512Mi")
_USABLE = 0.6
_MOST_CONNECTIONS = 20_000


def memory_limit(document: LoadBalancer) -> Memory:
    """The most memory of one replica."""
    return document.resources.limits.memory or USUAL_MEMORY


def connections(document: LoadBalancer, bytes_each: int, option: str) -> int:
    """How many connections a replica takes at once: what its memory holds, unless the option says."""
    said = document.options.get(option)
    if said is not None:
        return int(said)
    return max(100, min(_MOST_CONNECTIONS, int(memory_limit(document).bytes * _USABLE) // bytes_each))


def tls_minimum(document: LoadBalancer) -> str:
    """The oldest TLS that is spoken."""
    return str(document.options.get("tlsMinimum", TLS[0]))


def milliseconds(seconds: float) -> int:
    """At least one, for programs that take nothing as for ever."""
    return max(1, round(seconds * 1000))

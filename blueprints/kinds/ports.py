"""Port mappings of a cartridge; each becomes one Service."""

from typing import Annotated, Literal

from pydantic import Field

from blueprints.model import Model
from blueprints.names import PortName

PortNumber = Annotated[int, Field(ge=1, le=65535)]


class Port(Model):
    """A port the members listen on, and the port their Service offers for it."""

    name: PortName
    """The name rules and probes refer to."""

    port: PortNumber
    """The port inside the member."""

    protocol: Literal["http", "https", "http2", "grpc", "websocket", "tcp", "tls", "udp"] = "tcp"
    """What is spoken on it; all from http to websocket are routed by host and path."""

    transport: Literal["tcp", "udp", "sctp"] | None = None
    """The transport under the protocol; left out, udp for udp and tcp for all others."""

    proxy_port: PortNumber | None = None
    """The port its Service and the load balancer offer; left out, the same as `port`."""

    exposure: Literal["cluster", "node", "loadBalancer"] = "cluster"
    """Who can reach the Service: the host cluster, every host's address, or a load balancer of the cloud."""

    node_port: Annotated[int, Field(ge=30000, le=32767)] | None = None
    """A fixed port on every host, for exposure node; left out, Kubernetes chooses one."""

    session_affinity: bool = False
    """Whether one client keeps reaching the same member."""

    @property
    def carrier(self) -> Literal["tcp", "udp", "sctp"]:
        """The transport in force."""
        return self.transport or ("udp" if self.protocol == "udp" else "tcp")

    @property
    def service_port(self) -> int:
        """The port the Service offers."""
        return self.proxy_port or self.port

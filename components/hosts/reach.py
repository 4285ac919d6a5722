"""Who may reach which ports of a cloud's hosts from outside their own network. Pure."""

from dataclasses import dataclass

from components.hosts.config import CloudHosts

API = 6443
SSH = 22
DISCOVERY_PORT = 8087
NODE_PORTS = (30000, 32767)


@dataclass(frozen=True)
class Rule:
    """Ports open to a range; `name` tells it apart within its cloud."""

    name: str
    protocol: str
    first: int
    last: int
    source: str


def rules(config: CloudHosts) -> list[Rule]:
    """The openings, in a stable order. Hosts reach each other without any."""
    found = [
        Rule(f"{what}-{number}", "tcp", port, port, str(source))
        for number, source in enumerate(config.admin_cidrs)
        for what, port in (("api", API), ("ssh", SSH), ("discovery", DISCOVERY_PORT))
    ]
    return found + [
        Rule(f"services-{number}", protocol, *NODE_PORTS, str(source))
        if protocol == "tcp"
        else Rule(f"services-udp-{number}", protocol, *NODE_PORTS, str(source))
        for number, source in enumerate(config.public_cidrs)
        for protocol in ("tcp", "udp")
    ]

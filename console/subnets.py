"""A free private subnet for a cloud's host network, chosen once and kept in its config."""

import ipaddress
from collections.abc import Iterable
from pathlib import Path

from console.errors import ConsoleError
from toolchain import engine

Network = ipaddress.IPv4Network
CANDIDATES = [Network(f"10.88.{third}.0/24") for third in range(16, 240, 8)]
LAST = ipaddress.IPv4Address("10.255.255.255")


def free(taken: Iterable[Network]) -> Network:
    """The first candidate /24 that overlaps nothing in `taken`. Raises ConsoleError when none is left."""
    networks = list(taken)
    for candidate in CANDIDATES:
        if not any(candidate.overlaps(network) for network in networks):
            return candidate
    raise ConsoleError(
        f"no free subnet between {CANDIDATES[0]} and {CANDIDATES[-1]}",
        "Remove a Docker network or route that covers them, or set `subnet` in the hosts stack's config.",
    )


def taken(docker_subnets: Iterable[str], routes: str | None = None) -> list[Network]:
    """Networks in use: Docker's own and the kernel's routes (`/proc/net/route` text)."""
    found = [Network(each) for each in docker_subnets if ":" not in each]
    text = Path("/proc/net/route").read_text() if routes is None else routes
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7] != "00000000":
            address = ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[1]), "little"))
            mask = ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(fields[7]), "little"))
            found.append(Network(f"{address}/{mask}", strict=False))
    return found


def free_range(first: Network, taken: Iterable[Network]) -> Network:
    """`first`, or the next of its size above it that overlaps nothing in `taken`. Raises ConsoleError."""
    networks, candidate = list(taken), first
    while any(candidate.overlaps(network) for network in networks):
        above = int(candidate.broadcast_address) + 1
        if above >= int(LAST):
            raise ConsoleError(
                f"no free range of a /{first.prefixlen} is left above {first}",
                "Set `podCidr` and `serviceCidr` in the config of the hosts stack.",
            )
        candidate = Network((above, first.prefixlen))
    return candidate


def free_here() -> Network:
    """The first candidate that is free on this machine and its Docker engine."""
    import docker

    client = docker.DockerClient(base_url=engine.ensure().host)
    try:
        configs = [network.attrs["IPAM"]["Config"] or [] for network in client.networks.list()]
    finally:
        client.close()
    return free(taken(each["Subnet"] for config in configs for each in config if "Subnet" in each))

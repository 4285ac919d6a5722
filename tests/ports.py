"""Ports for the programs that tests start."""

import random
import socket

RANGE = range(12000, 20000)
"""Below those that the kernel gives to whoever asks for any, and below those of front doors."""
_held: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """So many TCP ports of loopback that nobody has, for programs that bind them a while later.

    None is given twice, by no process of the tests that run side by side: until this process ends, it holds
    the UDP port of the same number.
    """
    found: list[int] = []
    for port in random.SystemRandom().sample(RANGE, len(RANGE)):
        if len(found) == count:
            return found
        if _hold(port):
            found.append(port)
    raise AssertionError(f"no {count} ports are free from {RANGE.start} to {RANGE.stop - 1}")


def _hold(port: int) -> bool:
    held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        held.bind(("127.0.0.1", port))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
    except OSError:
        held.close()
        return False
    _held.append(held)
    return True

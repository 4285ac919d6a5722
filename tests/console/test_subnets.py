"""The demo's subnet overlaps nothing that this machine uses."""

from ipaddress import IPv4Network

import pytest

from console.errors import ConsoleError
from console.subnets import CANDIDATES, free, taken

ROUTES = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
alto0\t0010580A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


def test_routes_and_docker_networks_count_as_taken_but_the_default_route_does_not() -> None:
    assert taken(["172.17.0.0/16", "fd00::/64"], ROUTES) == [
        IPv4Network("172.17.0.0/16"),
        IPv4Network("10.88.16.0/24"),
    ]


def test_the_first_candidate_without_overlap_is_chosen() -> None:
    assert free([]) == CANDIDATES[0]
    assert free([CANDIDATES[0].supernet(new_prefix=20)]) == CANDIDATES[2]


def test_a_machine_without_room_is_told_what_to_do() -> None:
    with pytest.raises(ConsoleError, match="set `subnet` in the hosts stack's config"):
        free([IPv4Network("10.0.0.0/8")])

"""What `alto front` writes into the config: what people wrote stays, what is missing is filled in."""

import socket

import pytest

from console.errors import BadInput, ConsoleError
from console.front_door import PORTS, Copy, chosen_settings, free_port

HOME = Copy("local", [("10.0.0.1", 30080)], "http", (), 2)


def test_ports_are_chosen_once() -> None:
    first = chosen_settings({}, HOME, None, None, {})
    assert {first["port"], first["statePort"]} <= set(PORTS)
    assert first["port"] != first["statePort"]
    assert (first["scheme"], first["copies"]) == ("http", "http")
    assert chosen_settings(first, HOME, None, None, {}) == first


def test_doors_made_at_once_do_not_all_choose_the_same_port() -> None:
    assert len({free_port({}) for _ in range(20)}) > 1


def test_another_doors_ports_are_left_alone_and_refused_when_named() -> None:
    few = set(PORTS[:10])
    assert free_port(set(PORTS) - few) in few
    free = free_port({})
    with pytest.raises(BadInput, match=f"port {free} is taken by front-other"):
        chosen_settings({}, HOME, free, None, {free: "front-other"})


def test_a_port_that_somebody_listens_on_is_refused_unless_it_is_its_own() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=f"port {port} is taken by somebody on this machine"):
            chosen_settings({}, HOME, port, None, {})
        assert chosen_settings({"port": port}, HOME, None, None, {})["port"] == port


def test_no_free_port_at_all_is_told() -> None:
    with pytest.raises(ConsoleError, match="no port from 21000 to 21999 is free"):
        free_port(PORTS)


def test_people_keep_what_they_wrote_and_https_follows_the_copies() -> None:
    home = Copy("local", [("10.0.0.1", 30443)], "https", ("www.example.org",), 2)
    found = chosen_settings({"scheme": "http", "healthPath": "/ready"}, home, None, "0.0.0.0", {})  # noqa: S104
    assert (found["scheme"], found["copies"], found["healthPath"]) == ("http", "https", "/ready")
    assert (found["hosts"], found["listen"]) == (["www.example.org"], "0.0.0.0")  # noqa: S104
    assert chosen_settings({}, home, None, None, {})["scheme"] == "https"


def test_a_door_that_is_dns_has_no_ports() -> None:
    given = {"driver": "aws", "options": {"zone": "Z", "name": "shop.example.org"}}
    found = chosen_settings(given, HOME, None, None, {})
    assert "port" not in found
    assert "statePort" not in found

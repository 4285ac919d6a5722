"""Both ends of a link for real: who gets through, what is kept, and what happens when a host dies."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueprints.passages import ALIVE, Passage
from components.cloud_link.configuration import FIRST_PORT, link_configuration
from tests.cloud_link.ends import APPLICATION, Authority, Echo, Ends
from tests.debian_packages import need
from tests.waiting import until


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    need(shutil.which("haproxy"), "haproxy")
    made = Ends(tmp_path)
    yield made
    made.close()


@pytest.fixture
def member(ends: Ends) -> Iterator[Echo]:
    with Echo(ends.at(1)) as one:
        yield one
        one.shutdown()


def comes_through(address: str) -> socket.socket | None:
    """A connection that the member has greeted."""
    one = socket.create_connection((address, FIRST_PORT), timeout=60)
    try:
        if one.recv(6) == b"hello\n":
            return one
    except OSError:
        pass
    one.close()
    return None


def answers(one: socket.socket, text: bytes = b"ping") -> bool:
    one.sendall(text)
    return one.recv(len(text)) == text


def test_a_member_is_reached_through_both_ends_and_speaks_first(ends: Ends, member: Echo) -> None:
    ends.gateway(2, member)
    link = ends.link(member, [2])
    until(lambda: link.says("/linked") == 200, "the gateway is reached")
    with until(lambda: comes_through(link.address), "a connection") as one:
        assert answers(one)
        assert answers(one, b"x" * 4096)


def test_watching_an_address_never_touches_the_member(ends: Ends, member: Echo) -> None:
    gateway = ends.gateway(2, member)
    link = ends.link(member, [2])
    until(lambda: link.says("/linked") == 200, "the gateway is reached")
    gateway.kill()
    until(lambda: link.says("/linked") == 503, "it is missed")
    ends.gateway(2, member)
    until(lambda: link.says("/linked") == 200, "it is reached again")
    assert member.comers == []


def test_with_another_authoritys_certificate_nothing_is_reached(ends: Ends, member: Echo) -> None:
    ends.gateway(2, member)
    link = ends.link(member, [2], own=Authority.new().end("client"))
    until(lambda: link.says("/alive") == 200, "the link is alive")
    assert comes_through(link.address) is None
    until(lambda: link.says("/linked") == 503, "the gateway refuses it")
    assert member.comers == []


def test_a_client_believes_no_gateway_that_only_has_a_clients_certificate(ends: Ends, member: Echo) -> None:
    # Whoever stole a link's key cannot stand in for the database.
    from components.cloud_link.configuration import gateway_configuration

    ends.start("false", 2, gateway_configuration([member.passage]), ends.authority.end("client"))
    link = ends.link(member, [2])
    assert comes_through(link.address) is None
    until(lambda: link.says("/linked") == 503, "the false one is not believed")


def test_when_a_host_dies_new_connections_and_cut_ones_go_to_the_other(ends: Ends, member: Echo) -> None:
    gateways = {ends.at(number): ends.gateway(number, member) for number in (2, 3)}
    link = ends.link(member, [2, 3])
    until(lambda: link.says("/linked") == 200, "the gateways are reached")
    kept = [until(lambda: comes_through(link.address), "a connection") for _ in range(4)]
    assert all(map(answers, kept))
    gateways[ends.at(2)].kill()
    with until(lambda: comes_through(link.address), "a new connection") as one:
        assert answers(one)
    alive = []
    for each in kept:
        try:
            alive.append(answers(each))
        except OSError:
            alive.append(False)
    assert any(alive), "those by way of the other gateway last"
    assert not all(alive), "the dead one had some"
    until(lambda: link.says("/linked") == 200, "the other gateway is enough")


def test_a_connection_may_rest_for_longer_than_its_beginning_may_take(ends: Ends, member: Echo) -> None:
    ends.gateway(2, member)
    link = ends.link(member, [2])
    until(lambda: link.says("/linked") == 200, "the gateway is reached")
    short = link.folder / "haproxy.cfg"
    text = short.read_text()
    link.kill()
    quick = text.replace("timeout client 10s", "timeout client 300ms").replace(
        "timeout server 10s", "timeout server 300ms"
    )
    assert quick != text
    link.start(quick, (link.folder / "keys" / "tls.pem").read_text(), ends.authority.issued.certificate)
    with until(lambda: comes_through(link.address), "a connection") as one:
        # Something else takes a while meanwhile: the link sees a gateway go and come.
        one.settimeout(1.5)
        with pytest.raises(TimeoutError):
            one.recv(1)
        one.settimeout(60)
        assert answers(one)


def test_a_passage_that_is_not_let_in_is_no_configuration() -> None:
    passage = Passage("db:sql", "db-sql", "db-sql.app-shop.svc.cluster.local", 3306, "sql")
    with pytest.raises(KeyError):
        link_configuration(APPLICATION, [passage], ["10.0.0.1"], {ALIVE: 31000})

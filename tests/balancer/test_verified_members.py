"""Members behind TLS whose certificates are verified: an impostor gets no request."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.balancer.authorities import Authority
from tests.balancer.origins import Origin
from tests.balancer.rig import PATIENCE, Balancer, addresses, backend
from tests.waiting import until

pytestmark = pytest.mark.engine

NAME = "lb--application.app-shop.svc.cluster.local"


@pytest.mark.parametrize("driver", ["haproxy"])
def test_only_who_shows_the_right_certificate_serves_and_a_new_authority_needs_no_reload(
    balancer: Callable[..., Balancer], origin: Callable[..., Origin], tmp_path: Path
) -> None:
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    right = origin("right", tls=ours.server(NAME))
    misnamed = origin("misnamed", tls=ours.server("another.example"))
    impostor = origin("impostor", tls=theirs.server(NAME))
    made = balancer(
        backend("web", protocol="https", health={"interval": 1, "timeout": 5, "rise": 1, "fall": 1})
    )

    def tell(*told: tuple[Origin, Authority]) -> None:
        known = [
            {**address, "authority": authority.certificate, "verify": NAME}
            for each, authority in told
            for address in addresses([each])
        ]
        made.control(addresses={"web": known})

    def states() -> dict[str, Any]:
        return {name: each["state"] for name, each in made.cluster()["members"].items()}

    tell((right, ours), (misnamed, ours), (impostor, ours))
    wanted = {"right": "serving", "misnamed": "down", "impostor": "down"}
    until(lambda: states() == wanted, "who is verified is known", 20)

    def get() -> httpx.Response:
        return httpx.get(made.url(), timeout=PATIENCE)

    for _ in range(20):
        assert get().status_code == 200
    assert (right.served >= 20, misnamed.served, impostor.served) == (True, 0, 0)
    tell((right, ours), (impostor, theirs))
    until(lambda: set(states().values()) == {"serving"}, "by its own authority it is no impostor", 20)
    before = impostor.served
    until(lambda: get().is_success and impostor.served > before, "it gets requests", 20)
    assert made.state()["program"]["reloads"] == 0

"""What a front door is told, as control data of its balancer and back again."""

from typing import Any

import pytest

from autoscaler.burst.front_shares import Told, Trust, addresses_of, scheme_of, trust_of
from autoscaler.burst.front_steering import summed
from blueprints.balancing.front import PLACES, SPLIT

HOME, AWAY = [("10.0.0.1", 30080), ("10.0.0.2", 30080)], [("10.1.0.1", 31000)]


def test_the_first_cloud_of_all_gets_everything_and_the_next_nothing() -> None:
    told = Told().with_addresses({"local": HOME})
    told = told.with_addresses({"local": HOME, "away": AWAY})
    assert {name: each.weight for name, each in told.clouds.items()} == {"local": 100, "away": 0}


def test_weights_that_are_not_named_stay_and_unknown_clouds_are_refused() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"away": 7})
    assert {name: each.weight for name, each in told.clouds.items()} == {"local": 100, "away": 7}
    with pytest.raises(ValueError, match=r"no cloud mars; it knows local, away"):
        told.with_weights({"mars": 1})
    with pytest.raises(ValueError, match=r"from 0 to 1000000, not away: -1"):
        told.with_weights({"away": -1})


def test_who_goes_has_no_weight_first_and_is_gone_then() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"away": 50})
    going = told.with_addresses({"local": HOME})
    assert going.clouds["away"].weight == 0
    assert going.clouds["away"].addresses == tuple(AWAY)
    assert list(going.without_others({"local": HOME}).clouds) == ["local"]


def test_somebody_always_serves() -> None:
    alone = Told().with_addresses({"local": HOME}).with_addresses({"away": AWAY})
    assert {name: each.weight for name, each in alone.clouds.items()} == {"local": 0, "away": 100}


def test_a_cloud_that_comes_back_has_the_place_of_its_counts() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY})
    place = told.clouds["away"].place
    without = told.with_addresses({"local": HOME}).without_others({"local": HOME})
    other = without.with_addresses({"local": HOME, "east": AWAY})
    assert other.clouds["east"].place not in (place, told.clouds["local"].place)
    assert other.with_addresses({"local": HOME, "east": AWAY, "away": AWAY}).clouds["away"].place == place


def test_places_are_used_again_when_there_are_no_others_and_more_clouds_are_refused() -> None:
    told = Told()
    for number in range(3 * len(PLACES)):
        told = told.with_addresses({"local": HOME, f"c{number}": AWAY})
        told = told.without_others({"local": HOME, f"c{number}": AWAY})
        places = [each.place for each in told.clouds.values()]
        assert len(set(places)) == len(places)
    with pytest.raises(ValueError, match=f"places for {len(PLACES)} clouds"):
        Told().with_addresses({f"c{number}": AWAY for number in range(len(PLACES) + 1)})


def test_what_is_kept_is_read_again() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"away": 3})
    told = told.with_addresses({"local": HOME}).without_others({"local": HOME})
    assert Told.read(told.text()) == told
    for text in ("{}", "[]", '{"clouds": {"local": {}}, "left": []}', "{"):
        with pytest.raises(ValueError):
            Told.read(text)


@pytest.mark.parametrize("address", [("not a host", 80), ("10.0.0.1", 0), ("10.0.0.1", 70000)])
def test_an_address_that_is_none_is_named(address: tuple[str, int]) -> None:
    with pytest.raises(ValueError, match=f"local: {address[0]}:{address[1]}"):
        Told().with_addresses({"local": [address]})


def test_control_data_has_every_weight_and_those_who_stand_by() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"away": 50})
    control = told.control()
    assert control["weights"] == {SPLIT: {**dict.fromkeys(PLACES, 0), PLACES[0]: 100, PLACES[1]: 50}}
    own = [each["name"] for each in control["addresses"][PLACES[0]] if "backup" not in each]
    standing_by = [each["name"] for each in control["addresses"][PLACES[0]] if each.get("backup")]
    assert own == ["local.10.0.0.1.30080", "local.10.0.0.2.30080"]
    assert standing_by == ["away.10.1.0.1.31000"]


def test_who_gets_nothing_does_not_stand_by_either() -> None:
    control = Told().with_addresses({"local": HOME, "away": AWAY}).control()
    home, away = (
        [each for each in control["addresses"][place] if each.get("backup")] for place in PLACES[:2]
    )
    assert [each["name"] for each in away] == ["local.10.0.0.1.30080", "local.10.0.0.2.30080"]
    assert [each["host"] for each in home] == ["10.0.0.1", "10.0.0.2"], "it stands by for itself"
    assert all(each["unchecked"] for each in home)


def test_a_held_clouds_addresses_leave_in_every_place() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"away": 50})
    held = told.with_held(["local"])
    assert Told.read(held.text()) == held
    leaving = ["local.10.0.0.1.30080", "local.10.0.0.2.30080"]
    control = held.control()
    assert control["leaving"] == leaving
    assert control["addresses"][PLACES[1]] == told.control()["addresses"][PLACES[1]]
    stand_by = [each for each in control["addresses"][PLACES[0]] if each.get("backup")]
    assert [each["name"] for each in stand_by] == ["away.10.1.0.1.31000", "away.10.1.0.1.31000.again"]
    alone = held.with_weights({"away": 0}).control()
    assert alone["leaving"] == sorted([*leaving, *(f"{each}.again" for each in leaving)])
    assert held.with_held([]) == told
    assert held.without_others({"away": AWAY}).held == ()
    with pytest.raises(ValueError, match="knows no cloud far"):
        told.with_held(["far"])


@pytest.mark.parametrize(
    ("urls", "wanted"),
    [
        (["http://10.0.0.1:30080", "http://10.0.0.2:30080"], [("10.0.0.1", 30080), ("10.0.0.2", 30080)]),
        (["https://10.0.0.1:30443", "http://10.0.0.1:30080"], [("10.0.0.1", 30443)]),
        (["http://10.0.0.1:30080", "http://10.0.0.1:30081"], [("10.0.0.1", 30080)]),
        (["http://10.0.0.1"], [("10.0.0.1", 80)]),
        (["tcp://10.0.0.1:5432"], []),
        (["http://lb.app-shop.svc.cluster.local:80"], []),
        (["https://lb-1.elb.example.net"], [("lb-1.elb.example.net", 443)]),
        ([], []),
    ],
)
def test_a_copy_is_reached_where_its_first_url_says(urls: list[str], wanted: list[Any]) -> None:
    assert addresses_of({"urls": urls}) == wanted
    assert scheme_of({"urls": urls}) == (urls[0].split(":")[0] if wanted or "http" in "".join(urls) else None)


def test_a_copy_is_verified_where_its_own_authority_signed_its_certificate() -> None:
    balancer = {
        "name": "lb--application", "namespace": "app-shop", "authority": "PEM", "made": ["https"],
        "ports": {"http": 30080, "https": 30443}, "urls": ["https://10.0.0.1:30443", "http://10.0.0.1:30080"],
    }  # fmt: skip
    outputs = {"urls": balancer["urls"], "balancers": {"lb--application": balancer}}
    trust = trust_of(outputs)
    assert trust == Trust("PEM", "lb--application.app-shop.svc.cluster.local")
    given = {**outputs, "balancers": {"lb--application": {**balancer, "made": []}}}
    assert trust_of(given) is None, "nobody told who signed what a person gave"
    assert trust_of({**outputs, "urls": ["http://10.0.0.1:30080"]}) is None
    told = Told().with_addresses({"local": HOME, "away": AWAY}, {"local": trust}).with_weights({"away": 1})
    assert Told.read(told.text()) == told
    first = told.control()["addresses"][PLACES[0]]
    assert [each.get("verify") for each in first] == [trust.name, trust.name, None]
    assert first[0]["authority"] == "PEM"
    assert told.with_addresses({"local": HOME}).clouds["local"].trust is None, "it is as its stack says now"


def member(serving: int = 0, state: str = "serving") -> dict[str, Any]:
    return {"state": state, "inFlight": {"serving": serving, "queued": 0}}


def test_what_an_address_does_in_anothers_name_counts_for_its_own_cloud() -> None:
    told = Told().with_addresses({"local": HOME, "away": AWAY}).with_weights({"local": 1, "away": 3})
    figures = {"inFlight": {"serving": 5, "queued": 2}, "requests": 9, "errors": {"balancer": 1, "member": 2}}
    state = {
        "ready": True,
        "problem": "",
        "splits": {SPLIT: {PLACES[0]: {"weight": 1, "share": 0.0}, PLACES[1]: {"weight": 3, "share": 1.0}}},
        "backends": {
            PLACES[0]: {
                **figures,
                "members": {
                    "local.10.0.0.1.30080": member(1, "down"),
                    "local.10.0.0.1.30080.again:2": member(0, "serving"),
                    "away.10.1.0.1.31000": member(4),
                },
            },
            PLACES[1]: {**figures, "members": {"away.10.1.0.1.31000:2": member(2)}},
        },
    }
    found = summed(told, state).clouds
    assert (found["local"].in_flight, found["away"].in_flight) == (1, 6)
    assert (found["local"].serving, found["away"].serving) == (False, True)
    assert found["local"].share == 0.0
    assert (found["local"].queued, found["local"].requests, found["local"].errors) == (2, 9, 3)

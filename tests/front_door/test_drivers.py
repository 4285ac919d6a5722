"""Front doors as resources: what is made by each driver, what is refused, and a driver of somebody else's."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pulumi
import pytest

from blueprints.balancing.front import PLACES, SPLIT
from components.front_door import catalogue, docker_driver
from components.front_door.aws_driver import scaled
from components.front_door.driver import Front, Made, Place
from components.hosts.host_image import BuildContext
from components.load_balancer.drivers.limits import CERTIFICATES
from stacks import __main__ as program
from stacks import settings
from tests.components.conftest import Engine, is_secret, plain

PORTS = {"port": 21000, "statePort": 21001}
CONTAINER, FILES = "docker:index/container:Container", "altostratus:kept:Files"
RECORD, CHECK = "aws:route53/record:Record", "aws:route53/healthCheck:HealthCheck"
ON_AWS = {"driver": "aws", "options": {"zone": "Z123", "name": "shop.example.org"}}
CLOUDS = {
    "local": {"place": "place-1", "weight": 600, "addresses": [["192.0.2.1", 80], ["192.0.2.2", 80]]},
    "away": {"place": "place-2", "weight": 200, "addresses": [["198.51.100.7", 80]]},
}


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(settings, "config_path", lambda stack: tmp_path / f"Pulumi.{stack}.yaml")
    monkeypatch.setattr(
        docker_driver, "build_context", lambda image, tools: BuildContext(f"{image}:0", tmp_path, "base:1")
    )
    monkeypatch.setenv("ALTO_HOME", str(tmp_path / "home"))


@contextmanager
def configured(values: Mapping[str, Any], secrets: Mapping[str, str] | None) -> Iterator[None]:
    config = {f"altostratus:{key}": json.dumps(value) for key, value in values.items()}
    if secrets is not None:
        config["altostratus:secrets"] = json.dumps(secrets)
    pulumi.runtime.set_all_config(config, ["altostratus:secrets"])
    yield
    pulumi.runtime.set_all_config({})


def run(front: Mapping[str, Any], secrets: Mapping[str, str] | None = None, **more: Any) -> Engine:
    engine = Engine()
    with configured({"front": front, **more}, secrets):
        return engine.run(lambda: program.main("front-shop"), "front-shop")


def files_of(engine: Engine) -> dict[str, str]:
    registered = next(each for each in engine.registered if each.type == FILES)
    assert is_secret(registered.inputs["files"])
    found: dict[str, str] = plain(registered.inputs["files"])
    return found


def test_the_container_has_no_rights_and_listens_on_loopback() -> None:
    made = run(PORTS)
    (container,) = made.of(CONTAINER).values()
    assert container["readOnly"] is True
    assert container["capabilities"] == {"drops": ["ALL"]}
    assert container["securityOpts"] == ["no-new-privileges"]
    assert not container["user"].startswith("0:")
    assert container["volumes"][0]["readOnly"] is True
    assert "ALTO_STATE_LISTEN=127.0.0.1:21001" in container["envs"]
    assert "    bind 127.0.0.1:21000\n" in files_of(made)["balancer/haproxy.cfg"]
    assert made.exports["urls"] == ["http://127.0.0.1:21000"]
    assert made.exports["steering"] == "file"


def test_the_configuration_names_no_cloud_and_has_a_backend_for_each_place() -> None:
    files = files_of(run(PORTS))
    model = json.loads(files["balancer/balancer.json"])
    assert [each["backend"] for each in model["splits"][SPLIT]] == list(PLACES)
    assert set(model["backends"]) == set(PLACES)
    for backend in model["backends"].values():
        assert backend["addresses"] == []
        assert "service" not in backend
    template = files["balancer/haproxy.cfg"]
    assert template.count("# altostratus:backend place-") == len(PLACES)
    assert template.count("option allbackups") == len(PLACES)


def test_nothing_secret_leaves_the_files() -> None:
    made = run(PORTS)
    token = next(each for each in made.registered if each.type.endswith("FrontDoor")).inputs
    assert not token, "a component has no inputs of its own"
    assert "generated-word" not in json.dumps(made.of(CONTAINER))


def test_https_has_a_certificate_that_is_made_or_given() -> None:
    made = files_of(run({**PORTS, "scheme": "https", "copies": "https", "hosts": ["www.example.org"]}))
    assert made["certificates/front/tls.crt"] == "CERTIFICATE"
    assert f"crt {CERTIFICATES}/front/tls.crt" in made["balancer/haproxy.cfg"]
    assert json.loads(made["balancer/balancer.json"])["backends"]["place-1"]["protocol"] == "https"
    given = {**PORTS, "scheme": "https", "certificate": {"certificate": "c", "key": "k"}}
    own = files_of(run(given, {"c": "MINE", "k": "MY-KEY"}))
    assert own["certificates/front/tls.crt"] == "MINE"
    assert own["certificates/front/tls.key"] == "MY-KEY"


def test_a_silent_copys_requests_go_elsewhere_where_that_is_asked_for() -> None:
    usual = files_of(run(PORTS))["balancer/haproxy.cfg"]
    assert "    retry-on conn-failure empty-response\n" in usual
    asked = files_of(run({**PORTS, "answerWithin": "5s"}))["balancer/haproxy.cfg"]
    assert "    timeout server 5000ms\n" in asked
    assert "    retry-on conn-failure empty-response response-timeout\n" in asked
    assert "http-request disable-l7-retry unless { method GET HEAD" in asked


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ({**PORTS, "port": 80}, "port"),
        ({**PORTS, "listen": "example.org"}, "no IPv4 address"),
        ({"port": 21000, "statePort": 21000}, "need to differ"),
        ({"port": 21000}, "statePort is 0"),
        ({**PORTS, "driver": "nobodys"}, "no front door driver 'nobodys'"),
        ({**PORTS, "prot": 1}, "did you mean port"),
        ({**PORTS, "options": {"zone": "Z"}}, "has none"),
        ({**PORTS, "scheme": "https", "certificate": {"certificate": "c", "key": "k"}}, "the stack has none"),
        ({"driver": "aws", "options": {"zone": "Z"}}, r"options\.name is missing"),
        ({**ON_AWS, "answerWithin": "5s"}, "DNS sees no requests"),
        ({"driver": "aws", "options": {**ON_AWS["options"], "ttl": "5"}}, "10 to 300"),  # type: ignore[dict-item]
        ({"driver": "aws", "options": {**ON_AWS["options"], "zones": "Z"}}, "no option"),  # type: ignore[dict-item]
    ],
)
def test_what_cannot_be_is_refused_in_words(front: Mapping[str, Any], words: str) -> None:
    with pytest.raises(pulumi.RunError, match=words):
        run(front)


def test_route_53_has_a_weighted_record_for_each_cloud_with_its_check() -> None:
    made = run(ON_AWS, clouds=CLOUDS)
    records = {each["setIdentifier"]: each for each in made.of(RECORD).values()}
    assert {name: each["weightedRoutingPolicies"][0]["weight"] for name, each in records.items()} == {
        "local": 255, "away": 85,
    }  # fmt: skip
    assert records["local"]["records"] == ["192.0.2.1", "192.0.2.2"]
    assert {each["type"] for each in records.values()} == {"A"}
    assert {(each["zoneId"], each["name"], each["ttl"]) for each in records.values()} == {
        ("Z123", "shop.example.org", 30)
    }
    checks = made.of(CHECK)
    # Two addresses: the cloud serves as long as one of them does.
    calculated = checks["front-shop-local"]
    assert (calculated["type"], calculated["childHealthThreshold"]) == ("CALCULATED", 1)
    assert calculated["childHealthchecks"] == ["front-shop-local-0-id", "front-shop-local-1-id"]
    assert records["local"]["healthCheckId"] == "front-shop-local-id"
    assert records["away"]["healthCheckId"] == "front-shop-away-0-id"
    assert (checks["front-shop-away-0"]["type"], checks["front-shop-away-0"]["port"]) == ("TCP", 80)
    assert made.exports["urls"] == ["http://shop.example.org"]
    assert (made.exports["steering"], made.exports["settles"]) == ("config", 50.0)


def test_route_53_asks_for_a_path_and_takes_a_name_alone() -> None:
    clouds = {"away": {"weight": 1, "addresses": [["lb-1.example.net", 443]]}}
    front = {**ON_AWS, "scheme": "https", "copies": "https", "healthPath": "/healthz"}
    made = run(front, clouds=clouds)
    (record,), (check,) = made.of(RECORD).values(), made.of(CHECK).values()
    assert (record["type"], record["records"]) == ("CNAME", ["lb-1.example.net"])
    assert (check["type"], check["fqdn"], check["resourcePath"]) == ("HTTPS", "lb-1.example.net", "/healthz")


@pytest.mark.parametrize(
    ("addresses", "words"),
    [([["192.0.2.9", 81]], "DNS carries no ports"), ([["a.example.org", 80]], "some at names"),
     ([["a.example.org", 80], ["192.0.2.9", 80]], "must be alone")],
)  # fmt: skip
def test_what_dns_cannot_say_is_refused(addresses: list[Any], words: str) -> None:
    clouds = {**CLOUDS, "away": {"weight": 1, "addresses": addresses}}
    with pytest.raises(pulumi.RunError, match=words):
        run(ON_AWS, clouds=clouds)


def test_weights_stay_within_route_53s_bound_and_nobody_is_lost() -> None:
    assert scaled({"a": 3, "b": 0}) == {"a": 3, "b": 0}
    assert scaled({"a": 1_000_000, "b": 1, "c": 0}) == {"a": 255, "b": 1, "c": 0}
    assert scaled({}) == {}


def test_a_third_driver_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other:
        def problems(self, front: Front) -> list[str]:
            return [] if front.options else ["options are missing"]

        def create(self, front: Front, place: Place, parent: pulumi.Resource) -> Made:
            return Made(pulumi.Output.from_input(["http://other"]), "config", {"settles": 3.0})

    point = EntryPoint("other", "nowhere:Other", catalogue.GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda _: Other)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: [point] if group == catalogue.GROUP else [])
    made = run({"driver": "other", "options": {"a": "b"}})
    assert (made.exports["urls"], made.exports["settles"]) == (["http://other"], 3.0)
    with pytest.raises(pulumi.RunError, match="options are missing"):
        run({"driver": "other"})

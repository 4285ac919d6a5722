"""Load balancers as resources: what is made, in which order, with which rights; drivers of three kinds."""

import re
import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from blueprints.balancing import catalogue
from components.load_balancer.drivers.catalogue import driver
from components.pods.errors import ApplicationError
from components.pods.template import Images
from tests.components.conftest import Engine, is_secret, plain, plan_of
from tests.components.test_application import DEPLOYMENT, SERVICE, deploy

ROOT = Path(__file__).resolve().parents[2]
IMAGES = Images({"php": "php", "mysql": "mysql", "python": "py"}, None, {"haproxy": "balancer"})
BALANCER = "lb--application"
DOCUMENTS = """
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
driver: haproxy
listeners:
  - {name: http, port: 80, redirectTo: https}
  - {name: https, port: 443, protocol: https}
---
apiVersion: altostratus/v1
kind: Application
name: shop
loadBalancer: front
cartridges: [{alias: web, cartridge: php, members: {min: 2, max: 4}}]
---
apiVersion: altostratus/v1
kind: DomainMapping
name: home
application: shop
cluster: web
domain: www.example.org
"""


@pytest.fixture(scope="module")
def made() -> Engine:
    return deploy(Engine(), plan_of(DOCUMENTS), images=IMAGES)


def test_it_starts_when_what_it_fronts_is_ready(made: Engine) -> None:
    members = made.one(DEPLOYMENT, "web").urn
    balancer = made.one("balancing:LoadBalancer", BALANCER)
    assert members in made.one(DEPLOYMENT, BALANCER).dependencies | balancer.dependencies


def test_urls_name_the_balancer_and_no_member(made: Engine) -> None:
    assert made.exports["urls"] == [
        "https://10.88.0.11:30080", "https://10.88.0.12:30080",
        "http://10.88.0.11:30080", "http://10.88.0.12:30080",
    ], "one that only redirects comes last"  # fmt: skip
    assert made.of(SERVICE)["web-http"]["spec"]["type"] == "ClusterIP"


def test_its_rights_are_to_see_members_and_its_own_control_data(made: Engine) -> None:
    rules = made.of("rbac.authorization.k8s.io/v1:Role")[BALANCER]["rules"]
    assert {(resource, verb) for r in rules for resource in r["resources"] for verb in r["verbs"]} == {
        ("endpointslices", "list"), ("endpointslices", "watch"),
        ("configmaps", "get"), ("configmaps", "list"), ("configmaps", "watch"),
    }  # fmt: skip
    (named,) = (rule for rule in rules if rule["resources"] == ["configmaps"])
    assert named["resourceNames"] == [f"{BALANCER}-control"]


def test_its_pods_meet_the_restricted_standard_and_spread(made: Engine) -> None:
    spec = made.of(DEPLOYMENT)[BALANCER]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert spec["replicas"] == 2
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert pod["securityContext"]["runAsNonRoot"]
    assert all(port["containerPort"] >= 1024 for port in container["ports"])
    assert container["readinessProbe"]["failureThreshold"] > 1, "one late answer does not take it out"
    assert {each["topologyKey"] for each in pod["topologySpreadConstraints"]} >= {"kubernetes.io/hostname"}
    assert made.of("policy/v1:PodDisruptionBudget")[BALANCER]["spec"]["maxUnavailable"] == 1


def test_keys_and_token_are_secrets_and_the_template_holds_none(made: Engine) -> None:
    for name in (f"{BALANCER}-token", f"{BALANCER}-state", f"{BALANCER}-tls-made"):
        secret = made.one("core/v1:Secret", name)
        assert is_secret(secret.inputs["stringData"]), name
    config = plain(made.one("core/v1:ConfigMap", f"{BALANCER}-config").inputs)["data"]
    assert set(config) == {"balancer.json", "haproxy.cfg"}
    assert "KEY" not in "".join(config.values())


def test_its_certificate_is_for_every_host_name_and_address(made: Engine) -> None:
    certificate = made.of("altostratus:pki:Certificate")[f"{BALANCER}-cert-made"]
    assert "www.example.org" in certificate["dnsNames"]
    assert certificate["ipAddresses"] == ["10.88.0.11", "10.88.0.12"]


def test_redirects_lead_to_the_port_that_clients_know(made: Engine) -> None:
    text = made.of("core/v1:ConfigMap")[f"{BALANCER}-config"]["data"]["haproxy.cfg"]
    assert "https://%[req.hdr(host),host_only]:30080%[pathq]" in text


def test_clients_keep_their_replica_where_counts_are_each_replicas_own() -> None:
    limited = DOCUMENTS.replace("driver: haproxy", "driver: haproxy\nrateLimits: [{requests: 5}]", 1)
    limited = limited.replace("driver: haproxy", "driver: haproxy\nclientAddresses: true", 1)
    found = deploy(Engine(), plan_of(limited), images=IMAGES).of(SERVICE)[BALANCER]["spec"]
    assert (found["sessionAffinity"], found["externalTrafficPolicy"]) == ("ClientIP", "Local")


def test_without_its_image_the_platform_is_named() -> None:
    with pytest.raises(ApplicationError, match="pulumi up --stack platform-"):
        deploy(Engine(), plan_of(DOCUMENTS), images=Images({"php": "php"}))


AWS = """
apiVersion: altostratus/v1
kind: LoadBalancer
name: front
driver: aws
listeners:
  - {name: http, port: 80, redirectTo: https}
  - {name: https, port: 443, protocol: https}
  - {name: sql, port: 3306, protocol: tcp, target: db}
routes:
  - {cluster: web}
  - {cluster: search/front, path: /search}
algorithm: least-connections
affinity: {by: cookie, lifetime: 10m}
health: {path: /ok, interval: 10s}
exposure: loadBalancer
options: {vpcId: vpc-1, subnets: "subnet-1, subnet-2"}
---
apiVersion: altostratus/v1
kind: CartridgeGroup
name: pair
cartridges: [{alias: front, cartridge: python}]
---
apiVersion: altostratus/v1
kind: Application
name: shop
loadBalancer: front
cartridges: [{alias: web, cartridge: php}, {alias: db, cartridge: mysql}]
groups: [{alias: search, group: pair, instances: {min: 1, max: 2}}]
---
apiVersion: altostratus/v1
kind: DomainMapping
name: home
application: shop
cluster: web
domain: www.example.org
path: /home
"""


@pytest.fixture(scope="module")
def on_aws() -> Engine:
    return deploy(Engine(), plan_of(AWS), images=IMAGES)


def test_aws_gets_a_balancer_for_requests_and_one_for_bytes(on_aws: Engine) -> None:
    made = on_aws.of("aws:lb/loadBalancer:LoadBalancer")
    assert {each["loadBalancerType"]: each["subnets"] for each in made.values()} == {
        "application": ["subnet-1", "subnet-2"], "network": ["subnet-1", "subnet-2"],
    }  # fmt: skip
    listeners = on_aws.of("aws:lb/listener:Listener")
    assert {each["port"]: each["protocol"] for each in listeners.values()} == {
        80: "HTTP", 443: "HTTPS", 3306: "TCP",
    }  # fmt: skip
    (redirect,) = listeners[f"{BALANCER}-http"]["defaultActions"]
    assert redirect["redirect"] == {"port": "443", "protocol": "HTTPS", "statusCode": "HTTP_301"}


def test_aws_rules_are_in_the_order_of_the_model(on_aws: Engine) -> None:
    rules = on_aws.of("aws:lb/listenerRule:ListenerRule").values()
    found = {rule["priority"]: rule["conditions"] for rule in rules}
    assert found == {
        1: [
            {"hostHeader": {"values": ["www.example.org"]}},
            {"pathPattern": {"values": ["/home", "/home/*"]}},
        ],
        2: [{"pathPattern": {"values": ["/search", "/search/*"]}}],
    }
    (shared,) = (rule for rule in rules if rule["priority"] == 2)
    weights = [each["weight"] for each in shared["actions"][0]["forward"]["targetGroups"]]
    assert weights == [999, 999], "two copies of the group share alike"


def test_aws_target_groups_check_drain_and_stick_as_the_document_says(on_aws: Engine) -> None:
    groups = on_aws.of("aws:lb/targetGroup:TargetGroup")
    web = groups[f"{BALANCER}-web"]
    assert web["deregistrationDelay"] == 30
    assert web["loadBalancingAlgorithmType"] == "least_outstanding_requests"
    assert web["stickiness"] == {"enabled": True, "type": "lb_cookie", "cookieDuration": 600}
    assert (web["healthCheck"]["path"], web["healthCheck"]["interval"]) == ("/ok", 10)
    assert all(len(group["name"]) <= 32 and "--" not in group["name"] for group in groups.values())
    bindings = on_aws.of("elbv2.k8s.aws/v1beta1:TargetGroupBinding")
    assert len(bindings) == len(groups), "members stay in their targets by a binding each"


def test_aws_imports_its_certificate_and_its_key_stays_secret(on_aws: Engine) -> None:
    (certificate,) = (each for each in on_aws.registered if each.type == "aws:acm/certificate:Certificate")
    assert is_secret(certificate.inputs["privateKey"])


def test_aws_says_which_options_it_lacks() -> None:
    with pytest.raises(ApplicationError, match="vpcId"):
        deploy(Engine(), plan_of(re.sub("options: .*", "", AWS)), images=IMAGES)


@pytest.fixture
def ingress(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide's driver as an installed package would bring it."""
    guide = (ROOT / "docs" / "load-balancer-drivers.md").read_text()
    (source,) = re.findall(r"```python\n(.*?)```", guide, re.S)
    module = types.ModuleType("altostratus_ingress")
    exec(compile(source, "docs/load-balancer-drivers.md", "exec"), module.__dict__)  # noqa: S102
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = EntryPoint("ingress", "altostratus_ingress:Ingress", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "installed", lambda: {"ingress": point})
    driver.cache_clear()


@pytest.mark.usefixtures("ingress")
def test_the_guides_driver_is_found_checked_and_made() -> None:
    text = DOCUMENTS.replace("driver: haproxy", "driver: ingress\nexposure: cluster")
    text = re.sub(r"listeners:.*?---", "listeners: [{name: http, port: 80}]\n---", text, count=1, flags=re.S)
    made = deploy(Engine(), plan_of(text), images=IMAGES)
    rules = made.of("networking.k8s.io/v1:Ingress")[BALANCER]["spec"]["rules"]
    assert [rule.get("host") for rule in rules] == ["www.example.org", None]
    assert rules[0]["http"]["paths"][0]["backend"]["service"] == {
        "name": "web-http",
        "port": {"name": "http"},
    }
    assert made.exports["urls"] == ["http://www.example.org:80"]


@pytest.mark.usefixtures("ingress")
def test_an_installed_driver_is_asked_what_it_can_do() -> None:
    able: Any = catalogue.capabilities("ingress")
    assert "listener:https" not in able.features
    assert catalogue.capabilities("nobody") is None

"""Load balancers in plans: which requests go where, what is hidden, and what contradicts itself."""

import pytest

from blueprints.balancing.capabilities import FEATURES, Capabilities, asked
from blueprints.balancing.catalogue import BUILT_IN
from blueprints.balancing.model import Balancer
from blueprints.balancing.names import bind_port
from blueprints.kinds.load_balancer import LoadBalancer
from blueprints.plan import Plan
from blueprints.scale import ScaleState
from tests.blueprints.workbench import codes_of, findings_of, workspace_of

GROUP = """
kind: CartridgeGroup
name: pair
cartridges:
  - {alias: front, cartridge: python, members: {min: 1, max: 4}}
  - {alias: cache, cartridge: redis}
"""
APPLICATION = """
kind: Application
name: shop
loadBalancer: edge
cartridges:
  - {alias: db, cartridge: mysql}
  - {alias: web, cartridge: php, members: {min: 1, max: 4}}
groups: [{alias: search, group: pair, instances: {min: 0, max: 3}}]
"""
EDGE = "kind: LoadBalancer\nname: edge\n"


def plan(*texts: str, scale: ScaleState | None = None) -> Plan:
    workspace, findings = workspace_of(*texts)
    assert not findings, findings
    return workspace.plan("shop", scale)


def balancer(*texts: str) -> Balancer:
    (found,) = plan(*texts, GROUP, APPLICATION).balancers
    return found


def mapping(name: str, domain: str, path: str = "/", cluster: str = "web", more: str = "") -> str:
    return (
        f"kind: DomainMapping\nname: {name}\napplication: shop\ncluster: {cluster}\ndomain: '{domain}'\n"
        f"path: {path}\n{more}"
    )


def test_without_routes_everything_goes_to_the_first_http_cluster() -> None:
    (rule,) = balancer(EDGE).rules
    assert (rule.host, rule.path, rule.split) == (None, "/", "web"), "db comes first and speaks no http"


def test_exact_hosts_come_first_then_wildcards_and_longer_paths_before_shorter() -> None:
    found = balancer(
        EDGE + "routes: [{cluster: web}, {cluster: web, path: /a/b}, {cluster: web, path: /a}]",
        mapping("one", "*.example.org"),
        mapping("two", "www.example.org"),
        mapping("three", "www.example.org", "/deep/er/"),
    )
    assert [(rule.host, rule.path) for rule in found.rules] == [
        ("www.example.org", "/deep/er"),
        ("www.example.org", "/"),
        ("*.example.org", "/"),
        (None, "/a/b"),
        (None, "/a"),
        (None, "/"),
    ]


def test_copies_of_a_group_share_by_their_members_and_are_prepared_before_they_run() -> None:
    found = balancer(EDGE + "routes: [{cluster: search/front}]")
    (split,) = found.splits
    assert [key for key, _ in split.shares] == ["search.1/front", "search.2/front", "search.3/front"]
    assert split.by_members
    assert found == plan(
        EDGE + "routes: [{cluster: search/front}]", GROUP, APPLICATION,
        scale=ScaleState.parse({"groups": {"search": 2}}),
    ).balancers[0], "scaling a group must not change its balancer's configuration"  # fmt: skip


def test_routes_that_match_alike_share_by_weight() -> None:
    found = balancer(
        EDGE + "routes: [{cluster: web, weight: 90}, {cluster: search/front, weight: 10}]",
    )
    shares = dict(found.splits[0].shares)
    assert shares["web"] == 9 * shares["search.1/front"]
    assert not found.splits[0].by_members


def test_what_a_balancer_fronts_is_inside_the_cluster_only_unless_direct() -> None:
    hidden = plan(EDGE, GROUP, APPLICATION).clusters["web"].ports[0]
    assert hidden.exposure == "cluster"
    open_ = plan(EDGE + "direct: true", GROUP, APPLICATION).clusters["web"].ports[0]
    assert open_.exposure == "node"


def test_each_instance_of_a_group_and_each_cluster_gets_a_balancer_of_its_own() -> None:
    found = plan(
        "kind: LoadBalancer\nname: each\nscope: group\n",
        "kind: LoadBalancer\nname: one\nscope: cluster\n",
        GROUP,
        """
kind: Application
name: shop
cartridges: [{alias: web, cartridge: php, loadBalancer: one}]
groups: [{alias: search, group: pair, loadBalancer: each, instances: {min: 2, max: 2}}]
""",
    ).balancers
    assert {each.name: each.clusters for each in found} == {
        "lb-cluster--web": ("web",),
        "lb-group--search-1": ("search.1/front",),
        "lb-group--search-2": ("search.2/front",),
    }


def test_no_balancer_can_be_called_like_a_cluster() -> None:
    names = {each.name for each in plan(EDGE, GROUP, APPLICATION).balancers}
    assert names == {"lb--application"}
    assert not any(name.partition("--")[0].rpartition("-")[2].isdigit() for name in names)


def test_a_mapping_of_a_signup_belongs_to_its_tenant() -> None:
    found = balancer(
        EDGE,
        "kind: Tenant\nname: guest",
        "kind: Signup\nname: s\napplication: shop\ntenant: guest",
        mapping("one", "www.example.org", more="signup: s"),
    )
    assert {rule.host: rule.tenant for rule in found.rules} == {"www.example.org": "guest", None: "-"}


def test_ports_under_1024_are_bound_above_and_never_twice() -> None:
    assert bind_port(80, set()) == 10080
    assert bind_port(8404, set()) == 8405, "8404 is the state endpoint's"
    assert bind_port(80, {10080}) == 10081


def test_equal_documents_give_equal_balancers() -> None:
    assert balancer(EDGE) == balancer(EDGE)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("driver: haprox", "ALT1221"),
        ("driver: aws\nretries: {attempts: 3}", "ALT1221"),
        ("driver: aws\nrateLimits: [{requests: 5}]", "ALT1221"),
        ("driver: nginx\noptions: {maxConnections: 5}", "ALT1221"),
        ("options: {maxConnections: many}", "ALT1221"),
        ("options: {tlsMinimum: TLSv1.0}", "ALT1221"),
        ("affinity: {by: header, lifetime: 1h}", "ALT1221"),
        ("routes: [{cluster: web}, {cluster: web, rewrite: /x}]", "ALT1222"),
        ("routes: [{cluster: web}, {cluster: web}]", "ALT1222"),
        ("listeners: [{name: sql, port: 3306, protocol: tcp}]", "ALT1111"),
        ("listeners: [{name: http, port: 80, target: web}]", "ALT1111"),
        ("listeners: [{name: a, port: 80, redirectTo: b}, {name: b, port: 81, redirectTo: a}]", "ALT1116"),
        ("listeners: [{name: sql, port: 1, protocol: tcp, target: search/cache}]", "ALT1218"),
        (
            "listeners: [{name: sql, port: 1, protocol: tcp, target: db}]\nrateLimits: [{requests: 1}]",
            "ALT1218",
        ),
        ("routes: [{cluster: web, path: '/a b'}]", "ALT1107"),
        ("routes: [{cluster: web, path: '/a\"'}]", "ALT1107"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, code: str) -> None:
    assert code in codes_of(f"kind: LoadBalancer\nname: edge\n{text}", GROUP, APPLICATION)


def test_a_driver_that_can_is_named() -> None:
    (finding,) = findings_of("kind: LoadBalancer\nname: edge\ndriver: aws\nretries: {attempts: 3}\n")
    assert finding.path == "retries.attempts"
    assert "haproxy" in finding.hint


def test_a_name_that_leads_nowhere_is_told() -> None:
    alone = "kind: Application\nname: shop\ncartridges: [{alias: web, cartridge: php}]"
    (finding,) = findings_of(alone, mapping("one", "www.example.org"))
    assert (finding.code, finding.severity) == ("ALT1218", "warning")


def test_a_shared_balancer_needs_to_know_which_requests_are_whose() -> None:
    shared = "kind: LoadBalancer\nname: edge\nscope: cloud\n"
    assert "ALT1218" in codes_of(shared, GROUP, APPLICATION)
    assert codes_of(shared, GROUP, APPLICATION, mapping("one", "www.example.org")) == []
    assert "ALT1218" in codes_of(f"{shared}routes: [{{cluster: web}}]")


def test_every_feature_that_documents_can_ask_for_is_known() -> None:
    document = LoadBalancer.model_validate(
        {
            "name": "all",
            "algorithm": "source",
            "listeners": [
                {"name": "a", "port": 1, "redirectTo": "b", "http2": True, "nodePort": 30000},
                {"name": "b", "port": 2, "protocol": "https", "http2": True, "proxyProtocol": True},
                {"name": "c", "port": 3, "protocol": "tls", "target": "x"},
            ],
            "routes": [
                {"cluster": "x", "host": "h", "path": "/p", "rewrite": "/", "weight": 1, "listeners": ["b"]}
            ],
            "affinity": {"by": "cookie", "name": "A", "lifetime": "1h"},
            "health": {"path": "/", "interval": "1s", "timeout": "1s", "rise": 1, "fall": 1},
            "retries": {"attempts": 1, "on": ["connect", "empty", "timeout", "500", "502", "503", "504"]},
            "timeouts": dict.fromkeys(("connect", "client", "server", "queue", "tunnel"), "1s"),
            "queue": {"memberConnections": 1, "length": 1},
            "rateLimits": [{"per": per, "requests": 1} for per in ("client", "tenant", "total")],
            "accessLog": "none", "maxBody": "1Mi", "draining": "1s", "replicas": {"min": 1, "max": 1},
            "resources": {}, "exposure": "node", "clientAddresses": True,
        }
    )  # fmt: skip
    features = {each.feature for each in asked(document)}
    assert features <= set(FEATURES)
    assert features <= BUILT_IN["haproxy"].features
    for able in BUILT_IN.values():
        assert isinstance(able, Capabilities)
        assert able.features <= set(FEATURES)

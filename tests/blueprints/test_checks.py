"""Checks across documents: each fault, at its place, with a way out."""

from pathlib import Path

import pytest

from blueprints.checks.references import users_of
from blueprints.findings import DocumentError
from blueprints.validate import validate
from blueprints.workspace import Workspace
from tests.blueprints.workbench import codes_of, findings_of, workspace_of

PARTITION = "kind: NetworkPartition\nname: home\ncloud: local\npartitions: [{name: a}, {name: b}]"
ROOM_FOR_THREE = """
kind: DeploymentPolicy
name: small
networkPartitions: [{name: home, partitions: [{name: a, max: 2}, {name: b, max: 1}]}]
"""


def test_what_a_policy_keeps_members_near_must_be_there() -> None:
    near = ROOM_FOR_THREE + "near: [dbb]"
    shop = "deployment: small\ncartridges: [{alias: web, cartridge: php}, {alias: db, cartridge: mysql}]"
    found = [f for f in findings_of(PARTITION, near, _application(shop)) if f.code == "ALT1213"]
    assert [(f.path, f.nearest, f.severity) for f in found] == [("near[0]", "db", "error")]
    assert not codes_of(PARTITION, near.replace("dbb", "db"), _application(shop))
    assert not codes_of(PARTITION, near), "a policy that nobody uses has nothing to be checked against"


def _application(body: str) -> str:
    return f"kind: Application\nname: shop\n{body}"


@pytest.mark.parametrize(
    ("body", "code", "path", "words"),
    [
        ("cartridges: [{alias: web, cartridge: phpp}]", "ALT1202", "cartridges[0].cartridge", "'php'"),
        (
            "cartridges: [{alias: web, cartridge: php, autoscaling: x}]",
            "ALT1202",
            "cartridges[0].autoscaling",
            "kind: AutoscalingPolicy",
        ),
        ("groups: [{alias: g, group: x}]", "ALT1202", "groups[0].group", "CartridgeGroup"),
        ("tenant: acme\ncartridges: [{alias: web, cartridge: php}]", "ALT1202", "tenant", "Tenant"),
        (
            "cartridges: [{alias: web, cartridge: php}, {alias: web, cartridge: php}]",
            "ALT1204",
            "cartridges[1].alias",
            "own alias",
        ),
        (
            "cartridges: [{alias: web, cartridge: php}]\n"
            "groups: [{alias: web, cartridges: [{alias: x, cartridge: php}]}]",
            "ALT1204",
            "groups[0].alias",
            "own alias",
        ),
        (
            "cartridges: [{alias: web, cartridge: php}]\nstartup: [[wbe, web]]",
            "ALT1205",
            "startup[0][0]",
            "'web'",
        ),
        (
            "cartridges: [{alias: web, cartridge: php}]\n"
            "groups: [{alias: g, cartridges: [{alias: in, cartridge: php}]}]\nstartup: [[in, web]]",
            "ALT1205",
            "startup[0][0]",
            "inside the group 'g'",
        ),
        (
            "cartridges: [{alias: a, cartridge: php}, {alias: b, cartridge: php}]\nstartup: [[a, b], [b, a]]",
            "ALT1206",
            "startup[1]",
            "Take one of these steps out",
        ),
        (
            "cartridges: [{alias: a, cartridge: php}, {alias: b, cartridge: php}]\nstartup: [[a, b, a]]",
            "ALT1206",
            "startup[0][2]",
            "",
        ),
        (
            "cartridges: [{alias: a, cartridge: php}, {alias: b, cartridge: php}, {alias: c, cartridge: php}]"
            "\n"
            "scaling: [{members: [a, b]}, {members: [b, c]}]",
            "ALT1207",
            "scaling[1].members[0]",
            "one rule",
        ),
        (
            "cartridges: [{alias: a, cartridge: php}, {alias: b, cartridge: php}]\n"
            "scaling: [{members: [a, b], ratio: 1:2:3}]",
            "ALT1207",
            "scaling[0].ratio",
            "",
        ),
        (
            "cartridges: [{alias: a, cartridge: php, uses: [{from: b}]}]",
            "ALT1213",
            "cartridges[0].uses[0].from",
            "It sees a",
        ),
        (
            "cartridges: [{alias: a, cartridge: php, environment: {X: {export: url, from: bd}}},"
            " {alias: db, cartridge: mysql}]",
            "ALT1213",
            "cartridges[0].environment.X.from",
            "'db'",
        ),
        (
            "cartridges: [{alias: a, cartridge: php, environment: {X: {export: pasword, from: db}}},"
            " {alias: db, cartridge: mysql}]",
            "ALT1211",
            "cartridges[0].environment.X.export",
            "'password'",
        ),
        (
            "cartridges: [{alias: m, cartridge: memcached, artifact: {git: 'https://h/x'}}]",
            "ALT1217",
            "cartridges[0].artifact",
            "",
        ),
        (
            "cartridges: [{alias: db, cartridge: mysql, persistence: {dta: {size: 2Gi}}}]",
            "ALT1213",
            "cartridges[0].persistence.dta",
            "It has data",
        ),
        ("name2: x\ngroups: [{alias: g, cartridges: []}]", "ALT1216", "groups[0]", "Add cartridges"),
        (
            "multiTenant: true\ncartridges: [{alias: a, cartridge: php}]",
            "ALT1215",
            "cartridges[0].cartridge",
            "",
        ),
    ],
)
def test_one_fault_in_an_application_is_one_error_with_a_way_out(
    body: str, code: str, path: str, words: str
) -> None:
    found = [f for f in findings_of(_application(body)) if f.path != "name2"]
    assert [(f.code, f.path) for f in found] == [(code, path)]
    assert words in found[0].hint
    assert found[0].line > 0


def test_a_cycle_is_shown_as_the_cycle() -> None:
    names = ("a", "b", "c")
    cartridges = ", ".join(f"{{alias: {n}, cartridge: php}}" for n in names)
    found = findings_of(_application(f"cartridges: [{cartridges}]\nstartup: [[a, b], [b, c], [c, a]]"))
    assert [f.message for f in found] == ["the startup order is a cycle: a → b → c → a"]


def test_groups_that_contain_each_other_are_shown_as_the_cycle() -> None:
    found = findings_of(
        "kind: CartridgeGroup\nname: a\ngroups: [{alias: b, group: b}]",
        "kind: CartridgeGroup\nname: b\ngroups: [{alias: a, group: a}]",
        _application("groups: [{alias: a, group: a}]"),
    )
    assert {f.code for f in found} == {"ALT1203"}
    assert any("a → b → a" in f.message for f in found)


def test_two_deployment_policies_on_one_branch_are_refused_wherever_they_stand() -> None:
    both = "{alias: web, cartridge: php, deployment: small}"
    for body in (
        f"deployment: small\ncartridges: [{both}]",
        f"groups: [{{alias: g, deployment: small, cartridges: [{both}]}}]",
        f"groups: [{{alias: g, deployment: small, groups: [{{alias: h, cartridges: [{both}]}}]}}]",
    ):
        assert codes_of(PARTITION, ROOM_FOR_THREE, _application(body)) == ["ALT1208"]


def test_partitions_must_hold_the_minimum_members() -> None:
    body = "deployment: small\ncartridges: [{alias: web, cartridge: php, members: {min: 4, max: 5}}]"
    found = findings_of(PARTITION, ROOM_FOR_THREE, _application(body))
    assert [(f.code, f.path, f.allowed) for f in found] == [
        ("ALT1209", "cartridges[0].members.min", ("at most 3",))
    ]
    reachable = "deployment: small\ncartridges: [{alias: web, cartridge: php, members: {min: 3, max: 5}}]"
    found = findings_of(PARTITION, ROOM_FOR_THREE, _application(reachable))
    assert [(f.code, f.severity) for f in found] == [("ALT1219", "warning")]


def test_a_copy_is_only_placed_where_members_may_go() -> None:
    other = PARTITION.replace("name: home", "name: away")
    policy = "kind: ApplicationPolicy\nname: both\nnetworkPartitions: [home, away]"
    body = "placement: both\ndeployment: small\ncartridges: [{alias: web, cartridge: php}]"
    assert codes_of(PARTITION, other, ROOM_FOR_THREE, policy, _application(body)) == ["ALT1210"]


def test_data_that_stays_at_home_needs_no_room_elsewhere() -> None:
    other = PARTITION.replace("name: home\ncloud: local", "name: away\ncloud: away")
    policy = "kind: ApplicationPolicy\nname: both\nnetworkPartitions: [home, away]\n"
    db = "{alias: db, cartridge: mysql, deployment: small}"
    body = f"placement: both\ncartridges: [{db}, {{alias: web, cartridge: php}}]"
    for data, wrong in (("home", []), ("replicate", ["ALT1210"])):
        burst = f"burst: {{data: {data}}}"
        assert codes_of(PARTITION, other, ROOM_FOR_THREE, policy + burst, _application(body)) == wrong
    both = body.replace("cartridge: php", "cartridge: php, deployment: small")
    burst = "burst: {data: home}"
    assert codes_of(PARTITION, other, ROOM_FOR_THREE, policy + burst, _application(both)) == ["ALT1210"]


def test_a_deployment_policy_names_partitions_that_are_there() -> None:
    wrong = ROOM_FOR_THREE.replace("name: b", "name: c")
    found = findings_of(PARTITION, wrong)
    assert [(f.code, f.path) for f in found] == [("ALT1202", "networkPartitions[0].partitions[1].name")]


def test_one_address_and_one_name_have_one_owner() -> None:
    mapping = (
        "kind: DomainMapping\nname: {}\napplication: shop\ncluster: web\ndomain: a.example.org\npath: {}"
    )
    web = _application("cartridges: [{alias: web, cartridge: php}]")
    assert codes_of(web, mapping.format("m1", "/x"), mapping.format("m2", "/x/")) == ["ALT1212"]
    assert codes_of(web, web) == ["ALT1201"]
    assert codes_of(web, mapping.format("m1", "/").replace("cluster: web", "cluster: wob")) == ["ALT1213"]


def test_a_fixed_port_of_hosts_cannot_belong_to_two_copies() -> None:
    cartridge = (
        "kind: Cartridge\nname: c\nimage: a\nports: [{name: a, port: 80, exposure: node, nodePort: 30080}]"
    )
    once = _application("groups: [{alias: g, cartridges: [{alias: x, cartridge: c}]}]")
    twice = once.replace("alias: g,", "alias: g, instances: {max: 2},")
    assert codes_of(cartridge, once) == []
    assert codes_of(cartridge, twice) == ["ALT1115"]


def test_a_load_balancer_is_asked_for_where_it_fits() -> None:
    balancer = "kind: LoadBalancer\nname: edge\nscope: group\nroutes: [{cluster: front}]"
    wrong = _application("loadBalancer: edge\ncartridges: [{alias: front, cartridge: php}]")
    right = _application(
        "groups: [{alias: g, loadBalancer: edge, cartridges: [{alias: front, cartridge: php}]}]"
    )
    assert codes_of(balancer, wrong) == ["ALT1218"]
    assert codes_of(balancer, right) == []
    assert codes_of(balancer.replace("front", "back"), right) == ["ALT1213"]


def test_tenants_bound_what_their_applications_may_use() -> None:
    owned = _application(
        "tenant: acme\ncartridges: [{alias: web, cartridge: php, members: {min: 3, max: 3}}]"
    )
    assert codes_of("kind: Tenant\nname: acme\nquota: {members: 3}", owned) == []
    assert codes_of("kind: Tenant\nname: acme\nquota: {members: 2}", owned) == ["ALT1215"]
    assert codes_of("kind: Tenant\nname: acme\nquota: {applications: 0}", owned) == ["ALT1215"]


def test_only_the_owner_signs_up_to_a_single_tenant_application() -> None:
    tenants = "kind: Tenant\nname: acme", "kind: Tenant\nname: other"
    owned = _application("tenant: acme\ncartridges: [{alias: web, cartridge: php}]")
    signup = "kind: Signup\nname: s\napplication: shop\ntenant: other"
    assert codes_of(*tenants, owned, signup) == ["ALT1215"]
    assert codes_of(*tenants, owned, signup.replace("other", "acme")) == []


def test_files_that_documents_name_are_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "apiVersion: altostratus/v1\nkind: Cartridge\nname: c\nbuild: {context: src}\n"
        "files: [{path: /x, source: x.conf}]\n"
    )
    assert [f.path for f in validate([path]).findings] == ["build.context", "files[0].source"]
    (tmp_path / "src").mkdir()
    (tmp_path / "x.conf").write_text("")
    assert [f.path for f in validate([path]).findings] == ["build.dockerfile"]
    (tmp_path / "src" / "Dockerfile").write_text("FROM scratch\n")
    assert validate([path]).ok


def test_groups_that_would_expand_without_end_are_refused_quickly() -> None:
    groups = [
        f"kind: CartridgeGroup\nname: g{n}\n"
        f"groups: [{{alias: a, group: g{n + 1}}}, {{alias: b, group: g{n + 1}}}]"
        for n in range(40)
    ]
    leaf = "kind: CartridgeGroup\nname: g40\ncartridges: [{alias: x, cartridge: php}]"
    assert codes_of(*groups, leaf, _application("groups: [{alias: g, group: g0}]")) == ["ALT1220"]


def test_a_document_in_use_names_its_users() -> None:
    workspace, _ = workspace_of(
        PARTITION, ROOM_FOR_THREE, _application("deployment: small\ncartridges: [{alias: w, cartridge: php}]")
    )
    assert users_of(workspace, "DeploymentPolicy", "small") == ("Application shop",)
    assert users_of(workspace, "NetworkPartition", "home") == ("DeploymentPolicy small",)


def test_the_users_cartridge_comes_before_the_librarys_of_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "apiVersion: altostratus/v1\nkind: Cartridge\nname: php\nimage: example/php:1\n---\n"
        "apiVersion: altostratus/v1\nkind: Application\nname: a\ncartridges: [{alias: web, cartridge: php}]\n"
    )
    plan = Workspace.load([path]).plan("a")
    assert plan.clusters["web"].cartridge.image == "example/php:1"


def test_a_workspace_with_errors_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "apiVersion: altostratus/v1\nkind: Application\nname: a\ncartridges: [{alias: w, cartridge: x}]\n"
    )
    with pytest.raises(DocumentError) as caught:
        Workspace.load([path])
    assert [f.code for f in caught.value.findings] == ["ALT1202"]


def test_two_applications_with_one_port_of_the_hosts_are_warned_of() -> None:
    fixed = (
        "kind: Cartridge\nname: c\nimage: a\nports: [{name: http, port: 80, exposure: node, nodePort: 30001}]"
    )
    one = "kind: Application\nname: one\ncartridges: [{alias: a, cartridge: c}]"
    found = [f for f in findings_of(fixed, one, one.replace("one", "two")) if f.code == "ALT1115"]
    assert [(f.severity, "'one'" in f.message) for f in found] == [("warning", True)]
    assert not findings_of(fixed, one)


def test_a_private_export_is_offered_to_nobody() -> None:
    cartridge = (
        "kind: Cartridge\nname: store\nimage: a\n"
        "exports: {inner: {generate: {length: 20}, private: true}, outer: {value: a}}"
    )
    application = (
        "kind: Application\nname: shop\ncartridges:\n"
        "  - {alias: db, cartridge: store}\n"
        "  - {alias: web, cartridge: php, uses: [{from: db}], environment: {A: {export: inner, from: db}}}"
    )
    (found,) = [f for f in findings_of(cartridge, application) if f.severity == "error"]
    assert "exports no 'inner'" in found.message
    workspace, _ = workspace_of(cartridge, application.replace("export: inner", "export: outer"))
    (link,) = workspace.plan("shop").clusters["web"].links
    assert [each.variable for each in link.exports] == ["DB_OUTER"]

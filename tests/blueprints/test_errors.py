"""Errors of shape: everything at once, with place, value, what is allowed and the nearest match."""

import json

import jsonschema
import pytest

from blueprints.findings import CODES, Finding
from blueprints.kinds.registry import KINDS
from blueprints.loader import load_text
from blueprints.render.human import render_finding, render_report
from blueprints.render.machine import render_json
from blueprints.render.sarif import render_sarif
from blueprints.schema import schema
from blueprints.validate import report, validate
from blueprints.workspace import LIBRARY, Workspace, library
from tests.blueprints.workbench import findings_of, workspace_of

PORT = "ports: [{name: a, port: 80}]"
DATA = "persistence: [{name: d, path: /d, size: 5Gi}]"
REPLICATION = "replication: {position: [x], reached: [x], readOnly: [x], writable: [x], promote: [x]}"

MANY = """
kind: Cartridge
name: My Php
imgae: nginx
multiTenant: yes
ports: [{name: http, port: 80800, protcol: http}, {name: x, port: "80"}]
resources: {requests: {memory: 256, cpu: 1}}
category: aplication
environment: {A: [1], PASSWORD: [x]}
probes: {readiness: {http: {}, tcp: {}, period: 30}}
"""


def test_all_errors_of_a_document_come_at_once_with_their_places() -> None:
    found = {(f.code, f.path): f for f in findings_of(MANY)}
    assert set(found) == {
        ("ALT1107", "name"),
        ("ALT1103", "imgae"),
        ("ALT1105", "multiTenant"),
        ("ALT1109", "ports[0].port"),
        ("ALT1103", "ports[0].protcol"),
        ("ALT1105", "ports[1].port"),
        ("ALT1108", "resources.requests.memory"),
        ("ALT1106", "category"),
        ("ALT1113", "environment.A"),
        ("ALT1113", "environment.PASSWORD"),
        ("ALT1108", "probes.readiness.period"),
    }
    assert found["ALT1103", "imgae"].nearest == "image"
    assert found["ALT1103", "ports[0].protcol"].nearest == "protocol"
    assert found["ALT1106", "category"].nearest == "application"
    assert found["ALT1107", "name"].nearest == "my-php"
    assert found["ALT1105", "multiTenant"].hint == "Write true."
    assert found["ALT1105", "ports[1].port"].hint == "Write it without quotes: 80."
    assert found["ALT1108", "resources.requests.memory"].hint == 'A number needs its unit: "256Mi".'
    port = found["ALT1109", "ports[0].port"]
    assert (port.line, port.column, port.end_column) == (6, 28, 33)


def test_every_code_that_is_used_is_in_the_table() -> None:
    assert {f.code for f in findings_of(MANY)} <= set(CODES)


def test_a_value_with_a_secret_name_is_not_repeated() -> None:
    finding = next(f for f in findings_of(MANY) if f.path == "environment.PASSWORD")
    assert finding.source_line == ""


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ("image: a\nbuild: {}", "ALT1111", "build"),
        ("description: none", "ALT1111", ""),
        ("image: Nginx", "ALT1113", "image"),
        ("image: a\nports: [{name: a, port: 80}, {name: b, port: 80}]", "ALT1115", "ports[1].port"),
        (
            "image: a\nports: [{name: a, port: 80, proxyPort: 1}, {name: b, port: 81, proxyPort: 1}]",
            "ALT1115",
            "ports[1].proxyPort",
        ),
        ("image: a\nports: [{name: a, port: 80}, {name: a, port: 81}]", "ALT1114", "ports[1].name"),
        (
            "image: a\nports: [{name: a, port: 80}]\n"
            "sidecars: [{name: s, image: b, ports: [{name: b, port: 80}]}]",
            "ALT1115",
            "sidecars[0].ports[0].port",
        ),
        ("image: a\nports: [{name: a, port: 80, nodePort: 30000}]", "ALT1111", "ports[0].nodePort"),
        ("image: a\nprobes: {readiness: {tcp: {}}}", "ALT1116", "probes.readiness.tcp"),
        ("image: a\nmetrics: {port: x}", "ALT1116", "metrics.port"),
        ("image: a\nmounts: [{volume: x, path: /x}]", "ALT1116", "mounts[0].volume"),
        ("image: a\nenvironment: {A: {export: x}}", "ALT1116", "environment.A.export"),
        ("image: a\nexports: {a: {value: '${host}'}}", "ALT1116", "exports.a.value"),
        ("image: a\nexports: {a: {value: '${what}'}}", "ALT1113", "exports.a.value"),
        (
            "image: a\nexports: {a: {value: '${export:b}'}, b: {value: '${export:a}'}}",
            "ALT1116",
            "exports.a",
        ),
        ("image: a\nsidecars: [{name: main, image: b}]", "ALT1114", "sidecars[0].name"),
        (
            "image: a\nresources: {requests: {cpu: 2}, limits: {cpu: 500m}}",
            "ALT1112",
            "resources.requests.cpu",
        ),
        ("image: a\npersistence: [{name: d, path: /d, size: 5GB}]", "ALT1108", "persistence[0].size"),
        (f"image: a\n{PORT}\nexports: {{a: {{value: '${{primary}}'}}}}", "ALT1111", "exports.a.value"),
        (f"image: a\n{PORT}\n{REPLICATION}", "ALT1111", "replication"),
        (f"image: a\n{DATA}\n{REPLICATION}", "ALT1116", "replication"),
        (f"image: a\n{DATA}\n{PORT}\n{REPLICATION[:-1]}, port: b}}", "ALT1116", "replication.port"),
        (f"image: a\n{DATA}\n{PORT}\n{REPLICATION[:-1]}, behind: x}}", "ALT1105", "replication.behind"),
        (f"image: a\n{DATA}\n{PORT}\nreplication: {{promote: [x]}}", "ALT1104", None),
        (
            f"image: a\n{DATA}\n{PORT}\n{REPLICATION}\nenvironment: {{ALTO_REPLICATE_FROM: x}}",
            "ALT1111",
            "environment.ALTO_REPLICATE_FROM",
        ),
        (
            f"image: a\n{DATA[:-2]}, shared: true}}]\n{PORT}\n{REPLICATION}",
            "ALT1111",
            "replication",
        ),
    ],
)
def test_a_cartridge_with_one_fault_has_one_error_at_its_place(
    body: str, code: str, path: str | None
) -> None:
    found = findings_of(f"kind: Cartridge\nname: x\n{body}")
    if path is None:  # one thing is missing in several words
        assert {f.code for f in found} == {code}
    else:
        assert [(f.code, f.path) for f in found] == [(code, path)]


@pytest.mark.parametrize(
    "body",
    [
        "kind: AutoscalingPolicy\nname: p",
        "kind: AutoscalingPolicy\nname: p\nthresholds: {}",
        "kind: AutoscalingPolicy\nname: p\nthresholds: {memory: 120}",
        "kind: AutoscalingPolicy\nname: p\nthresholds: {memory: 70}\n"
        "schedule: [{cron: '61 * * * *', duration: 1h, minimum: 1}]",
        "kind: AutoscalingPolicy\nname: p\nthresholds: {memory: 70}\n"
        "schedule: [{cron: '0 8 30 2 *', duration: 1h, minimum: 1}]",
        "kind: AutoscalingPolicy\nname: p\nthresholds: {memory: 70}\n"
        "schedule: [{cron: '0 8 31 4,6 *', duration: 1h, minimum: 1}]",
        "kind: AutoscalingPolicy\nname: p\nmetrics: [{name: latency, query: x, target: 1}]",
        "kind: AutoscalingPolicy\nname: p\n"
        "metrics: [{name: a, query: x, target: 1}, {name: a, query: y, target: 1}]",
        "kind: DeploymentPolicy\nname: p\nnetworkPartitions: []",
        "kind: DeploymentPolicy\nname: p\n"
        "networkPartitions: [{name: n, partitions: [{name: a, max: 1, min: 2}]}]",
        "kind: ApplicationPolicy\nname: p\nnetworkPartitions: [a, [b, a]]",
        "kind: ApplicationPolicy\nname: p\norder: all-at-once\nnetworkPartitions: [a, b]\nburst: {}",
        "kind: HostCluster\nname: p\ndriver: docker\nsubnet: 10.1.2.3/24",
        "kind: HostCluster\nname: p\ndriver: docker\nsubnet: 10.244.1.0/24",
        "kind: HostCluster\nname: p\ndriver: docker\nhosts: 1\ncontrolPlanes: 3",
        "kind: LoadBalancer\nname: p\nlisteners: [{name: a, port: 80}, {name: b, port: 80}]",
        "kind: LoadBalancer\nname: p\nlisteners: [{name: a, port: 80, redirectTo: b}]",
        "kind: Tenant\nname: p\nusers: [{name: a}, {name: a}]",
        "kind: DomainMapping\nname: p\napplication: a\ncluster: b\ndomain: Not A Host",
        "kind: Signup\nname: p\napplication: a\nartifacts: [{alias: x, artifact: {git: 'https://u:p@h/x'}}]",
        "kind: Application\nname: p\ncartridges: [{alias: a, cartridge: php, members: {min: 3, max: 2}}]",
        "kind: Application\nname: p\ngroups: [{alias: a}]",
        "kind: Application\nname: p\ngroups: [{alias: a, group: g, termination: all}]",
        "kind: NetworkPartition\nname: p\ncloud: c\npartitions: [{name: a}, {name: a}]",
    ],
)
def test_what_makes_no_sense_in_one_document_is_refused(body: str) -> None:
    errors = [f for f in findings_of(body) if f.code < "ALT12"]
    assert len(errors) == 1
    assert errors[0].line > 0


def test_a_misspelt_key_does_not_hide_errors_behind_it() -> None:
    found = findings_of(
        "kind: Application\nname: a\ncartridges: [{alias: web, cartridge: php}]\nstartupp: [[web, wob]]"
    )
    assert {f.code for f in found} == {"ALT1103", "ALT1205"}


def test_the_human_report_shows_the_line_with_a_mark_and_no_control_characters() -> None:
    text = render_finding(
        Finding("ALT1105", "bad \x1b[31m", "f.yaml", 3, 4, 7, "a.b", source_line="a: \x07xyz", hint="h")
    )
    assert text.splitlines() == [
        "f.yaml:3:4: error[ALT1105] a.b: bad \ufffd[31m",
        "  3 | a: \ufffdxyz",
        "    |    ^^^",
        "  help: h",
    ]


def test_reports_for_machines_are_well_formed() -> None:
    workspace, findings = workspace_of(MANY)
    outcome = report(workspace, findings)
    data = json.loads(render_json(outcome))
    assert data["ok"] is False
    assert len(data["findings"]) == 11
    sarif = json.loads(render_sarif(outcome))
    run = sarif["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert sarif["version"] == "2.1.0"
    assert len(run["results"]) == 11
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert region["startColumn"] >= 1
    assert render_report(outcome).endswith("11 errors\n")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_schema_with_a_description_for_every_key(kind: str) -> None:
    found = schema(kind)
    objects = [found, *found.get("$defs", {}).values()]
    for part in objects:
        for key, value in part.get("properties", {}).items():
            named = found.get("$defs", {}).get(value.get("$ref", "").rpartition("/")[2], {})
            assert "description" in value or "description" in named, f"{kind}: {part.get('title')}.{key}"


def test_schemas_accept_what_validation_accepts_and_refuse_unknown_keys() -> None:
    validator = jsonschema.Draft202012Validator(schema("Cartridge"))
    validator.check_schema(validator.schema)
    for name in ("php", "mysql", "haproxy"):
        data = library()["Cartridge", name].node.data()
        assert list(validator.iter_errors(data)) == []
        assert not validator.is_valid({**data, "unknownKey": 1})


def test_documents_survive_being_written_and_read_again() -> None:
    from blueprints.writer import to_yaml

    for loaded in library().values():
        assert loaded.model is not None
        again, findings = load_text(to_yaml(loaded.model))
        assert findings == []
        assert again[0].model == loaded.model


def test_the_library_is_valid_and_each_of_its_members_can_run_in_an_application() -> None:
    names = [name for kind, name in library() if kind == "Cartridge"]
    assert {
        "php",
        "tomcat",
        "mysql",
        "haproxy",
        "nginx",
        "static",
        "python",
        "node",
        "redis",
        "memcached",
    } <= set(names)
    uses = ", ".join(f"{{alias: {n}, cartridge: {n}}}" for n in names)
    workspace, findings = workspace_of(f"kind: Application\nname: all\ncartridges: [{uses}]")
    assert report(workspace, findings).findings == ()
    assert len(workspace.plan("all").clusters) == len(names)
    assert report(Workspace(library().values(), with_library=False)).findings == ()


def test_the_samples_are_valid_and_show_every_kind() -> None:
    outcome = validate([LIBRARY / "samples"])
    assert [f for f in outcome.findings if f.severity == "error"] == []
    shown = {kind for kind, _ in outcome.workspace.documents}
    assert shown == set(KINDS)
    for name in outcome.workspace.applications():
        assert outcome.workspace.plan(name).stages

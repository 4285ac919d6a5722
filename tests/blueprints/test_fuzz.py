"""Nothing that a file can hold makes validation or import raise."""

import json
import string
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.kinds.registry import KINDS
from blueprints.loader import load_text
from blueprints.render.human import render_report
from blueprints.render.machine import render_json
from blueprints.render.sarif import render_sarif
from blueprints.stratos.importer import import_stratos
from blueprints.validate import report, validate
from blueprints.workspace import Workspace, library
from blueprints.yaml_reader import read_yaml

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))

modest = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))

KEYS = sorted(
    {key for loaded in library().values() for key in loaded.node.value}
    | {"cartridges", "groups", "startup", "scaling", "members", "alias", "networkPartitions", "ratio", "uses"}
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["php", "web", "256Mi", "3:1", "30s", "${host}", "a/b", "-1", "1e999", "\u0085"])
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


def _survives(text: str, name: str) -> None:
    documents, findings = load_text(text, name)
    outcome = report(Workspace(documents), findings, 1)
    render_report(outcome, colour=True)
    json.loads(render_json(outcome))
    json.loads(render_sarif(outcome))
    for application in outcome.workspace.applications():
        if outcome.ok:
            outcome.workspace.plan(application)


def _documents() -> list[Any]:
    found = [loaded.node.data() for loaded in library().values()]
    for path in CASES:
        found += read_yaml(path.read_text())[0].data()["documents"]
    return found


SEEDS = _documents()


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A valid document in which a few places were replaced, renamed, repeated or removed."""
    document = json.loads(json.dumps(draw(st.sampled_from(SEEDS))))
    for _ in range(draw(st.integers(1, 4))):
        holder = document
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], (dict, list)) and holder[key] and draw(st.booleans()):
                holder = holder[key]
                continue
            action = draw(st.sampled_from(["replace", "remove", "rename", "repeat"]))
            if action == "remove":
                del holder[key]
            elif action == "replace":
                holder[key] = draw(values)
            elif action == "rename" and isinstance(holder, dict):
                holder[draw(st.sampled_from(KEYS))] = holder.pop(key)
            elif action == "repeat" and isinstance(holder, list):
                holder.append(holder[key])
            break
    return document


@modest
@given(st.lists(mutated(), min_size=1, max_size=4))
def test_mutated_documents_end_in_a_report(documents: list[Any]) -> None:
    _survives(json.dumps(documents), "mutated.json")


@modest
@given(st.sampled_from(sorted(KINDS)), st.dictionaries(st.sampled_from(KEYS), values, max_size=6))
def test_made_up_documents_end_in_a_report(kind: str, body: dict[str, Any]) -> None:
    _survives(json.dumps({"apiVersion": "altostratus/v1", "kind": kind, "name": "x", **body}), "made.json")


@modest
@given(st.text(alphabet=string.printable + "\u2028\u0000é", max_size=200))
def test_any_text_ends_in_a_report(text: str) -> None:
    _survives(text, "text.yaml")
    _survives(text, "text.json")


@modest
@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_report(tmp_path_factory: Any, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.yaml"
    path.write_bytes(content)
    validate([path])


STRATOS_SEEDS: list[Any] = [
    {
        "applicationId": "a",
        "multiTenant": "true",
        "components": {
            "groups": [
                {
                    "name": "g",
                    "alias": "my-g",
                    "groupMinInstances": 1,
                    "groupMaxInstances": "2",
                    "deploymentPolicy": "d",
                    "cartridges": [
                        {
                            "type": "php",
                            "cartridgeMin": 1,
                            "cartridgeMax": 5,
                            "subscribableInfo": {
                                "alias": "my-php",
                                "autoscalingPolicy": "s",
                                "deploymentPolicy": "d",
                                "artifactRepository": {"repoUrl": "https://h/x.git", "repoPassword": "p"},
                            },
                        }
                    ],
                }
            ],
            "cartridges": [{"type": "db", "subscribableInfo": {"alias": "my-db"}}],
            "dependencies": {
                "startupOrders": [{"aliases": ["cartridge.my-db", "group.my-g"]}],
                "scalingDependents": [{"aliases": ["cartridge.my-db", "group.my-g"]}],
                "terminationBehaviour": "terminate-all",
            },
        },
    },
    {"name": "g", "cartridges": ["php"], "groups": [{"name": "h", "cartridges": ["db"]}]},
    {
        "type": "php",
        "provider": "x",
        "category": "data",
        "host": "php.org",
        "portMapping": [
            {"protocol": "http", "port": "80", "proxyPort": 8080},
            {"protocol": "tcp", "port": 22},
        ],
        "persistence": {"isRequired": True, "volumes": [{"size": "5", "mappingPath": "/d"}]},
        "iaasProvider": [{"type": "kubernetes", "imageId": "a/b:1"}],
        "property": [{"name": "KUBERNETES_CONTAINER_MEMORY", "value": "64Mi"}],
    },
    {
        "id": "s",
        "loadThresholds": {"requestsInFlight": {"threshold": 20}, "loadAverage": {"threshold": "70"}},
    },
    {
        "id": "n",
        "provider": "mock",
        "partitions": [{"id": "p", "property": [{"name": "zone", "value": "z"}]}],
    },
    {
        "id": "d",
        "networkPartitions": [
            {"id": "n", "partitionAlgo": "round-robin", "partitions": [{"id": "p", "partitionMax": 3}]}
        ],
    },
    {"id": "a", "algorithm": "all-at-once", "networkPartitions": ["n"], "properties": []},
    {"clusterId": "k", "kubernetesMaster": {"hostId": "m"}, "portRange": {"lower": 1, "upper": 2}},
    {"artifactRepositories": [{"alias": "php", "repoUrl": "https://h/y.git"}]},
    {"domainMappings": [{"cartridgeAlias": "my-db", "domainName": "a.org", "contextPath": "/"}]},
    {"tenantDomain": "acme.org", "admin": "joe", "adminPassword": "x"},
]


@st.composite
def mutated_stratos(draw: st.DrawFn) -> Any:
    """The Stratos documents above, a few places of one of them changed."""
    documents = json.loads(json.dumps(STRATOS_SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        holder: Any = draw(st.sampled_from(documents))
        while True:
            keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(holder[key], (dict, list)) and holder[key] and draw(st.booleans()):
                holder = holder[key]
                continue
            action = draw(st.sampled_from(["replace", "remove", "repeat"]))
            if action == "remove":
                del holder[key]
            elif action == "repeat" and isinstance(holder, list):
                holder.append(holder[key])
            else:
                holder[key] = draw(
                    scalars | st.sampled_from([[], {}, [1], "my-g", "0", "-5", "99999999999", "x y"])
                )
            break
    return documents


@settings(modest, max_examples=15)
@given(mutated_stratos())
def test_mutated_stratos_documents_are_imported_into_documents_that_validate(
    tmp_path_factory: Any, documents: list[Any]
) -> None:
    folder = tmp_path_factory.mktemp("stratos")
    for number, document in enumerate(documents):
        (folder / f"{number}.json").write_text(json.dumps(document))
    outcome = import_stratos(folder)
    assert [f for f in outcome.findings if f.severity == "error"] == []
    outcome.render()

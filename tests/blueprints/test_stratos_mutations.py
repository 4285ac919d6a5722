"""Stratos documents with anything wrong in them: told by file, never a crash, and what is made validates."""

import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blueprints.stratos.importer import import_stratos
from blueprints.stratos.report import ImportReport

SAMPLES = Path(__file__).parents[2].parent / "shared/data/stratos/samples"
WILD: tuple[Any, ...] = (
    None, "", [], {}, 0, -1, 1e308, 10**40, "NaN", "1e999", True, "0", "-5", "3.7", "é\x00x", "a" * 5000,
    [[]], [None], [{}], {"a": 1}, ["x", 3], "cartridge.", "group.x,cartridge.y", "\ud800", "../../etc",
    "http://u:p@h/x.git", "A B", "${host}", "a|b,c", "9" * 30, "\n", "payload_parameter.X",
)  # fmt: skip
"""Values that no field expects."""


def _samples() -> list[Any]:
    found = []
    for path in sorted(SAMPLES.rglob("*.json")):
        try:
            found.append(json.loads(path.read_text()))
        except ValueError:
            continue
    return found


DOCUMENTS = _samples()

pytestmark = pytest.mark.skipif(not DOCUMENTS, reason=f"the Stratos sample documents are not at {SAMPLES}")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in _places(item, (*path, key)))]


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A sample with one to five values replaced, removed, repeated, or put somewhere else."""
    document = json.loads(json.dumps(draw(st.sampled_from(DOCUMENTS))))
    for _ in range(draw(st.integers(1, 5))):
        places = [place for place in _places(document) if place]
        if not places:
            break
        *holder_path, key = draw(st.sampled_from(places))
        holder = _at(document, tuple(holder_path))
        match draw(st.sampled_from(["replace", "replace", "remove", "repeat", "move"])):
            case "replace":
                holder[key] = copy.deepcopy(draw(st.sampled_from(WILD)))
            case "remove":
                holder.pop(key)
            case "repeat" if isinstance(holder, list):
                holder.append(json.loads(json.dumps(holder[key])))
            case _:
                other = json.loads(json.dumps(_at(document, draw(st.sampled_from(places)))))
                holder[key] = other
    return document


def _imported(folder: Path, documents: dict[str, Any]) -> ImportReport:
    for name, document in documents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(document), "utf-8")
    return import_stratos(folder)


@given(
    st.lists(mutated(), min_size=2, max_size=8), st.lists(st.sampled_from(["", "a/"]), min_size=8, max_size=8)
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_mutated_document_is_told_and_what_is_made_validates(
    documents: list[Any], folders: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        files = {f"{folders[i]}{i}.json": document for i, document in enumerate(documents)}
        report = _imported(Path(name), files)
        told = {entry.file for entry in report.entries}
        assert {str(Path(name) / each) for each in files} <= told, "a document went unmentioned"
    assert [f for f in report.findings if f.severity == "error"] == []
    assert report.render().endswith("they validate\n")


def test_what_no_conversion_looks_at_is_told_by_path_and_line(tmp_path: Path) -> None:
    policy = {
        "id": "p",
        "loadThresholds": {"loadAverage": {"threshold": 70}},
        "madeUp": {"x": 1},
        "networkPartitionId": "n",
    }
    (tmp_path / "p.json").write_text(json.dumps(policy, indent=1))
    entries = [e for e in import_stratos(tmp_path).entries if e.outcome == "not carried over"]
    assert {(e.line, e.text.partition(":")[0]) for e in entries} == {
        (8, "madeUp"),
        (11, "networkPartitionId 'n'"),
    }


def test_a_value_of_another_form_is_told(tmp_path: Path) -> None:
    policy = {"id": "p", "loadThresholds": {"loadAverage": {"threshold": 70}, "memoryConsumption": [7]}}
    (tmp_path / "p.json").write_text(json.dumps(policy))
    assert any(
        e.text.startswith("loadThresholds.memoryConsumption: it has not the form")
        for e in import_stratos(tmp_path).entries
    )


def test_secrets_stand_in_no_document_and_in_no_report(tmp_path: Path) -> None:
    cartridge = {
        "type": "svc",
        "category": "framework",
        "provider": "x",
        "iaasProvider": [{"type": "kubernetes", "imageId": "example.org/svc:1", "credential": "hunter2"}],
        "portMapping": [{"port": 80, "protocol": "http"}],
        "property": [{"name": "payload_parameter.DB_PASSWORD", "value": "hunter2"}],
    }
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "c.json").write_text(json.dumps(cartridge))
    report = import_stratos(tmp_path / "in", tmp_path / "out")
    assert "secret: svc-db-password" in (tmp_path / "out/cartridges/svc.yaml").read_text()
    written = "".join(path.read_text() for path in (tmp_path / "out").rglob("*.*"))
    assert "hunter2" not in written + report.render() + report.render_json()


def test_a_signup_elsewhere_belongs_to_the_only_application_that_has_its_cluster(tmp_path: Path) -> None:
    info = {"alias": "web", "artifactRepository": {"repoUrl": "https://git.example.org/a.git"}}
    for name, alias in (("one", "web"), ("two", "other")):
        cluster = {"type": "svc", "subscribableInfo": {**info, "alias": alias}}
        (tmp_path / name).mkdir()
        (tmp_path / name / "app.json").write_text(
            json.dumps({"applicationId": name, "components": {"cartridges": [cluster]}})
        )
    repositories = [{"alias": "web", "repoUrl": "https://git.example.org/b.git"}]
    (tmp_path / "signup.json").write_text(json.dumps({"artifactRepositories": repositories}))
    report = import_stratos(tmp_path)
    assert "signups/one-signup.yaml" in report.documents

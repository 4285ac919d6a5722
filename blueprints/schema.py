"""JSON Schema of every kind, for editors and other tools."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from blueprints.kinds.registry import KINDS
from blueprints.model import API_VERSION

DIALECT = GenerateJsonSchema.schema_dialect


@cache
def _schema(kind: str) -> str:
    model = KINDS[kind]
    schema = model.model_json_schema(by_alias=True, mode="validation")
    properties = {
        "apiVersion": {"const": API_VERSION, "description": "The version of the document format."},
        "kind": {"const": kind, "description": "What the document describes."},
    }
    body = _top(schema)
    body["properties"] = {**properties, **{k: v for k, v in body["properties"].items() if k != "apiVersion"}}
    body["required"] = ["apiVersion", "kind", *(r for r in body.get("required", []) if r != "apiVersion")]
    return json.dumps({"$schema": DIALECT, "title": kind, **schema})


def _top(schema: dict[str, Any]) -> dict[str, Any]:
    """The object schema of the document itself, which stands under $defs where it is recursive."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: dict[str, Any] = schema["$defs"][reference.rpartition("/")[2]]
    return found


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind. Raises KeyError for an unknown one."""
    found: dict[str, Any] = json.loads(_schema(kind))
    return found


def write_schemas(folder: Path) -> list[Path]:
    """Write `<kind>.schema.json` for every kind into a folder; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        path = folder / f"{kind}.schema.json"
        beside = path.with_suffix(".tmp")
        beside.write_text(json.dumps(schema(kind), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(path)
        written.append(path)
    return written

"""Writes documents as YAML that reads back as the same values."""

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from blueprints.model import Document
from blueprints.yaml_reader import plain_value


class _Dumper(yaml.SafeDumper):
    """Block style; short lists of plain words on one line."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    if "\n" in value:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|")
    quoted = not isinstance(plain_value(value), str)
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"' if quoted else None)


def _list(dumper: yaml.SafeDumper, value: list[Any]) -> yaml.Node:
    plain = all(isinstance(v, (str, int, float)) for v in value)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=plain)


def _mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    small = len(value) <= 3 and all(
        isinstance(v, (int, float)) or (isinstance(v, str) and len(v) < 24) for v in value.values()
    )
    return dumper.represent_mapping(
        "tag:yaml.org,2002:map", value.items(), flow_style=small and "kind" not in value
    )


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _mapping)


_FIRST_KEYS = ("apiVersion", "kind", "name", "alias", "cartridge", "group", "description")


def _arranged(value: Any) -> Any:
    """The same data with the keys first that tell what a mapping is."""
    if isinstance(value, dict):
        keys = [*(k for k in _FIRST_KEYS if k in value), *(k for k in value if k not in _FIRST_KEYS)]
        return {key: _arranged(value[key]) for key in keys}
    return [_arranged(item) for item in value] if isinstance(value, list) else value


def to_yaml(document: Document) -> str:
    """A document as it would be written by hand."""
    return yaml.dump(
        _arranged(document.to_document()), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110
    )


def write_document(document: Document, path: Path) -> None:
    """Write a document beside its place, then put it there in one step."""
    write_text(path, to_yaml(document))


def write_text(path: Path, text: str) -> None:
    """Write a text file in one step, making its folders. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise

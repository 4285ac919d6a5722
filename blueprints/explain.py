"""Turns pydantic's errors into findings that tell a person what to do."""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from blueprints.findings import Finding
from blueprints.introspection import choices_at, keys_at
from blueprints.names import PATTERN_MEANINGS, VALUE_MEANINGS
from blueprints.nearest import nearest
from blueprints.nodes import Node
from blueprints.sources import Source

Path = tuple[str | int, ...]

_SECRET_WORDS = re.compile(r"passw|secret|token|credential|private|ssh.?key", re.IGNORECASE)

_TYPE_WORDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "none_required": "nothing",
}

_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def path_text(path: Sequence[str | int]) -> str:
    """`("cartridges", 0, "alias")` as `cartridges[0].alias`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def shown(value: Any, path: Sequence[str | int] = ()) -> str:
    """A value for an error message: short, and hidden where its key tells that it is secret."""
    if any(isinstance(step, str) and _SECRET_WORDS.search(step) for step in path) and isinstance(value, str):
        return "(hidden)"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def place(source: Source, root: Node, path: Sequence[str | int], *, key: bool = False) -> dict[str, Any]:
    """The file, line, columns and source line of a value, as fields of a finding."""
    node = root.find(path, key=key)
    hidden = shown("x", path) == "(hidden)"
    return {
        "file": source.name,
        "line": node.line,
        "column": node.column,
        "end_column": node.end_column,
        "source_line": "" if hidden else source.line(node.line),
    }


def _real_path(root: Node, location: Sequence[str | int], keep_last: bool) -> Path:
    """The error's location without pydantic's own steps (union tags, `[key]`)."""
    node, path = root, []
    for index, step in enumerate(location):
        value = node.value
        if isinstance(value, dict) and step in value:
            node = value[step][1]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            node = value[step]
        elif not (keep_last and index == len(location) - 1):
            continue
        path.append(step)
    return tuple(path)


def explain(error: Any, model: type[BaseModel], source: Source, root: Node) -> Finding:
    """One pydantic error (an element of `ValidationError.errors()`) as a finding."""
    kind, context = error["type"], error.get("ctx", {})
    path = _real_path(root, error["loc"], keep_last=kind == "missing")
    if kind.startswith("ALT"):
        path = (*path, *context["at"])
        return Finding(
            kind, context["text"], path=path_text(path), hint=context["hint"],
            allowed=tuple(context["allowed"]), value=_value_at(root, path), **place(source, root, path),
        )  # fmt: skip
    is_key = kind == "extra_forbidden" or error["loc"][-1:] == ("[key]",)
    where = place(source, root, path, key=is_key)
    found: dict[str, Any] = {"path": path_text(path), "value": shown(error["input"], path), **where}
    if kind == "extra_forbidden":
        return _unknown_key(model, root, path or tuple(error["loc"][-1:]), found)
    if kind == "missing":
        name = str(path[-1])
        return Finding("ALT1104", f"{name!r} is missing", hint=f"Add {name}.", **found)
    if is_key:
        found["value"] = shown(path[-1])
    return _wrong_value(kind, context, error, choices_at(model, path), tuple(keys_at(model, path)), found)


def _value_at(root: Node, path: Path) -> str:
    return shown(root.find(path).data(), path)


def _unknown_key(model: type[BaseModel], root: Node, path: Path, found: dict[str, Any]) -> Finding:
    known = keys_at(model, path[:-1])
    present = root.find(path[:-1]).value
    free = [key for key in known if not isinstance(present, dict) or key not in present]
    close = nearest(str(path[-1]), free)
    return Finding(
        "ALT1103",
        f"{path[-1]!r} is not a known key" + (f" of {path_text(path[:-1])}" if len(path) > 1 else ""),
        nearest=close,
        allowed=known,
        hint=f"Did you mean {close!r}?" if close else "",
        **found,
    )


def _wrong_value(
    kind: str,
    context: dict[str, Any],
    error: Any,
    choices: tuple[str, ...],
    keys: tuple[str, ...],
    found: dict[str, Any],
) -> Finding:
    value = found["value"]
    if kind in ("literal_error", "enum"):
        allowed = choices or tuple(re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        close = nearest(str(error["input"]), allowed) if isinstance(error["input"], str) else ""
        return Finding(
            "ALT1106", f"{value} is not allowed here; allowed are {', '.join(allowed)}", nearest=close,
            allowed=allowed, hint=f"Did you mean {close!r}?" if close else "", **found,
        )  # fmt: skip
    if kind == "string_pattern_mismatch":
        known = {**VALUE_MEANINGS, **PATTERN_MEANINGS}
        meaning = known.get(context["pattern"], f"text that matches {context['pattern']}")
        close = _well_formed(error["input"], context["pattern"])
        return Finding(
            "ALT1107" if context["pattern"] in PATTERN_MEANINGS else "ALT1113",
            f"{value} is malformed; allowed is {meaning}",
            nearest=close, allowed=(meaning,), hint=f"Did you mean {close!r}?" if close else "", **found,
        )  # fmt: skip
    if kind == "quantity":
        return Finding(
            "ALT1108", f"{value} must be {context['meaning']}", allowed=(context["meaning"],),
            hint=_unit_hint(error["input"], context["meaning"]), **found,
        )  # fmt: skip
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return Finding("ALT1109", f"{value} is out of range; it must be {words} {context[key]}", **found)
    if kind in ("string_too_short", "string_too_long", "too_short", "too_long"):
        return Finding("ALT1110", _length_message(kind, context, value), **found)
    if kind in _TYPE_WORDS:
        wanted = _TYPE_WORDS[kind]
        return Finding(
            "ALT1105",
            f"{value} must be {wanted}",
            allowed=(wanted,),
            hint=_type_hint(kind, error["input"]) or _keys_hint(kind, keys),
            **found,
        )
    return Finding("ALT1113", f"{value}: {error['msg'][:1].lower()}{error['msg'][1:]}", **found)


def _length_message(kind: str, context: dict[str, Any], value: str) -> str:
    count = context["min_length"] if kind.endswith("short") else context["max_length"]
    unit = (
        ("character" if kind.startswith("string") else "entry")
        if count == 1
        else ("characters" if kind.startswith("string") else "entries")
    )
    if kind.endswith("short"):
        return f"{value} is too short; it needs at least {count} {unit}"
    return f"{value} is too long; it may have at most {count} {unit}"


def _well_formed(value: Any, pattern: str) -> str:
    """The value made to fit a name pattern, where little needs changing."""
    if not isinstance(value, str) or len(value) > 128:
        return ""
    candidate = re.sub(r"-+", "-", re.sub(r"[^a-z0-9/]+", "-", value.lower())).strip("-")
    return candidate if candidate != value and candidate and re.search(pattern, candidate) else ""


def _type_hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return f'Quote it: "{str(value).lower() if isinstance(value, bool) else value}".'
    if kind == "bool_type" and isinstance(value, str):
        word = {"yes": "true", "on": "true", "no": "false", "off": "false"}.get(value.lower())
        return f"Write {word or value.lower()}." if word or value.lower() in ("true", "false") else ""
    if kind in ("int_type", "float_type") and isinstance(value, str) and re.fullmatch(r"-?[0-9.]+", value):
        return f"Write it without quotes: {value}."
    if kind in ("tuple_type", "list_type"):
        return "Write a list: [a, b], or one entry a line after a hyphen."
    return ""


def _keys_hint(kind: str, keys: Sequence[str]) -> str:
    if kind not in ("dict_type", "model_type", "model_attributes_type") or not keys:
        return ""
    some = ", ".join(f"{key}: ..." for key in keys[:3])
    return f"Write its keys: {{{some}}}."


def _unit_hint(value: Any, meaning: str) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        unit = "Mi" if "256Mi" in meaning else "s" if "30s" in meaning else "%" if "%" in meaning else ""
        return f'A number needs its unit: "{value}{unit}".' if unit else ""
    if isinstance(value, str) and "256Mi" in meaning:
        fixed = re.sub(
            r"^([0-9.]+) *(ki|mi|gi|ti|m|g|t)b?$",
            lambda m: m[1] + m[2].capitalize(),
            value,
            flags=re.IGNORECASE,
        )
        return f"Did you mean {fixed!r}?" if fixed != value else ""
    return ""

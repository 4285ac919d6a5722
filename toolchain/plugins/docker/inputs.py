"""Checking inputs against what this plugin honours, and automatic names."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolchain.plugins.protocol import UNKNOWN, CheckFailure, Properties, Request

DEFAULTS = "__defaults"  # where the vendor's plugin notes which inputs it filled in itself
SUFFIX_DIGITS = 7

Allowed = Mapping[str, Sequence[str] | None]
"""Input names; for lists of objects and objects, the names inside; None where the value is plain."""


def unsupported(news: Properties, allowed: Allowed, kind: str) -> list[CheckFailure]:
    """A failure for each input that this plugin would silently ignore."""
    return [
        CheckFailure(
            path,
            f"the bundled docker plugin does not support {path!r} of a {kind}; leave it out, or install the "
            "vendor's plugin: pulumi plugin install resource docker",
        )
        for path in _unknown_names(news, allowed)
    ]


def _unknown_names(news: Properties, allowed: Allowed) -> Iterator[str]:
    for key, value in news.items():
        if key.startswith("__") or value is None:
            continue
        if key not in allowed:
            yield key
            continue
        inner = allowed[key]
        if inner is None:
            continue
        for place, item in _objects(key, value):
            yield from (
                f"{place}.{name}"
                for name, content in item.items()
                if name not in inner and content is not None
            )


def _objects(key: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Mapping):
        yield key, value
    elif isinstance(value, list):
        yield from ((f"{key}[{i}]", item) for i, item in enumerate(value) if isinstance(item, Mapping))


def with_name(request: Request, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
    """The inputs with a name: the program's, the one made up earlier, or a new one.

    A made-up name is the resource's name, a dash and seven hexadecimal digits.
    """
    if news.get("name") is not None:
        return news, []
    wish = request.autonaming
    if autonamed(olds) and isinstance(olds.get("name"), str):
        name = olds["name"]
    elif wish and wish.mode == "disable":
        return news, [CheckFailure("name", "automatic names are switched off: set name")]
    elif wish and wish.proposed:
        name = wish.proposed
    else:
        digits = request.seed.hex() or secrets.token_hex(SUFFIX_DIGITS)
        name = f"{request.name}-{digits[:SUFFIX_DIGITS]}"
    return {**news, "name": name, DEFAULTS: ["name"]}, []


def autonamed(inputs: Properties) -> bool:
    """Whether the name was made up by the plugin."""
    defaults = inputs.get(DEFAULTS)
    return isinstance(defaults, list) and "name" in defaults


def labels(value: Any) -> dict[str, str]:
    """`[{label, value}]` as the engine's mapping."""
    if value in (None, UNKNOWN):
        return {}
    return {str(entry["label"]): str(entry["value"]) for entry in value}


def label_list(value: Mapping[str, str] | None) -> list[dict[str, str]]:
    """The engine's labels as `[{label, value}]`, in the order of their names."""
    return [{"label": key, "value": text} for key, text in sorted((value or {}).items())]


def text_map(value: Any) -> dict[str, str]:
    """A mapping whose values are all text, as the engine wants its options."""
    return {str(key): str(item) for key, item in (value or {}).items()}

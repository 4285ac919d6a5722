"""The rule about secrets: none in plain text, where everybody who may look at an object can read it. Pure."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from policies.guardrails.engine_containers import CONTAINER
from policies.guardrails.resource import Resource, containers, items, mapping
from policies.guardrails.secret_words import has_form, in_command, in_text, is_option, is_secret

_SCRIPTS = {".sh", ".bash", ".zsh"}
# What looks like a setting there is a variable, or a sentence.
_PROGRAMS = {
    ".css", ".go", ".html", ".java", ".js", ".lua", ".md", ".mjs", ".php", ".pl", ".py", ".rb", ".sql", ".ts",
}  # fmt: skip


def plain_secrets(resource: Resource) -> Iterator[str]:
    """Secrets in the environment or arguments of containers, and in ConfigMaps. Values are never told."""
    for container in containers(resource):
        for variable in map(mapping, items(container.spec.get("env"))):
            name = variable.get("name")
            yield from _judged(f"variable {name} of {container.name}", name, variable.get("value"))
        for key in ("command", "args"):
            yield from _arguments(f"{key} of {container.name}", container.spec.get(key))
    if resource.kubernetes and resource.kind == "ConfigMap":
        for name, value in mapping(resource.inputs.get("data")).items():
            yield from _judged(f"key {name}", name, value)
        for name, value in mapping(resource.inputs.get("binaryData")).items():
            yield from _judged(f"key {name}", name, _decoded(value))
    if resource.type == CONTAINER:
        for entry in items(resource.inputs.get("envs")):
            name, _, value = entry.partition("=") if isinstance(entry, str) else ("", "", "")
            yield from _judged(f"variable {name}", name, value)
        for key in ("command", "entrypoints"):
            yield from _arguments(key, resource.inputs.get(key))


def plain_settings(config: Mapping[str, Any]) -> Iterator[str]:
    """Settings of a stack's file that should have been encrypted, wherever in a value they are."""
    for key, value in config.items():
        name = key.rpartition(":")[2]
        for path in _open(key, name, value, every=name == "secrets"):
            yield (
                f"the setting {path} is in plain text; set it with: "
                f"pulumi config set --secret --path '{path}'"
            )


def _open(path: str, name: str, value: Any, *, every: bool) -> Iterator[str]:
    """The paths of plain secrets in a value; `every`: all that is in it is one."""
    if isinstance(value, Mapping):
        if set(value) == {"secure"}:
            return
        for key, each in value.items():
            yield from _open(f"{path}.{key}", str(key), each, every=every)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _open(f"{path}[{number}]", name, each, every=every)
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        if every or is_secret(name, text) or next(_inner("", text), None) is not None:
            yield path


def _judged(where: str, name: Any, value: Any) -> Iterator[str]:
    if not isinstance(value, str):
        return
    name = name if isinstance(name, str) else ""
    if is_secret(name, value):
        yield _advice(where)
        return
    for inner in dict.fromkeys(_inner(name, value)):
        yield _advice(f"{inner} in {where}")


def _inner(name: str, value: str) -> Iterator[str]:
    """The names of secrets that a value holds which is a file, or a line of several settings."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _PROGRAMS:
        return
    if suffix not in _SCRIPTS and (suffix or "\n" in value or value.lstrip().startswith(("{", "["))):
        yield from in_text(value)
    else:
        yield from in_command(value)


def _arguments(where: str, words: Any) -> Iterator[str]:
    given = [each if isinstance(each, str) else "" for each in items(words)]
    for word, following in pairwise([*given, ""]):
        option = word.lstrip("-") if word.startswith("-") else ""
        # An option may stand apart from its value.
        apart = is_option(option) and not following.startswith("-") and is_secret(option, following)
        if has_form(word) or apart:
            yield _advice(f"{option} in {where}" if apart else where)
        for inner in dict.fromkeys(in_command(word)):
            yield _advice(f"{inner} in {where}")


def _decoded(value: Any) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode() if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None  # pictures, and what else is no text


def _advice(where: str) -> str:
    return f"{where} holds a secret in plain text. Put it into a Secret: {{secret: NAME}} in the document."

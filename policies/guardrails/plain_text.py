"""The rule about secrets: none in plain text, where everybody who may look at an object can read it. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.guardrails.resource import Resource, containers, items, mapping

_SECRET_NAME = re.compile(
    r"(^|[_.\-])(password|passwd|passphrase|secret|token|credentials?|api[_.\-]?key|access[_.\-]?key|"
    r"private[_.\-]?key|encryption[_.\-]?key)([_.\-]?(value|text|base64))?$",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"^(|true|false|yes|no|on|off|none|[0-9]+|\$\([A-Za-z0-9_]+\)|/[\w./-]*)$", re.IGNORECASE
)
_PRIVATE_KEY = re.compile(r"-----BEGIN (\w+ )*PRIVATE KEY-----")
_URL_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<password>[^\s/@]+)@", re.IGNORECASE)


def plain_secrets(resource: Resource) -> Iterator[str]:
    """Secrets in the environment or arguments of containers, and in ConfigMaps. Values are never told."""
    for container in containers(resource):
        for variable in map(mapping, items(container.spec.get("env"))):
            yield from _judged(
                f"variable {variable.get('name')} of {container.name}",
                variable.get("name"),
                variable.get("value"),
            )
        for key in ("command", "args"):
            for word in items(container.spec.get(key)):
                yield from _judged(f"{key} of {container.name}", None, word)
    if resource.kubernetes and resource.kind == "ConfigMap":
        for name, value in mapping(resource.inputs.get("data")).items():
            yield from _judged(f"key {name}", name, value)
    if resource.type == "docker:index/container:Container":
        for entry in items(resource.inputs.get("envs")):
            name, _, value = entry.partition("=") if isinstance(entry, str) else ("", "", "")
            yield from _judged(f"variable {name}", name, value)


def plain_settings(config: Mapping[str, Any]) -> Iterator[str]:
    """Settings of a stack's file that should have been encrypted."""
    for key, value in config.items():
        name = key.rpartition(":")[2]
        if name == "secrets" and isinstance(value, Mapping):
            open_ = (
                [inner for inner, each in value.items() if not _encrypted(each)]
                if not _encrypted(value)
                else []
            )
            for inner in open_:
                yield _advice(f"{key}.{inner}")
        elif isinstance(value, str) and _is_secret(name, value):
            yield _advice(key)


def _advice(key: str) -> str:
    return f"the setting {key} is in plain text; set it with: pulumi config set --secret --path '{key}'"


def _encrypted(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"}


def _judged(where: str, name: Any, value: Any) -> Iterator[str]:
    if isinstance(value, str) and _is_secret(name if isinstance(name, str) else "", value):
        yield f"{where} holds a secret in plain text. Put it into a Secret: {{secret: NAME}} in the document."


def _is_secret(name: str, value: str) -> bool:
    if _PRIVATE_KEY.search(value):
        return True
    found = _URL_PASSWORD.search(value)
    if found and not found["password"].startswith("$"):
        return True
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return bool(_SECRET_NAME.search(words)) and not _HARMLESS.match(value)

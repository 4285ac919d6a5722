"""Who has an application in a cloud: one stack, as the application's name is its namespace's there."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from stacks.config_file import NAMESPACE
from stacks.names import StackName, UnknownStack, parse

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PROJECT = "altostratus"
_NAMESPACE_TYPE = "kubernetes:core/v1:Namespace"


class ApplicationTaken(Exception):
    """Another stack has the application in this cloud."""


def refuse_second(stack: StackName, application: str, cloud: str, config: Path, state: Path) -> None:
    """Refuse a stack that is new where another has the application in the cloud already.

    `config`: the folder of the stacks' config files; `state`: that of the file backend. Copies in other
    clouds are no matter. Raises ApplicationTaken.
    """
    for other in _same(application, cloud, config):
        if other.text != stack.text and _made(other, state) and not _made(stack, state):
            copy = f"app-{application}--CLOUD"
            raise ApplicationTaken(
                f"{stack.text}: the application {application!r} is in the cloud {cloud} already: "
                f"{other.text} has it, and its namespace.\n"
                f"  Update {other.text} instead, give this one's document another name, or choose another "
                f"cloud (a copy there is {copy}).\n"
                f"  To give {application} to {stack.text}, remove the other first: alto destroy {other.text}"
            )


def _same(application: str, cloud: str, config: Path) -> Iterator[StackName]:
    for path in sorted(config.glob("Pulumi.app-*.yaml")):
        try:
            name = parse(path.stem.removeprefix("Pulumi."))
            document: Any = yaml.load(path.read_text("utf-8"), _LOADER)  # noqa: S506  (either is the safe one)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, UnknownStack):
            continue
        told = (document.get("config") or {}) if isinstance(document, dict) else {}
        if (
            told.get(f"{NAMESPACE}:application", name.subject) == application
            and told.get(f"{NAMESPACE}:cloud", name.cloud) == cloud
        ):
            yield name


def _made(stack: StackName, state: Path) -> bool:
    """Whether the stack has a namespace."""
    path = state / ".pulumi" / "stacks" / _PROJECT / f"{stack.text}.json"
    try:
        latest = json.loads(path.read_text("utf-8"))["checkpoint"].get("latest") or {}
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return any(resource.get("type") == _NAMESPACE_TYPE for resource in latest.get("resources") or ())

"""What stacks' own state says of them, as far as a file tells it: that of Pulumi's file backend."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

PROJECT = "altostratus"
_STACK = "pulumi:pulumi:Stack"


def outputs(backend: str, stack: str) -> Mapping[str, Any] | None:
    """The outputs that a stack's last update left; secrets in them stay encrypted.

    `backend` is Pulumi's address of the backend. Empty where nothing of the stack is deployed; None where
    that cannot be known from here: another kind of backend, or a state that nobody can read.
    """
    url = urlsplit(backend)
    if url.scheme != "file":
        return None
    folder = Path(unquote(url.path)) / ".pulumi" / "stacks"
    if not folder.is_dir():
        return None
    path = folder / PROJECT / f"{stack}.json"
    if not path.exists():
        return {} if not path.with_name(f"{path.name}.gz").exists() else None
    try:
        latest = json.loads(path.read_bytes())["checkpoint"].get("latest") or {}
        resources = latest.get("resources") or []
        found = [each.get("outputs") for each in resources if each.get("type") == _STACK]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not resources:
        return {}
    return next((each for each in found if isinstance(each, dict)), None)

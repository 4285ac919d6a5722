"""Who owns which field of an object, as server-side apply records it."""

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from toolchain.plugins.kubernetes import naming
from toolchain.plugins.protocol import Properties

# Tools whose earlier, unrecorded ownership passes to us: creates are plain creates, and an object may
# have been made by client-side apply before. Entries are prefixes, as tools add to their names.
PREDECESSORS = ("kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes")
CLIENT_SIDE = "pulumi-kubernetes"


def takeover(live: Properties, manager: str) -> list[dict[str, Any]]:
    """The JSON patch that turns what we and our predecessors set by plain writes into our applied fields.

    Without it an apply could neither remove those fields nor change them without a conflict. Empty
    when there is nothing to do. Guarded by the resource version: a concurrent change makes it fail.
    """
    entries = naming.metadata(live).get("managedFields") or []
    ours = [entry for entry in entries if _ours(entry, manager)]
    if all(entry.get("operation") == "Apply" and entry.get("manager") == manager for entry in ours):
        return []
    merged: dict[str, Any] = {}
    for entry in ours:
        _merge(merged, entry.get("fieldsV1") or {})
    kept = [entry for entry in entries if not _ours(entry, manager)]
    applied = {
        "manager": manager,
        "operation": "Apply",
        "apiVersion": live.get("apiVersion"),
        "fieldsType": "FieldsV1",
        "fieldsV1": merged,
        "time": max((entry["time"] for entry in ours if entry.get("time")), default=None),
    }
    applied = {key: value for key, value in applied.items() if value is not None}
    version = naming.metadata(live).get("resourceVersion")
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, applied]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def _ours(entry: Mapping[str, Any], manager: str) -> bool:
    name, subresource = str(entry.get("manager")), entry.get("subresource") or ""
    if subresource == "status":
        return False
    if name == manager:
        return True
    if entry.get("operation") == "Apply":
        return name == "kubectl"
    return name.startswith(PREDECESSORS)


def _merge(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for key, inner in fields.items():
        _merge(into.setdefault(key, {}), inner if isinstance(inner, Mapping) else {})


def keep_ignored(wanted: Properties, live: Properties, manager: str, ignored: Sequence[str]) -> Properties:
    """The wanted object with ignored fields left to those who hold them.

    A field that others own and we do not is left out; any other keeps its live value, so that
    applying neither changes nor drops it. Paths through lists are left as they are.
    """
    content = deepcopy(wanted)
    entries = naming.metadata(live).get("managedFields") or []
    for text in ignored:
        path = text.replace('["', ".").replace('"]', "").split(".")
        if any("[" in step for step in path):
            continue
        ours = any(_holds(entry, path) for entry in entries if entry.get("manager") == manager)
        theirs = any(_holds(entry, path) for entry in entries if entry.get("manager") != manager)
        if theirs and not ours:
            _remove(content, path)
        else:
            _copy(live, content, path)
    return content


def _holds(entry: Mapping[str, Any], path: Sequence[str]) -> bool:
    fields: Any = entry.get("fieldsV1") or {}
    for step in path:
        if f"f:{step}" not in fields:
            return False
        fields = fields[f"f:{step}"]
    return True


def _remove(content: Properties, path: Sequence[str]) -> None:
    for step in path[:-1]:
        content = content.get(step, {})
        if not isinstance(content, dict):
            return
    content.pop(path[-1], None)


def _copy(source: Properties, target: Properties, path: Sequence[str]) -> None:
    for step in path[:-1]:
        source, target = source.get(step, {}), target.setdefault(step, {})
        if not isinstance(source, dict) or not isinstance(target, dict):
            return
    if path[-1] in source:
        target[path[-1]] = source[path[-1]]


def force(wanted: Properties, live: Properties | None, manager: str, *, always: bool, preview: bool) -> bool:
    """Whether to take fields from other managers.

    A preview cannot take over first, so it forces where the real update would have taken over.
    """
    if naming.flag(wanted, naming.PATCH_FORCE) or always:
        return True
    if "PULUMI_K8S_ENABLE_PATCH_FORCE" in os.environ:
        return os.environ["PULUMI_K8S_ENABLE_PATCH_FORCE"] == "true"
    return preview and live is not None and bool(takeover(live, manager))
